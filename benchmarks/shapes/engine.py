"""A Redis server to start, kill and pause, and the way to it, which can be cut off for one machine alone."""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from types import TracebackType

from benchmarks.shapes.served import free_port
from blockfreeze.fleet.store import StoreError, open_store

_LIMIT = 60.0


class Redis:
    """A Redis server of its own, on loopback; it keeps nothing on the disk."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._place = tempfile.TemporaryDirectory(prefix="bf-redis-")
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Redis:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._place.cleanup()

    def start(self, *options: str) -> None:
        """Start it, and wait until it answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._place.name]
        command += ["--save", "", "--appendonly", "no", "--loglevel", "warning", *options]
        self._server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        end = time.monotonic() + _LIMIT
        while not self._answers():
            if time.monotonic() > end:
                raise RuntimeError("redis-server does not answer")
            time.sleep(0.02)

    def _answers(self) -> bool:
        with closing(open_store(self.url)) as store, suppress(StoreError):
            store.read("nothing")
            return True
        return False

    def kill(self) -> None:
        """End it at once; what it knew is lost."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Have it answer nothing for the length of a ``with`` statement, with its connections open."""
        if self._server is None:
            raise RuntimeError("it is not running")
        self._server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.send_signal(signal.SIGCONT)


class Way:
    """The way of one machine to the engine, through a port of its own. Threads: one of its own, and any that cuts."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"redis://127.0.0.1:{self._server.getsockname()[1]}/0"
        self._cut = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it, and its connections."""
        self._ended.set()
        self._thread.join()
        self._server.close()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Carry nothing for the length of a ``with`` statement, and take connections that nobody answers."""
        self._cut.set()
        try:
            yield
        finally:
            self._cut.clear()

    def _carry(self) -> None:
        ends: dict[socket.socket, socket.socket] = {}
        while not self._ended.is_set():
            if self._cut.is_set():
                time.sleep(0.01)
                continue
            ready, _, _ = select.select([self._server, *ends], [], [], 0.05)
            for one in ready:
                if self._cut.is_set():
                    break
                if one is self._server:
                    self._connect(ends)
                elif one in ends and not _moved(one, ends[one]):
                    other = ends.pop(one)
                    ends.pop(other, None)
                    one.close()
                    other.close()
        for one in ends:
            one.close()

    def _connect(self, ends: dict[socket.socket, socket.socket]) -> None:
        near, _ = self._server.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self._to), timeout=1.0)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        ends[near], ends[far] = far, near


def _moved(one: socket.socket, other: socket.socket) -> bool:
    """Move what has arrived; tell whether the connection goes on."""
    try:
        data = one.recv(65536)
        other.sendall(data)
    except OSError:
        return False
    return bool(data)
