"""What is measured of blocks: events are counted and timed, and what a block is now is read off it at no cost.

Threads: events come from whichever thread acts on a block, one after another for each block.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from blockfreeze.api import registry
from blockfreeze.core.events import Committed, Converged, Event, Frozen, GateOpened, Refused, RolledBack
from blockfreeze.dispatch.vector import is_overlapping
from blockfreeze.model.block import Block
from blockfreeze.model.phase import Phase

OVERLAP_BUCKETS = (0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0)
"""Upper bounds in seconds: from a call in flight to a connection that stays open."""


@dataclass(frozen=True)
class Release:
    """What a block serves: the label of the release, or the hash of its sources if it has none, and that hash."""

    name: str
    source_hash: str


class Instruments(Protocol):
    """What a monitoring library counts and shows with."""

    def swapped(self, block: str, kind: str) -> None:
        """Count a ``swap`` or a ``rollback``."""

    def refused(self, block: str, what: str, error: str) -> None:
        """Count a swap or a rollback that came to nothing, by the name of the error's type."""

    def overlapped(self, block: str, seconds: float) -> None:
        """Note how long old calls ran beside new ones."""

    def stalled(self, block: str, seconds: float) -> None:
        """Note for how long new calls were held back."""

    def show(self, block: Block) -> None:
        """Show what a block is now, which has just changed."""


class Measures:
    """A subscriber that passes on to instruments what events tell."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._began: dict[str, float] = {}  # when the overlap of each block began that has one

    def __call__(self, event: Event) -> None:
        """Count and time an event."""
        told, name = self._instruments, event.block
        if isinstance(event, Committed | RolledBack):
            self._began.setdefault(name, time.monotonic())
            told.swapped(name, "swap" if isinstance(event, Committed) else "rollback")
        elif isinstance(event, Refused):
            told.refused(name, event.what, event.error)
        elif isinstance(event, GateOpened):
            told.stalled(name, event.seconds)
        elif isinstance(event, Converged) and (began := self._began.pop(name, None)) is not None:
            told.overlapped(name, time.monotonic() - began)
        block = registry.named(name) if isinstance(event, Frozen | Committed | RolledBack | Converged) else None
        if block is not None:
            told.show(block)


def exporting(to: object, instruments: Callable[[], tuple[Instruments, Callable[[], None]]]) -> Callable[[], None]:
    """Let what happens to blocks be measured from now on, and return what ends that.

    A second time for the same place it changes nothing: the body of a block may ask for it in each version.

    Args:
        to: where the metrics go.
        instruments: makes the instruments, and what takes them away again.
    """

    def begin() -> Callable[[], None]:
        made, remove = instruments()
        for block in registry.all_blocks():
            if serves(block):
                made.show(block)
        unsubscribe = registry.add_subscriber(Measures(made))

        def end() -> None:
            unsubscribe()
            remove()

        return end

    return registry.exporter(to, begin)


def serves(block: Block) -> bool:
    """Tell whether the first bodies of a block have run."""
    return bool(block.generations) and block.current.phase.is_complete


def release_of(block: Block) -> Release:
    """Return what a block serves now."""
    current = block.current
    source_hash = current.snapshot.version_hash()[:12]
    return Release(current.label or source_hash, source_hash)


def lingering_for(block: Block) -> float:
    """Return for how many seconds the oldest generation that calls are still under way in has not served any more.

    It is 0.0 if there is none. What runs is not searched for: until it has ended the overlap goes on.
    """
    retired = block.retired() if is_overlapping(block) else ()
    since = [one.drain.retired_at for one in retired if one.phase is not Phase.DRAINED]
    return max((time.monotonic() - one for one in since if one is not None), default=0.0)
