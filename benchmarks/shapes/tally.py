"""What is counted: whole, torn, raised and stale calls, by route; and how a call is judged.

Each thread has a tally of its own; the floor is shared by all. The floor is a lower bound for the version that a
call which starts now may show: it has been committed, or some call has shown it. Threads raise the floor without a
lock, so it may lag behind; a lagging floor misses a stale call and never invents one.
"""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Floor", "Tally"]


class Floor:
    """The newest version that is known to serve."""

    def __init__(self, serial: int) -> None:
        self.serial = serial
        self.committed = serial


@dataclass
class Tally:
    """The counts of one thread.

    Attributes:
        torn, raised, stale: number of such calls, by route.
        crossed: calls that were under way while a version was committed.
        samples: one example of each kind of trouble.
    """

    floor: Floor
    calls: int = 0
    crossed: int = 0
    torn: Counter[str] = field(default_factory=Counter)
    raised: Counter[str] = field(default_factory=Counter)
    stale: Counter[str] = field(default_factory=Counter)
    samples: dict[str, str] = field(default_factory=dict)
    newest: int = 0

    def since(self) -> int:
        """Return the oldest version that a call which starts now may show."""
        return max(self.floor.serial, self.newest)

    def judge(self, route: str, tags: object, since: int | None) -> None:
        """Count one finished call; `since` is the floor at its start, or None if it may be of any version."""
        self.calls += 1
        if not isinstance(tags, tuple) or not tags:
            self.raised[route] += 1
            self.samples.setdefault("raised", f"{route}: the result is {tags!r}")
            return
        first = tags[0]
        if tags.count(first) != len(tags):
            self.torn[route] += 1
            self.samples.setdefault("torn", f"{route}: {tags}")
            return
        if since is not None and first < since:
            self.stale[route] += 1
            self.samples.setdefault("stale", f"{route}: {first} after {since}")
        elif since is not None:
            self.newest = first
            if first > self.floor.serial:
                self.floor.serial = first

    def fail(self, route: str, error: BaseException) -> None:
        """Count one call that raised."""
        self.calls += 1
        self.raised[route] += 1
        if "raised" not in self.samples:
            self.samples["raised"] = f"{route}: " + "".join(traceback.format_exception(error, limit=-3)).strip()

    def add(self, other: Tally) -> None:
        """Add the counts of another thread."""
        self.calls += other.calls
        self.crossed += other.crossed
        self.torn += other.torn
        self.raised += other.raised
        self.stale += other.stale
        self.samples = {**other.samples, **self.samples}
