"""A thread that does what a session is asked for, so that the session can end waiting for it.

What takes too long is interrupted: an exception is raised in the thread at its next instruction. What waits inside of C
code (a lock, a socket) does not come to one; then the session goes on without it, and it ends when it gets there.
"""

from __future__ import annotations

import ctypes
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, Final

_GRACE: Final = 0.5
"""How long the thread may take to end what it was interrupted in, in seconds."""


class InterruptedWorkError(BaseException):
    """Raised inside of what takes too long; not an `Exception`, so that bodies which catch those do not swallow it."""


class _Task:
    """One call: what it returned or raised, and whether it has ended."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.begun = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.ended = threading.Event()
        self.ending = threading.Lock()  # held while it is decided whether it has ended or is interrupted

    def run(self) -> None:
        """Make the call, if it was not given up before; an interruption that comes too late for it is lost here."""
        try:
            with self.ending:
                if self.ended.is_set():
                    return
                self.begun = True
            try:
                self.result = self.call()
            except BaseException as error:
                self.error = error
            with self.ending:
                self.ended.set()
        except InterruptedWorkError as late:
            self.error = self.error or late
            self.ended.set()


class Work:
    """A daemon thread that makes the calls of one session, one after another. Threads: only the session's uses it."""

    def __init__(self, name: str) -> None:
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._begun: _Task | None = None
        self._thread.start()

    @property
    def thread(self) -> threading.Thread:
        """The thread that makes the calls."""
        return self._thread

    @property
    def is_idle(self) -> bool:
        """Whether the last call that was begun has ended."""
        return self._begun is None or self._begun.ended.is_set()

    def begin(self, call: Callable[[], Any]) -> threading.Event:
        """Begin a call, and return what is set when it has ended; the one before must have ended."""
        self._begun = _Task(call)
        self._tasks.put(self._begun)
        return self._begun.ended

    def outcome(self) -> Any:
        """Return what the call that has ended last has returned, or raise what it has raised."""
        task, self._begun = self._begun, None
        assert task is not None
        assert task.ended.is_set()
        if task.error is not None:
            raise task.error
        return task.result

    def stack(self) -> list[str]:
        """Return where the thread is now: file, line and function of each frame, the innermost last."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        return [f"{at.filename}:{at.lineno} in {at.name}" for at in traceback.extract_stack(frame)] if frame else []

    def interrupt(self) -> bool:
        """Interrupt the call, and tell whether it has ended."""
        task = self._begun
        assert task is not None
        with task.ending:
            if not task.begun:  # the thread has not come to it: an exception would be raised beside it
                task.error = InterruptedWorkError()
                task.ended.set()
            elif not task.ended.is_set():
                identity = ctypes.c_ulong(self._thread.ident or 0)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(InterruptedWorkError))
        return task.ended.wait(_GRACE)

    def end(self) -> None:
        """Let the thread end when it has made the calls that were begun."""
        self._tasks.put(None)

    def _run(self) -> None:
        while True:
            try:
                task = self._tasks.get()
                if task is None:
                    return
                task.run()
                del task
            except InterruptedWorkError:
                continue  # it came between two calls
