"""Calls in threads of their own, whose result is asked for; a parked one stands at a gate until it is told to go on.

Nothing sleeps: both sides wait for events, with a limit that only a failing test reaches. An error of the call is
raised where its result is asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, TypeVar

LIMIT = 30.0
_T = TypeVar("_T")


class ThreadedCall(Generic[_T]):
    """A call that runs in a thread of its own from its construction on."""

    def __init__(self, call: Callable[..., _T], *arguments: Any, name: str = "threaded call") -> None:
        self._answer: list[_T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(call, *arguments), name=name, daemon=True)
        self._thread.start()

    def _run(self, call: Callable[..., _T], *arguments: Any) -> None:
        try:
            self._answer.append(call(*arguments))
        except BaseException as error:
            self._error = error

    def is_alive(self) -> bool:
        """Tell whether the call has not come to its end."""
        return self._thread.is_alive()

    def join(self, limit: float = LIMIT) -> None:
        """Wait for the call's end, whatever it is."""
        self._thread.join(limit)

    def result(self, limit: float = LIMIT) -> _T:
        """Return or raise what the call does."""
        self.join(limit)
        assert not self.is_alive(), "the call did not end"
        if self._error is not None:
            raise self._error
        return self._answer[0]


class ParkedCall(ThreadedCall[_T]):
    """Start `call(gate)` and return from the constructor when the gate has been reached.

    The gate is an ordinary function of the test, so the parked call stands in foreign Python that block code called.
    """

    def __init__(self, call: Callable[[Callable[[], None]], _T], *, name: str = "parked call") -> None:
        self._arrived = threading.Event()
        self._onwards = threading.Event()
        super().__init__(self._until_the_end, call, name=name)
        assert self._arrived.wait(LIMIT), "the call did not reach the gate"

    def _until_the_end(self, call: Callable[[Callable[[], None]], _T]) -> _T:
        try:
            return call(self._gate)
        finally:
            self._arrived.set()

    def _gate(self) -> None:
        self._arrived.set()
        assert self._onwards.wait(LIMIT), "the gate was not opened"

    def finish(self) -> _T:
        """Open the gate, and return or raise what the call does."""
        self._onwards.set()
        return self.result()

    def __enter__(self) -> ParkedCall[_T]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._onwards.set()
        self.join()


def elsewhere(call: Callable[..., _T], *arguments: Any) -> _T:
    """Return or raise what a call does in another thread."""
    return ThreadedCall(call, *arguments).result()
