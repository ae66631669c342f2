"""State through swaps: what old and new calls count together is all there, wherever a swap falls, and so are caches."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from conftest import Workshop
from sequencer import Instructions
from threads import LIMIT, elsewhere

import blockfreeze as bf
from benchmarks.shapes.counted import swapped_under_threads, versioned

pytestmark = pytest.mark.needs_threads


@pytest.fixture
def counted(workshop: Workshop) -> Any:
    return workshop.freeze("counted", versioned(1))


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


@pytest.mark.parametrize("rests", [True, False])
def test_nothing_is_lost_wherever_in_a_call_a_swap_falls(workshop: Workshop, rests: bool) -> None:
    """The old call is parked at each point; if it has not the lock, a new one counts meanwhile."""
    steps = workshop.freeze("steps", STEPS)
    counting, cache = Instructions(None), steps.cache
    with bf.prepare(steps) as candidate, nullcontext() if rests else candidate.active():
        counting.run(steps.increment)
    assert counting.passed > (5 if rests else 10)
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

        with nullcontext() if rests else candidate.active():
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


REBOUND = """
import outside
path = ()
count = 0
def reset(to="default V"):
    global path, made
    path = to
    made = V
def bump():
    global count
    count += 1
def look(): return path, count, made
reset()
bump()
bump()
seen = look()
outside.look()
"""


@pytest.mark.needs_threads
def test_what_a_function_rebinds_that_a_body_calls_is_seen_by_nobody_else_and_does_not_last(workshop: Any) -> None:
    workshop.write("outside.py", "def look(): pass\n")
    outside = workshop.load("outside")
    module = workshop.freeze("resetting", REBOUND.replace("V", "1"))
    assert module.look() == module.seen == ("default 1", 2, 1)
    module.reset("mine")
    found: list[Any] = []

    def look() -> None:
        found.append(elsewhere(lambda: module.look()))  # noqa: PLW0108 - what is looked up there counts

    outside.look = look
    bf.swap(module, source=REBOUND.replace("V", "2"))
    assert found == [("mine", 2, 1)]
    assert module.look() == ("mine", 2, 1)
    assert (module.path, module.count, vars(module)["path"]) == ("mine", 2, "mine")
    assert module.seen == ("default 2", 4, 2)
    module.bump()
    assert module.look() == ("mine", 3, 1)

    def fail() -> None:
        look()
        raise LookupError

    outside.look = fail
    new = REBOUND.replace("V", "3").replace("global count\n", "global count, added\n    added = V + count\n")
    with pytest.raises(bf.PrepareError):
        bf.swap(module, source=new.replace("V", "3"))
    assert module.look() == ("mine", 3, 1)
    assert not hasattr(module, "added")
    outside.look = look
    bf.swap(module, source=new.replace("V", "3"))
    assert module.look() == ("mine", 3, 1)
    assert module.added == 3 + 4  # the first value of a new variable: what the body's last call has set
    module.bump()
    assert (module.added, module.count) == (6, 4)
    bf.rollback(module)
    assert module.look() == ("mine", 4, 1)
    assert set(found) == {("mine", 2, 1), ("mine", 3, 1)}
