"""A connection to one process, by its control socket: requests go out in order, and each is answered or the end of it.

While nothing is asked, the process is told now and then that its controller is there: its lease goes on.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
from pathlib import Path
from typing import Any, Final, Protocol

from blockfreeze.control import frames
from blockfreeze.control.frames import EndOfStreamError, FrameError, Message
from blockfreeze.control.peers import is_own
from blockfreeze.control.place import process_of
from blockfreeze.control.short_names import short_name
from blockfreeze.core.errors import ControlError

LEASE: Final = 15.0
"""For how long a process waits to hear of its controller, in seconds; it is told three times as often."""

_SLACK: Final = 5.0
"""How much longer than the time that a request gives its answer may take, in seconds."""


_ENDING: Final = 15.0
"""How long a process that has closed its connection may take to end, in seconds."""


class Link(Protocol):
    """One process that can be asked."""

    @property
    def pid(self) -> int:
        """The process."""

    def ask(self, request: Message, timeout: float) -> Answer:
        """Begin to ask; the answer is had by waiting for it."""

    def close(self) -> None:
        """End the connection: what waits in the process is discarded."""


class Answer:
    """What a process will have answered: a reply, or that it is gone, or that it is silent."""

    def __init__(self) -> None:
        self._there = threading.Event()
        self._reply: Message = {}

    def give(self, reply: Message) -> None:
        """Let who waits have the reply."""
        self._reply = reply
        self._there.set()

    def wait(self) -> Message:
        """Return the reply: with ``"ok"``, or with ``"gone"`` if the process has ended or says nothing."""
        self._there.wait()
        return self._reply


def gone(why: str, *, silent: bool = False) -> Message:
    """Return what stands for the reply of a process that has given none.

    Args:
        silent: it may still be there, and may have done what it was asked for.
    """
    return {"ok": False, "gone": True, "silent": silent, "error": "silent" if silent else "gone", "message": why}


class SocketLink:
    """A link by a control socket, with a thread of its own."""

    def __init__(self, path: Path) -> None:
        """Connect.

        Raises:
            ControlError: it is another user's socket.
            OSError: nobody listens there.
        """
        self.pid = process_of(path)
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connection.settimeout(frames.PATIENCE)
            with short_name(path) as name:
                self._connection.connect(name)
            if not is_own(self._connection):
                raise ControlError(f"{path}: the socket is another user's; remove it")
        except BaseException:
            self._connection.close()
            raise
        self._requests: queue.SimpleQueue[tuple[Message, float, Answer] | None] = queue.SimpleQueue()
        self._ended: Message | None = None
        self._in_transaction = False
        threading.Thread(target=self._run, name=f"blockfreeze link {self.pid}", daemon=True).start()

    def ask(self, request: Message, timeout: float) -> Answer:
        """Begin to ask."""
        answer = Answer()
        self._requests.put((request, timeout, answer))
        return answer

    def close(self) -> None:
        """End the connection, after what was begun."""
        self._requests.put(None)

    def _run(self) -> None:
        with self._connection:
            while True:
                try:
                    found = self._requests.get(timeout=LEASE / 3)
                except queue.Empty:
                    found = ({"do": "renew"}, 0.0, Answer())
                if found is None:
                    return
                request, timeout, answer = found
                answer.give(self._reply(request, timeout))

    def _reply(self, request: Message, timeout: float) -> Message:
        if self._ended is not None:
            return self._ended
        try:
            frames.write(self._connection, request | {"timeout": timeout, "lease": LEASE}, frames.REQUEST_LIMIT)
            return frames.read(self._connection, frames.REPLY_LIMIT, timeout + _SLACK)
        except (FrameError, OSError) as error:
            closed = isinstance(error, EndOfStreamError | ConnectionError)
            there = not self._ends_within(_ENDING) if closed else self._is_there()
            self._ended = gone(f"it does not answer: {error}" if there else "it has ended", silent=there)
            self._connection.close()
            return self._ended

    def _ends_within(self, seconds: float) -> bool:
        """Tell whether the process ends soon: one that exits closes its connections a moment before it is gone."""
        until = time.monotonic() + seconds
        while there := self._is_there():
            if time.monotonic() > until:
                break
            time.sleep(0.02)
        return not there

    def _is_there(self) -> bool:
        """Tell whether the process is still there; one that has ended may be waited for by its parent yet."""
        try:
            os.kill(self.pid, 0)
        except OSError:
            return False
        try:
            stat: Any = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return not self._was_closed()
        return stat.rpartition(")")[2].split()[:1] not in (["Z"], ["X"])

    def _was_closed(self) -> bool:
        """Tell whether the other side has closed the connection: without /proc, that is a process that has ended."""
        try:
            self._connection.setblocking(False)
            return self._connection.recv(1) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
