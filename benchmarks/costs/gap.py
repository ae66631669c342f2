"""How long does another thread stand still while the module that serves it is updated?

The heap is that of a process that has run for a while: a million objects that the collector knows. A thread looks at
the clock without pause, and the longest time between two looks is its gap. An update is measured by ``gc.collect()`` of
that heap, which lets nothing else run.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.costs.effort import Effort
from benchmarks.costs.interleave import perf_counter
from benchmarks.costs.modules import sized
from benchmarks.costs.question import BLOCKFREEZE, RELOAD, Question
from benchmarks.costs.rows import Measured
from benchmarks.costs.updating import updatable

_OBJECTS = 1_000_000

_SIZE = 100
"""Definitions in the module."""

_TARGET = 0.1


def _gap_during(action: Callable[[], object]) -> float:
    """Return the longest time, in seconds, for which a thread could not run while `action` did."""
    watching, ended = threading.Event(), threading.Event()
    longest = 0.0

    def watch() -> None:
        nonlocal longest
        watching.set()
        last = perf_counter()
        while not ended.is_set():
            now = perf_counter()
            longest = max(longest, now - last)
            last = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    watching.wait()
    action()
    ended.set()
    watcher.join()
    return longest


def measure(effort: Effort, place: Path, subject: str) -> Iterator[Measured]:
    """Let a thread watch updates of a module and collections of the heap by turns."""
    heap = [[number] for number in range(_OBJECTS)]
    served = updatable(subject, place, "served", sized(_SIZE))
    served.update(sized(_SIZE, 2))
    updates: list[float] = []
    collections: list[float] = []
    for version in range(3, 3 + effort.windows):
        text = sized(_SIZE, version)
        updates.append(_gap_during(lambda text=text: served.update(text)))  # type: ignore[misc]
        collections.append(_gap_during(gc.collect))
    del heap
    case = f"longest gap, {_SIZE} definitions, {_OBJECTS:,} objects"
    yield Measured(case, subject, updates, "gc.collect()", collections, target=_TARGET)


QUESTION = Question(__name__, __doc__, measure, subjects=(BLOCKFREEZE, RELOAD))
