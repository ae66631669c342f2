"""What the tests of fleets share: engines, one that is away or interrupted on command, and programs that follow."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.shapes.served import free_port
from blockfreeze.fleet.store import Store, StoreError, open_store

LIMIT = 60.0


def until(condition: Callable[[], Any]) -> Any:
    """Return what `condition` returns, as soon as that is true."""
    end = time.monotonic() + LIMIT
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return found


class Guided:
    """A store that fails while it is `away`, and calls what is to happen before or after one of its methods."""

    def __init__(self, store: Store) -> None:
        self.away = False
        self.before: dict[str, Callable[[], object]] = {}
        self.after: dict[str, Callable[[], object]] = {}
        self.asked: list[str] = []
        self._store = store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*args: Any) -> Any:
            self.asked.append(name)
            if self.away:
                raise StoreError("the engine is away")
            self.before.pop(name, lambda: None)()
            answer = method(*args)
            self.after.pop(name, lambda: None)()
            return answer

        return call


class Redis:
    """A Redis server of its own, on loopback. It keeps nothing on the disk unless it is `lasting`."""

    def __init__(self, *, lasting: bool = False) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._place = tempfile.TemporaryDirectory(prefix="bf-redis-")
        self._keeps = "yes" if lasting else "no"
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Redis:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._place.cleanup()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._place.name]
        command += ["--save", "", "--appendonly", self._keeps, "--appendfsync", "always", "--loglevel", "warning"]
        self._server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(self._answers)

    def _answers(self) -> bool:
        with closing(open_store(self.url)) as store, suppress(StoreError):
            store.read("nothing")
            return True
        return False

    def kill(self) -> None:
        """End it at once."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Have it answer nothing for the length of a ``with`` statement, with its connections open."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.send_signal(signal.SIGCONT)


RELEASE = """
def frob(a): return (a,) * {number}
def bar(them): return len(them), {number}
def answer():
    first, second = bar(frob(1))
    return first, second, {number}
def check(candidate): assert answer() == ({number},) * 3
def refuse(candidate): raise AssertionError("this release is refused")
def well(): return True
def ill(): raise AssertionError("it is ill")
"""
PROGRAM = """
import sys
import shop
for line in sys.stdin:
    print(*shop.answer(), flush=True)
"""


def write_releases(place: Path, numbers: range = range(1, 4)) -> None:
    """Write releases ``r1``, ``r2`` and so on of the module `shop`."""
    for number in numbers:
        (place / f"r{number}").mkdir(parents=True)
        (place / f"r{number}" / "shop.py").write_text(RELEASE.format(number=number), encoding="utf-8")


class Machine:
    """One machine of a fleet: a program under `blockfreeze run --fleet`, which answers each line by three numbers."""

    def __init__(
        self, place: Path, url: str, host: str, *options: str, environment: dict[str, str] | None = None
    ) -> None:
        self.host = host
        (place / "program.py").write_text(PROGRAM, encoding="utf-8")
        self._sockets = tempfile.TemporaryDirectory(prefix="bf-")
        run = ["run", "--block", "shop", "--fleet", url, "--release", str(place / "r1"), "--host", host, *options]
        self._log = (place / f"{host}.log").open("w+b")
        self.program = subprocess.Popen(
            [sys.executable, "-m", "blockfreeze", *run, str(place / "program.py")],
            cwd=place,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "BLOCKFREEZE_DIRECTORY": self._sockets.name,
                "BLOCKFREEZE_FLEET_CACHE": str(place / f"cache-{host}"),
                **(environment or {}),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def __enter__(self) -> Machine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        with suppress(BrokenPipeError):
            self.program.stdin.close()
        if self.program.poll() is None:
            self.program.send_signal(signal.SIGCONT)
            try:
                self.program.wait(LIMIT)
            except subprocess.TimeoutExpired:
                self.program.kill()
                self.program.wait()
        self.program.stdout.close()
        self._log.seek(0)
        if error is not None:
            print(self.host, self._log.read().decode(errors="replace"))
        self._log.close()
        self._sockets.cleanup()

    def answer(self) -> int:
        """Return which release answers, which is to be one alone."""
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.program.stdin.write("\n")
        self.program.stdin.flush()
        numbers = set(self.program.stdout.readline().split())
        assert len(numbers) == 1, numbers
        return int(numbers.pop())


def command(*arguments: str, status: int = 0) -> Any:
    """Run a command of the command line, and return what it prints as JSON."""
    made = subprocess.run(
        [sys.executable, "-m", "blockfreeze", *arguments, "--json"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        text=True,
        capture_output=True,
        timeout=2 * LIMIT,
    )
    assert made.returncode == status, made.stdout + made.stderr
    return json.loads(made.stdout) if made.stdout else {"message": made.stderr}
