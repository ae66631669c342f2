"""What has happened to the blocks of this process, for those who ask later: the last events, in bounded memory."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Final

from blockfreeze.core.events import Converged, Event, GateOpened, Prepared

_KEPT: Final = 200
"""How many events are kept, of all blocks together."""

_LONGEST: Final = 1000
"""How many characters of an event's text are kept: a refusal may bring a whole traceback."""

_PASSING: Final = (Converged, GateOpened, Prepared)
"""What says little afterwards, and comes with each swap."""


class Chronicle:
    """The last events: a subscriber, which remembers them as plain values. Threads: any."""

    def __init__(self) -> None:
        self._events: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def __call__(self, event: Event) -> None:
        """Remember an event."""
        if isinstance(event, _PASSING):
            return
        text = str(event)
        self._events.append(
            {
                "at": time.time(),
                "event": type(event).__name__,
                "block": event.block,
                "generation": event.generation,
                "label": getattr(event, "label", ""),
                "retired": getattr(event, "retired", ()),
                "text": text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…",
            }
        )

    def told(self, block: str | None = None) -> list[dict[str, Any]]:
        """Return the events, or those of one block, the oldest first: plain values, with the time since the epoch."""
        return [one for one in self._events.copy() if block in (None, one["block"])]
