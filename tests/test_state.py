"""State through swaps: what old and new calls count together is all there, wherever a swap falls, and so are caches."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Workshop
from parking import LIMIT
from sequencer import Instructions

import blockfreeze as bf
from benchmarks.state import swapped_under_threads, versioned

pytestmark = pytest.mark.needs_threads


@pytest.fixture
def counted(workshop: Workshop) -> Any:
    workshop.write("counted.py", versioned(1))
    return bf.freeze_block("counted")


def test_nothing_is_lost_in_swaps_under_threads(counted: Any) -> None:
    found = swapped_under_threads(counted, swaps=30, threads=4, entries=1000)
    assert found.nothing_is_lost, found
    assert found.counted > 30
    assert found.by_old_calls > 0


STEPS = """
import threading
import blockfreeze as bf

count = 0
lock = bf.defvar("lock", threading.Lock)
cache = bf.defvar("cache", dict)

def look():
    return count

def store(value):
    global count
    count = value
    return cache.setdefault(value, "VERSION")

TABLE = {"look": look}

def increment():
    lock.acquire()
    try:
        return store(TABLE["look"]() + 1)
    finally:
        lock.release()
"""


def test_nothing_is_lost_wherever_in_a_call_a_swap_falls(workshop: Workshop) -> None:
    """The old call is parked at each point; if it has not the lock, a new one counts meanwhile."""
    workshop.write("steps.py", STEPS)
    steps = bf.freeze_block("steps")
    counting, cache = Instructions(None), steps.cache
    with bf.prepare(steps):
        counting.run(steps.increment)
    assert counting.passed > 10
    expected, version, meanwhile_counted = 1, 1, 0
    for at in range(counting.passed):
        version += 1
        free: list[bool] = []
        candidate = bf.prepare(steps, source=STEPS.replace("VERSION", str(version)))

        def meanwhile(candidate: Any = candidate, version: int = version, free: list[bool] = free) -> None:
            candidate.commit()
            free.append(not steps.lock.locked())
            if free[0]:
                assert steps.increment() == str(version)

        Instructions(at).run(steps.increment, meanwhile)
        meanwhile_counted += free[0]
        expected += 1 + free[0]
        assert steps.count == expected == len(steps.cache), f"point {at} of {counting.passed}"
        bf.drain(steps, timeout=LIMIT)
    assert steps.cache is cache
    assert 0 < meanwhile_counted < counting.passed


def test_a_generator_of_an_old_generation_counts_in_the_same_place(counted: Any) -> None:
    old = counted.counting(3)
    assert next(old) == 1
    for version in (2, 3):
        bf.swap(counted, source=versioned(version))
        assert (next(old), counted.increment()) == (1, version)
    assert counted.count == 5
