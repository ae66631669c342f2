"""Calls in greenlets that are switched away from are calls in flight, though they are on no thread's stack."""

from __future__ import annotations

import asyncio
import gc
import operator
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Workshop
from sequencer import interrupted_everywhere
from threads import LIMIT, ThreadedCall

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.core.main_greenlets import OF_ITS_THREAD
from blockfreeze.draining.drain import search
from blockfreeze.draining.moment import Moment

greenlet = pytest.importorskip("greenlet", reason="it is made of C, which Pyodide does not have")

SHOP = """
def frob(a): return (a,) * {n}
def bar(x): return {n}, len(x)
TABLE = {{"bar": bar}}
def foo(a, hub, table=TABLE):
    x = frob(a)
    hub()
    return table["bar"](x)
class Till:
    def total(self, hub):
        x = frob(1)
        hub()
        return self.end(x)
    def end(self, x): return bar(x)
def lines(hub):
    x = frob(1)
    hub()
    yield bar(x)
def last(hub): return [*lines(hub)][-1]
def within(call): return call()
def plain(): return {n}
"""


def text(number: int) -> str:
    return SHOP.format(n=number)


class Named(greenlet.greenlet):
    """As frameworks have their own kinds of greenlets, which may answer for anything."""

    @property
    def gr_frame(self) -> None:  # type: ignore[override]
        return None


@pytest.fixture
def till(workshop: Workshop) -> Any:
    return workshop.freeze("till", text(1))


def back() -> Any:
    """Switch away, to who has switched here."""
    parent = greenlet.getcurrent().parent
    assert parent is not None
    return parent.switch()


def begun(call: Callable[[], Any], kind: type[greenlet.greenlet] = greenlet.greenlet) -> greenlet.greenlet:
    found = kind(call)
    found.switch()
    return found


def kinds(module: Any, *, whole: bool = False) -> list[str]:
    block = registry.block_of(module, "test")
    retired = [one for one in block.generations.values() if one is not block.current]
    return [one.kind for one in search(block, retired, whole=whole)[0]]


@pytest.mark.parametrize("kind", [greenlet.greenlet, Named])
@pytest.mark.parametrize(
    "call",
    [
        lambda till: till.foo(1, back),
        lambda till: till.foo(1, back, {"bar": till.bar}),
        lambda till: till.Till().total(back),
        lambda till: till.last(back),
        lambda till: till.within(lambda: till.foo(1, back)),
        lambda till: next(iter(map(till.foo, [1], [back]))),
    ],
    ids=["table", "table of another", "method", "generator", "callback", "C code"],
)
def test_a_call_that_is_switched_away_from_finishes_in_its_generation(
    till: Any, call: Callable[[Any], Any], kind: type[greenlet.greenlet]
) -> None:
    suspended = begun(lambda: call(till), kind)
    report = bf.swap(till, source=text(2))
    assert [(one.generation, one.kind) for one in report.lingering if one.kind != "generator"] == [(1, "greenlet")]
    assert "greenlet" in [one.kind for one in bf.status(till).lingering]
    with pytest.raises(bf.DrainTimeoutError, match="greenlet"):
        bf.drain(till, timeout=0)
    assert till.foo(1, int) == (2, 2)
    assert suspended.switch() == (1, 1)
    bf.drain(till, timeout=LIMIT)
    assert not bf.status(till).overlapping


def test_it_is_named_by_what_it_runs_and_where_it_is(till: Any) -> None:
    def handler() -> Any:
        return till.foo(1, back)

    suspended = begun(handler)
    (found,) = bf.swap(till, source=text(2)).lingering
    assert found.owner.endswith("handler")
    assert (found.function, found.line) == ("foo", 7)
    suspended.switch()


def test_nothing_is_committed_at_rest_while_it_is_switched_away_from(till: Any) -> None:
    suspended = begun(lambda: till.foo(1, back))
    with pytest.raises(bf.DrainTimeoutError, match="greenlet"):
        bf.swap(till, source=text(2), quiesce=0)
    assert suspended.switch() == (1, 1)
    bf.swap(till, source=text(2), quiesce=LIMIT)


def test_the_greenlet_that_waits_for_the_one_that_swaps_is_in_flight(till: Any) -> None:
    swapped = greenlet.greenlet(lambda: bf.swap(till, source=text(2)))
    reports: list[Any] = []
    assert till.foo(1, lambda: reports.append(swapped.switch())) == (1, 1)
    assert [one.kind for one in reports[0].lingering] == ["greenlet"]


