"""A fence: after too long without the engine, a process refuses requests, as it may serve an old release.

`wsgi_entry` and `asgi_entry` answer 503 then; whatever else serves the block can ask `is_shut`.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Fence:
    """Threads: any.

    Args:
        seconds: for how long the process may serve without the engine.
        clock: tells the time, in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._touched = clock()

    def touch(self) -> None:
        """Note that the engine was reached, and that the block is where the pointer leads."""
        self._touched = self._clock()

    def is_shut(self) -> bool:
        """Tell whether that is too long ago."""
        return self._clock() - self._touched > self.seconds
