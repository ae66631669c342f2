"""The stack of a thread is looked at as it is at one moment, whatever its generators do meanwhile."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Workshop
from sequencer import interrupted_everywhere
from threads import LIMIT, ThreadedCall

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.draining.moment import Moment
from blockfreeze.draining.stacks import calls_on_stacks

pytestmark = pytest.mark.needs_threads


@pytest.fixture
def works(workshop: Workshop) -> Any:
    return workshop.freeze("works", "def within(run): return run()\n")


def threads_in(module: Any, *, whole: bool = False) -> list[str]:
    """Return the names of the functions in which threads are in the current generation."""
    block = registry.block_of(module, "test")
    return [one.function for one in calls_on_stacks(block, [block.current], whole=whole)]


class Steps:
    """Generators one in another, which a thread enters and leaves when it is told, and waits inside and outside."""

    def __init__(self, depth: int) -> None:
        self._onwards = {"inside": threading.Semaphore(0), "outside": threading.Semaphore(0)}
        self._arrived = threading.Semaphore(0)
        self._place = ""
        self._ended = False
        self.generators = self._nested(depth)

    def _nested(self, depth: int) -> Iterator[None]:
        if depth:
            yield from self._nested(depth - 1)
        while not self._ended:
            self._wait("inside")
            yield

    def _wait(self, place: str) -> None:
        self._place = place
        self._arrived.release()
        assert self._onwards[place].acquire(timeout=LIMIT)

    def run(self) -> None:
        """Enter the generators and leave them, in turn."""
        while not self._ended:
            next(self.generators, None)
            self._wait("outside")

    def arrived(self) -> None:
        """Wait until a thread waits inside or outside."""
        assert self._arrived.acquire(timeout=LIMIT)

    def go_on(self, place: str) -> None:
        """Let who waits there go on."""
        self._onwards[place].release()

    def turn(self) -> None:
        """Let the thread enter, or leave."""
        self.go_on(self._place)
        self.arrived()

    def end(self) -> None:
        """Let the thread come to its end."""
        self._ended = True
        self.go_on("inside")
        self.go_on("outside")


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("depth", [0, 5])
def test_a_generator_that_yields_or_goes_on_during_a_search_hides_no_caller(
    works: Any, depth: int, whole: bool, outside: bool
) -> None:
    steps = Steps(depth)
    call = ThreadedCall(works.within, steps.run)
    steps.arrived()
    if outside:
        steps.turn()
    for found in interrupted_everywhere(lambda: threads_in(works, whole=whole), steps.turn):
        assert found == ["within"]
        steps.turn()
    steps.end()
    call.result()
    assert threads_in(works) == []


def test_a_generator_that_another_thread_resumes_during_a_search_hides_no_caller(works: Any) -> None:
    """It is left by the thread that runs in the block, and entered by one that does not, and the other way round."""
    steps = Steps(1)
    call = ThreadedCall(works.within, steps.run)
    steps.arrived()
    enter, left = threading.Semaphore(0), threading.Semaphore(0)
    going_on = [True]

    def enter_elsewhere() -> None:
        while enter.acquire(timeout=LIMIT) and going_on:
            next(steps.generators)
            left.release()

    def resumed_elsewhere() -> None:
        steps.turn()
        enter.release()
        steps.arrived()

    other = ThreadedCall(enter_elsewhere)
    for found in interrupted_everywhere(lambda: threads_in(works), resumed_elsewhere):
        assert found == ["within"]
        steps.go_on("inside")
        assert left.acquire(timeout=LIMIT)
        steps.go_on("outside")
        steps.arrived()
    going_on.clear()
    enter.release()
    other.result()
    steps.end()
    call.result()


@pytest.mark.parametrize("searches", [2_000, pytest.param(20_000, marks=pytest.mark.exhaustive)])
def test_no_search_misses_a_call_below_running_generators(works: Any, searches: int) -> None:
    stop = threading.Event()

    def chain(depth: int) -> Iterator[int]:
        while True:
            if depth:
                yield next(chain(depth - 1))
            else:
                yield depth

    def run() -> None:
        generators = chain(20)
        while not stop.is_set():
            next(generators)

    calls = [ThreadedCall(works.within, run) for _ in range(2)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        while len(threads_in(works, whole=True)) < len(calls):
            pass
        missed = sum(len(threads_in(works, whole=True)) < len(calls) for _ in range(searches))
    finally:
        sys.setswitchinterval(interval)
        stop.set()
    assert not missed
    for call in calls:
        call.result()


def test_a_search_leaves_nothing_alive_that_was_on_a_stack() -> None:
    class Thing:
        pass

    def looked() -> weakref.ref[Thing]:
        thing = Thing()
        moment = Moment()
        moment.take_threads()
        assert sys._getframe() in moment.stacks[[*moment.owners()].index(threading.get_ident())]
        moment.forget()
        return weakref.ref(thing)

    gc.collect()
    gc.disable()
    try:
        assert looked()() is None
    finally:
        gc.enable()


def test_stacks_are_whole_and_in_order(works: Any) -> None:
    def named(call: Callable[[], list[str]]) -> list[str]:
        yield_from = (call() for _ in range(1))
        return next(yield_from)

    def look() -> list[str]:
        moment = Moment()
        moment.take_threads()
        stack = moment.stacks[[*moment.owners()].index(threading.get_ident())]
        names = [frame.f_code.co_name for frame in stack]
        moment.forget()
        return names

    names = works.within(lambda: named(look))
    start = names.index("look")
    expected = ["look", "<genexpr>", "named", "<lambda>", "within", "test_stacks_are_whole_and_in_order"]
    assert names[start : start + 6] == expected
    assert bf.status(works).lingering == ()
