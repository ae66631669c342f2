"""Probation: for some time after its commit a new version is watched, and left again if it falls short.

A thread of its own asks the program how things stand. It ends with the probation, with the first failure, or as soon
as another generation serves. Where no thread can be started the program is asked once, right after the commit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from blockfreeze.core.errors import SwapError
from blockfreeze.core.report import SwapReport
from blockfreeze.model.block import Block
from blockfreeze.swapping.rollback import rollback


@dataclass(frozen=True)
class Probation:
    """How a new version is watched: for `seconds`, at once and then `every` so many seconds.

    It falls short if `health` raises or returns False, or if `error_rate`, which the program counts as it sees fit,
    returns more than `tolerated`. It is then rolled back, and the event `RolledBack` says why. Both are called in a
    thread of their own; a call that never returns ends nothing.
    """

    seconds: float
    health: Callable[[], object] | None = None
    error_rate: Callable[[], float] | None = None
    tolerated: float = 0.0
    every: float = 1.0

    def shortcoming(self) -> str:
        """Return what is wrong now; an empty text if nothing is."""
        try:
            if self.health is not None and self.health() is False:
                return "the health check returned False"
        except Exception as error:
            return f"the health check raised {type(error).__name__}: {error}"
        try:
            rate = 0.0 if self.error_rate is None else self.error_rate()
        except Exception as error:
            return f"the error rate could not be told: {type(error).__name__}: {error}"
        return f"the error rate was {rate:g}, tolerated is {self.tolerated:g}" if rate > self.tolerated else ""


def watch_over(block: Block, report: SwapReport, probation: Probation) -> None:
    """Begin the probation of the generation that the swap of `report` has brought."""
    until = time.monotonic() + probation.seconds

    def serves() -> bool:
        return block.current.number == report.to_generation

    def ask() -> bool:
        """Ask once, and return whether to ask again."""
        why = probation.shortcoming()
        if not why or not serves():
            return serves()
        reason = f"on probation, {why}"
        # What it raises is told as an event: another swap came first, or there is nothing left to go back to.
        with suppress(SwapError):
            rollback(block, report.from_generation, wait=True, reason=reason, leaving=report.to_generation)
        return False

    def watch() -> None:
        while ask() and time.monotonic() < until:
            # The event is never set: it is a pause that does not hold up the end of the process.
            threading.Event().wait(max(0.0, min(probation.every, until - time.monotonic())))

    try:
        threading.Thread(target=watch, name=f"blockfreeze probation {block.name}", daemon=True).start()
    except RuntimeError:
        ask()