@pytest.mark.usefixtures("hidden_calls")
def test_so_it_is_where_the_collector_does_not_see_it(till: Any) -> None:
    greenlet.getcurrent()
    gc.freeze()  # as servers do before they fork
    try:
        test_the_greenlet_that_waits_for_the_one_that_swaps_is_in_flight(till)
    finally:
        gc.unfreeze()


def test_greenlets_without_a_call_are_none(till: Any) -> None:
    untouched = [greenlet.greenlet(lambda: till.foo(1, back)), begun(back), begun(till.plain)]
    bf.swap(till, source=text(2), quiesce=LIMIT)
    assert kinds(till) == []
    untouched[0].switch()
    assert untouched[0].switch() == (2, 2)
    untouched[1].switch()


def test_one_that_is_thrown_away_has_ended(till: Any) -> None:
    suspended = begun(lambda: till.foo(1, back))
    bf.swap(till, source=text(2))
    del suspended
    bf.drain(till, timeout=LIMIT)


def test_who_only_waits_does_not_search_the_heap_again(till: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    objects = gc.get_objects
    suspended = [begun(lambda: till.foo(1, back)) for _ in range(2)]
    bf.swap(till, source=text(2))
    monkeypatch.setattr(gc, "get_objects", lambda: asked.append(1) or objects())
    for one in suspended:
        for _ in range(20):
            assert set(kinds(till)) == {"greenlet"}
        one.switch()
    assert not asked
    assert kinds(till) == []
    assert asked


@pytest.mark.needs_event_loop
def test_blocking_code_below_a_task_stays_in_its_generation(till: Any) -> None:
    """As an ORM runs its blocking code in a greenlet, which awaits through its parent."""

    async def spawned(call: Callable[[], Any]) -> Any:
        running = greenlet.greenlet(call)
        result = running.switch()
        while not running.dead:
            result = running.switch(await result)
        return result

    def awaited(awaitable: Any) -> Any:
        parent = greenlet.getcurrent().parent
        assert parent is not None
        return parent.switch(awaitable)

    async def main() -> None:
        done = asyncio.Event()
        task = asyncio.create_task(spawned(lambda: till.foo(1, lambda: awaited(done.wait()))))
        await asyncio.sleep(0)
        with pytest.raises(bf.DrainTimeoutError):
            await bf.aswap(till, source=text(2), quiesce=0)
        report = await bf.aswap(till, source=text(2))
        assert [one.kind for one in report.lingering] == ["greenlet"]
        done.set()
        assert await task == (1, 1)

    asyncio.run(main())
    bf.drain(till, timeout=LIMIT)


class Switching:
    """A thread with a call in one of two greenlets, which it switches into and away from when it is told."""

    def __init__(self, till: Any) -> None:
        self._turn = threading.Semaphore(0)
        self._done = threading.Semaphore(0)
        self._running = True
        self._till = till
        self.thread = ThreadedCall(self._work)
        self._await(self._done)

    def _await(self, semaphore: threading.Semaphore) -> None:
        assert semaphore.acquire(timeout=LIMIT)

    def turn(self) -> None:
        """Switch into the call if it is switched away from, and away from it if it runs."""
        self._turn.release()
        self._await(self._done)

    def _wait(self) -> None:
        self._done.release()
        self._await(self._turn)

    def _hub(self) -> None:
        while self._running:
            self._wait()
            if self._running:
                back()

    def _work(self) -> Any:
        call = greenlet.greenlet(lambda: self._till.foo(1, self._hub))
        result = call.switch()
        while not call.dead:
            self._wait()
            result = call.switch()
        return result

    def end(self) -> Any:
        self._running = False
        self._turn.release()
        return self.thread.result()


@pytest.mark.needs_threads
@pytest.mark.parametrize("stride", [41, pytest.param(13, marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("suspended", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_one_that_is_switched_to_or_from_during_the_search_is_not_missed(
    till: Any, suspended: bool, whole: bool, stride: int
) -> None:
    switching = Switching(till)
    if suspended:
        switching.turn()
    bf.swap(till, source=text(2))

    def look() -> list[str]:
        return kinds(till, whole=whole)

    # All over each look at a stack: some of these points would be between two moments, if there were two.
    for found in interrupted_everywhere(look, switching.turn, stride=stride):
        assert found in (["greenlet"], ["thread"])
        switching.turn()
    assert switching.end() == (1, 1)
    bf.drain(till, timeout=LIMIT)


class Searches:
    """How often the collector was asked for all objects."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.of_the_heap = 0
        objects = gc.get_objects
        monkeypatch.setattr(gc, "get_objects", lambda: self._count() or objects())

    def _count(self) -> None:
        self.of_the_heap += 1


@pytest.fixture
def searches(till: Any, monkeypatch: pytest.MonkeyPatch) -> Searches:
    """What is counted begins when the main greenlets of all threads are known."""
    greenlet.getcurrent()
    assert kinds(till, whole=True) == []
    retired = [registry.block_of(till, "test").current]
    search(registry.block_of(till, "test"), retired, whole=True)
    return Searches(monkeypatch)


def test_where_only_main_greenlets_are_the_heap_is_searched_once(till: Any, searches: Searches) -> None:
    for number in range(2, 5):
        bf.swap(till, source=text(number))
    assert searches.of_the_heap == 0


def test_the_main_greenlet_is_found_where_the_collector_does_not_see_it() -> None:
    current = greenlet.getcurrent()
    moment = Moment()
    gc.freeze()
    try:
        moment.take_all(greenlet.greenlet)
    finally:
        gc.unfreeze()
    moment.forget()
    assert current in [one() for one in moment.mains]


@pytest.mark.needs_threads
def test_so_it_is_in_a_thread_that_has_none(till: Any, searches: Searches) -> None:
    ThreadedCall(lambda: bf.swap(till, source=text(2))).result()
    assert searches.of_the_heap == 0


@pytest.mark.needs_threads
def test_the_main_greenlet_of_another_thread_is_found_and_then_known(till: Any, searches: Searches) -> None:
    known, done = threading.Event(), threading.Event()

    def other() -> bool:
        greenlet.getcurrent()
        known.set()
        return done.wait(LIMIT)

    thread = ThreadedCall(other)
    assert known.wait(LIMIT)
    bf.swap(till, source=text(2))
    assert searches.of_the_heap == 1
    bf.swap(till, source=text(3))
    assert searches.of_the_heap == 1
    done.set()
    assert thread.result()


@pytest.mark.parametrize("kind", [greenlet.greenlet, Named])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("whole", [False, True])
def test_one_that_is_made_later_is_found(
    till: Any, searches: Searches, kind: type[greenlet.greenlet], depth: int, whole: bool
) -> None:
    def nested() -> Any:
        child = kind(lambda: till.foo(1, hub))
        return child.switch()

    def hub() -> Any:
        return main.switch()

    main = greenlet.getcurrent()
    suspended = kind(nested if depth == 2 else lambda: till.foo(1, hub))
    suspended.switch()
    bf.swap(till, source=text(2))
    assert searches.of_the_heap
    assert kinds(till, whole=whole) == ["greenlet"]
    gc.collect()
    assert kinds(till, whole=whole) == ["greenlet"]


@pytest.mark.needs_threads
def test_a_main_greenlet_that_is_switched_away_from_is_not_taken_for_one_that_is_alone(
    till: Any, searches: Searches
) -> None:
    """Its thread refers to it once then, and what runs there, which refers to it too, may be on no other list."""
    seen: list[list[str]] = []

    def looked() -> None:
        bf.swap(till, source=text(2))
        seen.extend(kinds(till, whole=whole) for whole in (False, True))

    assert till.foo(1, greenlet.greenlet(looked).switch) == (1, 1)
    assert seen == [["greenlet"], ["greenlet"]]


def test_a_thread_refers_to_its_main_greenlet_twice() -> None:
    """What the rule rests on, for the version that is installed."""

    def references() -> tuple[int, int, int]:
        with_one: list[int] = []
        known = weakref.ref(greenlet.getcurrent())
        alone = count(known)
        child = greenlet.greenlet(lambda: with_one.append(count(known)))
        unstarted = count(known)
        child.switch()
        return alone, unstarted, with_one[0]

    alone, unstarted, switched_away = ThreadedCall(references).result()
    assert alone == OF_ITS_THREAD
    assert unstarted == OF_ITS_THREAD + 1
    assert switched_away > OF_ITS_THREAD


def count(known: weakref.ref[Any]) -> int:
    """Return the references to what `known` refers to, without those of the count."""
    kept: set[int] = set()
    own = next(map(sys.getrefcount, map(operator.call, [weakref.ref(kept)]))) - 1
    return next(map(sys.getrefcount, map(operator.call, [known]))) - own
