"""A call parked inside foreign code: it runs on a thread of its own until the gate, and goes on when told to.

The gate is an ordinary function of the test, so the parked call stands in foreign Python that block code called.
Nothing sleeps: both sides wait for events, with a limit that only a failing test reaches.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

LIMIT = 30.0


class ParkedCall:
    """Start `call(gate)` and return from the constructor when the gate has been reached."""

    def __init__(self, call: Callable[[Callable[[], None]], object]) -> None:
        self._arrived = threading.Event()
        self._onwards = threading.Event()
        self._call = call
        self._answer: object = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="parked call")
        self._thread.start()
        assert self._arrived.wait(LIMIT), "the call did not reach the gate"

    def _run(self) -> None:
        try:
            self._answer = self._call(self._gate)
        except BaseException as error:
            self._error = error
        finally:
            self._arrived.set()

    def _gate(self) -> None:
        self._arrived.set()
        assert self._onwards.wait(LIMIT), "the gate was not opened"

    def finish(self) -> object:
        """Open the gate, and return or raise what the call does."""
        self._onwards.set()
        self._thread.join(LIMIT)
        assert not self._thread.is_alive(), "the call did not finish"
        if self._error is not None:
            raise self._error
        return self._answer

    def __enter__(self) -> ParkedCall:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._onwards.set()
        self._thread.join(LIMIT)
