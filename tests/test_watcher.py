"""One thread ends the overlaps of all blocks, looks no oftener than it must, and is gone when nothing overlaps."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Workshop
from threads import LIMIT, ParkedCall, ThreadedCall

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.draining import background
from blockfreeze.draining.background import Watcher

pytestmark = pytest.mark.needs_threads

TEXT = "def within(call): return call()\ndef numbers():\n    yield 1\n    yield 2\n"


def watchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "blockfreeze drain"]


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that another thread does in its own time."""
    ends = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < ends
        threading.Event().wait(0.001)


@pytest.fixture(autouse=True)
def watcher(monkeypatch: pytest.MonkeyPatch) -> Watcher:
    """A watcher that other tests have left nothing to."""
    gc.collect()  # calls that others have left suspended may be in cycles
    until(lambda: not watchers())
    made = Watcher()
    monkeypatch.setattr(registry, "_watcher", made)
    return made


def overlapping(workshop: Workshop, count: int) -> list[tuple[Any, Iterator[int]]]:
    found = []
    for number in range(count):
        module = workshop.freeze(f"watched_{number}", TEXT)
        suspended = module.numbers()
        next(suspended)
        bf.swap(module)
        found.append((module, suspended))
    return found


def test_one_thread_ends_all_overlaps_and_then_itself(workshop: Workshop) -> None:
    blocks = overlapping(workshop, 5)
    assert len(watchers()) == 1
    for module, suspended in blocks[1:]:
        list(suspended)
        bf.drain(module, timeout=LIMIT)
    assert len(watchers()) == 1
    list(blocks[0][1])
    until(lambda: not watchers())
    assert not any(bf.status(module).overlapping for module, _ in blocks)


def test_the_next_overlap_starts_it_again(workshop: Workshop) -> None:
    for number in range(3):
        module = workshop.freeze(f"again_{number}", TEXT)
        with ParkedCall(module.within):
            bf.swap(module)
            assert len(watchers()) == 1
        until(lambda: not watchers())


class Overlaps:
    """Blocks that overlap as long as it is told, and how often each was looked at."""

    def __init__(self, watcher: Watcher, monkeypatch: pytest.MonkeyPatch, cost: float = 0.0) -> None:
        self.watcher = watcher
        self.looks: dict[Any, int] = {}
        self.ended: set[Any] = set()
        self.cost = cost
        self.before: Callable[[Any], object] = lambda block: None
        monkeypatch.setattr(background, "is_overlapping", lambda block: block not in self.ended)

    def watch(self, block: Any) -> None:
        self.looks[block] = 0
        self.watcher.watch(block, self.converge)

    def converge(self, block: Any) -> list[Any]:
        self.before(block)
        self.looks[block] += 1
        ends = time.monotonic() + self.cost
        while time.monotonic() < ends:
            pass
        return [] if block in self.ended else ["lingering"]

    def end(self) -> None:
        self.ended |= set(self.looks)
        until(lambda: not watchers())


class Stub:
    """A block, as far as the watcher asks."""

    class instances:  # noqa: N801 - as the attribute is called
        unconverted = None

    @staticmethod
    def retired() -> list[Any]:
        """Return the generations that it has left, as far as the watcher is to tell of them."""
        return []

    class options:  # noqa: N801 - as the attribute is called
        linger_warning = None


def test_many_that_stay_cost_no_more_than_a_share_of_the_time(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    overlaps = Overlaps(watcher, monkeypatch, cost=0.002)
    for _ in range(200):
        overlaps.watch(Stub())
    started = time.monotonic()
    until(lambda: sum(overlaps.looks.values()) > 20)
    # Twenty looks of two milliseconds, and twenty times as long after each.
    assert time.monotonic() - started > 20 * 0.002 * 20
    overlaps.cost = 0.0
    until(lambda: all(overlaps.looks.values()))
    overlaps.end()


def test_an_overlap_that_begins_while_the_last_one_ends_is_watched(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    overlaps = Overlaps(watcher, monkeypatch)
    block = Stub()
    overlaps.ended.add(block)
    again: list[int] = []

    def begins_again(seen: Any) -> None:
        if not again:
            again.append(1)
            ThreadedCall(overlaps.watch, seen).result()

    overlaps.before = begins_again
    overlaps.watch(block)
    until(lambda: overlaps.looks[block] >= 2)
    until(lambda: not watchers())


def test_a_fault_of_one_is_shown_and_leaves_the_others_watched(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", shown.append)
    overlaps = Overlaps(watcher, monkeypatch)
    faulty, sound = Stub(), Stub()

    def fails(block: Any) -> None:
        if block is faulty:
            raise LookupError("faulty")

    overlaps.before = fails
    overlaps.watch(faulty)
    overlaps.watch(sound)
    until(lambda: overlaps.looks[sound] > 3)
    assert [str(one.exc_value) for one in shown] == ["faulty"]
    overlaps.end()


def test_whoever_interrupts_it_may_ask_it_for_more(watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a signal handler does that swaps while a swap asks."""
    overlaps = Overlaps(watcher, monkeypatch)
    blocks = Stub(), Stub()
    with watcher._changed:
        for block in blocks:
            overlaps.watch(block)
    until(lambda: all(overlaps.looks.values()))
    overlaps.end()


@pytest.mark.needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_starts_one_of_its_own(workshop: Workshop) -> None:
    (first, suspended), (second, other) = overlapping(workshop, 2)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            assert not watchers()
            bf.swap(second)
            assert len(watchers()) == 1
            list(suspended)
            list(other)
            until(lambda: not watchers())
            assert not bf.status(first).overlapping
            assert not bf.status(second).overlapping
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(watchers()) == 1
    list(suspended)
    list(other)
    until(lambda: not watchers())


def test_what_lasts_longer_than_it_should_is_told_once(workshop: Workshop) -> None:
    module = workshop.freeze("lasting_long", TEXT, linger_warning=0.0)
    told: list[bf.Event] = []
    unsubscribe = bf.subscribe(told.append)
    suspended = module.numbers()
    next(suspended)
    bf.swap(module)
    until(lambda: any(isinstance(one, bf.Lingers) for one in told))
    (one,) = bf.status(module).lingering
    assert one.seconds > 0
    del suspended
    bf.drain(module, timeout=LIMIT)
    unsubscribe()
    (event,) = [one for one in told if isinstance(one, bf.Lingers)]
    assert (event.block, event.retired, event.generation, event.level) == ("lasting_long", 1, 2, 30)
    assert event.lingering == (str(one),)
    assert str(event).startswith("lasting_long: 1 lingers, 0 s after it was left: generation 1: generator")


def test_nobody_is_warned_before_the_time_or_without_one(workshop: Workshop) -> None:
    for name, limit in (("later_told", 60.0), ("never_told", None)):
        module = workshop.freeze(name, TEXT, linger_warning=limit)
        told: list[bf.Event] = []
        unsubscribe = bf.subscribe(told.append)
        suspended = module.numbers()
        next(suspended)
        bf.swap(module)
        block = registry.block_of(module, "test")
        background._warn_of_long_overlaps(block)
        assert not block.generations[1].drain.warned
        del suspended
        bf.drain(module, timeout=LIMIT)
        unsubscribe()
        assert not [one for one in told if isinstance(one, bf.Lingers)]
