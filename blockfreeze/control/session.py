"""One connection: its requests are answered one after another, until the controller closes it or its lease runs out.

While a candidate waits, or a commit is not done, the controller must be heard of within the lease that it has asked
for: one that was stopped, or whose machine is gone, holds nothing up.
"""

from __future__ import annotations

import logging
import select
import socket
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from threading import Event
from typing import Final

from blockfreeze.api import registry
from blockfreeze.control import described, frames, packages, requests
from blockfreeze.control.frames import EndOfStreamError, FrameError, Message
from blockfreeze.control.roots import roots_for
from blockfreeze.control.transaction import LONGEST, Transaction
from blockfreeze.control.work import Work
from blockfreeze.core.errors import ControlError
from blockfreeze.model.block import Block

_logger = logging.getLogger("blockfreeze")

_IDLE: Final = 60.0
"""How long a connection on which nothing was begun may be silent, in seconds."""

_LEASE: Final = 15.0
_LONGEST_LEASE: Final = 300.0

_LOOK: Final = 0.05
"""How often a session that waits for work looks whether the other side is still there, in seconds."""


_ABANDONED: Final = ("prepare", "drain", "health")
"""What is given up when the controller is gone; the rest is finished, also if it has only been told to do it."""


_LASTING: Final = ("drain", "health")
"""What forks of the process do not wait for: it changes nothing."""


class _GoneError(Exception):
    """The connection is of no more use: the controller has closed it while something was done, or the process ends."""


class Session:
    """The requests of one connection. Threads: its own."""

    def __init__(self, connection: socket.socket, directory: Path, roots: tuple[Path, ...]) -> None:
        self._connection = connection
        self._transaction = Transaction(directory, roots)
        self._roots = roots
        self._lease = _LEASE
        self._work: Work | None = None
        self._stuck = False  # what was begun has not ended, and cannot be ended
        self._worked: dict[str, Callable[[Message], Message]] = {
            name: getattr(self._transaction, name)
            for name in ("prepare", "commit", "discard", "back", "done", "rollback", "follow", "health", "drain")
        }

    def serve(self) -> None:
        """Answer until the connection ends; nothing that comes over it raises an error here."""
        try:
            while True:
                idle = self._lease if self._transaction.is_open else _IDLE
                request = frames.read(self._connection, frames.REQUEST_LIMIT, idle)
                frames.write(self._connection, self._answer(request), frames.REPLY_LIMIT)
                if request.get("do") == "detach" and (control := registry.control()) is not None:
                    control.close()
        except EndOfStreamError:
            pass
        except FrameError as error:
            _logger.info("a control session has ended: %s", error)
            self._refuse(error)
        except (OSError, _GoneError) as error:
            _logger.info("a control session has ended: %s", str(error) or "the controller is gone")
        finally:
            self._end()

    def forget_inherited(self) -> None:
        """In the child of a fork: drop what waits in the parent for its controller."""
        self._transaction.forget_inherited()

    def _refuse(self, error: FrameError) -> None:
        try:
            frames.write(self._connection, _failed(error), frames.REPLY_LIMIT)
        except (OSError, FrameError):
            return  # the other side does not listen

    def _answer(self, request: Message) -> Message:
        what = request.get("do")
        try:
            if what in ("status", "renew", "detach"):
                with registry.forks().at_work():
                    return {"ok": True} | (self._status(request) if what == "status" else {})
            if what == "packages":
                return {"ok": True, "process": described.process(), "packages": packages.installed()}
            if not isinstance(what, str) or what not in self._worked:
                raise ControlError(f"there is no request {str(what)[:40]!r}; see the protocol in blockfreeze.control")
            self._lease = requests.seconds(request, "lease", self._lease, _LONGEST_LEASE)
            return {"ok": True} | self._do(what, request)
        except _GoneError:
            raise
        except Exception as error:  # whatever a release raises
            return _failed(error)

    def _status(self, request: Message) -> Message:
        wanted = requests.optional_text(request, "block")
        found: Message = {
            "process": described.process(),
            "blocks": [
                described.described(one) | {"roots": self._roots_of(one)}
                for one in registry.all_blocks()
                if wanted is None or wanted == one.name or wanted in one.roots
            ],
        }
        if requests.flag(request, "events"):
            found["events"] = registry.chronicle().told(wanted)
        if requests.flag(request, "live"):
            found["stacks"] = described.stacks()
        return found

    def _roots_of(self, block: Block) -> list[str]:
        try:
            return [str(one) for one in roots_for(block, self._roots)]
        except ControlError:
            return []

    def _do(self, what: str, request: Message) -> Message:
        """Do what is asked for in the work thread, in the time that the request gives.

        Raises:
            ControlError: it took too long, and was given up; the stack says where it was.
        """
        if self._stuck:
            raise ControlError("what was begun in this session hangs; open another one")
        limit = requests.seconds(request, "timeout", 60.0, LONGEST)
        work = self._work = self._work or _new_work()
        ended = work.begin(partial(_called, self._worked[what], request, lasting=what in _LASTING))
        self._wait(ended, limit, for_its_controller=what in _ABANDONED)
        if not ended.is_set():
            stack = work.stack()
            self._stuck = not work.interrupt()
            why = f"{what}: not done in {limit:g} s; it was in {stack[-1] if stack else 'no frame'}"
            how = "it was given up"
            if self._stuck:
                given_up = self._transaction.abandon(work.thread, f"{why}, and hangs there")
                how = "it hangs there, and was given up" if given_up else "it hangs there"
            raise ControlError(f"{why}; {how}, and what served serves", stack=stack, stuck=self._stuck)
        found: Message = work.outcome()
        return found

    def _wait(self, ended: Event, limit: float, *, for_its_controller: bool) -> None:
        """Wait for the work; if it is done for the controller alone, no longer than that is there."""
        until = time.monotonic() + limit
        while not ended.wait(max(0.0, min(_LOOK, until - time.monotonic()))) and time.monotonic() < until:
            readable = for_its_controller and select.select([self._connection], [], [], 0)[0]
            if readable and not self._connection.recv(1, socket.MSG_PEEK):
                raise _GoneError

    def _end(self) -> None:
        self._connection.close()
        work, transaction = self._work, self._transaction
        if work is None:
            return
        if not self._stuck and not work.is_idle:
            self._stuck = not work.interrupt()
        # After a call that hangs it is done as soon as that ends.
        work.begin(transaction.end)
        work.end()


def _new_work() -> Work:
    try:
        return Work("blockfreeze control work")
    except RuntimeError:  # no thread can be started any more
        raise _GoneError("this process is about to end") from None


def _called(call: Callable[[Message], Message], request: Message, *, lasting: bool) -> Message:
    with nullcontext() if lasting else registry.forks().at_work():
        return call(request)


def _failed(error: BaseException) -> Message:
    """Return the reply that tells of an error."""
    return {
        "ok": False,
        "error": type(error).__name__,
        "message": str(error),
        "stack": getattr(error, "stack", []),
        "stuck": getattr(error, "stuck", False),
        "concerned": getattr(error, "concerned", False),
    }
