"""Closures that calls have handed out follow once the calls of their version have ended, or stay whole for good.

The rule: the closure is the function that a cold start of the version that serves would have handed out, with the
variables of the call that made it, if that version has the outermost function around it unchanged.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import itertools
import pickle
import weakref
from collections.abc import Callable
from textwrap import dedent
from typing import Any

import cloudpickle
import pytest
from conftest import Workshop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from threads import LIMIT, ParkedCall

import blockfreeze as bf

TEXT = '''
    def mark():
        return 1

    class Thing:
        def __init__(self):
            self.name = "thing"

        def own(self):
            return mark()

        def handler(self):
            return lambda: (mark(), self.own(), self.name, __class__ is Thing)

    def decorator(view):
        def wrapper(*args, **kwargs):
            return mark(), view(*args, **kwargs)
        return wrapper

    def plain(n):
        def count(step=n, /, factor=2, *rest, by=mark, last=0):
            """Counts."""
            nonlocal n
            n += step
            return mark(), n * factor, rest, by(), last
        return count

    def deep(n):
        def middle():
            class Inner:
                def method(self):
                    return mark(), n
            return lambda: Inner().method()
        return middle()

    def itself(n):
        def down(k):
            return [mark()] + (down(k - 1) if k else [n])
        return down

    def generator(n):
        def numbers(k):
            for i in range(k):
                yield mark(), n + i
        return numbers

    def coroutine(n):
        async def later():
            return mark(), n
        return later

    def stream(n):
        async def stream(k):
            for i in range(k):
                yield mark(), n + i
        return stream

    def waits(between):
        between()
        return mark()
'''


def text(number: int, *, changed: bool = False) -> str:
    found = dedent(TEXT).replace("return 1", f"return {number}")
    return found.replace("mark(), view(", "mark(), (view or mark)(") if changed else found


async def _all(stream: Any) -> list[Any]:
    return [one async for one in stream]


WAYS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[int], Any]]] = {
    "what a decorator returns": (
        lambda shop: shop.decorator(lambda a, *, b: (a, b)),
        lambda closure: closure(1, b=2),
        lambda version: (version, (1, 2)),
    ),
    "a lambda of a method": (
        lambda shop: shop.Thing().handler(),
        lambda closure: closure(),
        lambda version: (version, version, "thing", True),
    ),
    "a method of a class inside": (
        lambda shop: shop.deep(5),
        lambda closure: closure(),
        lambda version: (version, 5),
    ),
    "one that calls itself": (
        lambda shop: shop.itself(5),
        lambda closure: closure(2),
        lambda version: [version, version, version, 5],
    ),
    "a generator function": (
        lambda shop: shop.generator(5),
        lambda closure: list(closure(2)),
        lambda version: [(version, 5), (version, 6)],
    ),
    "a coroutine function": (
        lambda shop: shop.coroutine(5),
        lambda closure: asyncio.run(closure()),
        lambda version: (version, 5),
    ),
    "an asynchronous generator function": (
        lambda shop: shop.stream(5),
        lambda closure: asyncio.run(_all(closure(2))),
        lambda version: [(version, 5), (version, 6)],
    ),
}
LOOPS = {"a coroutine function", "an asynchronous generator function"}
EVERY_WAY = [pytest.param(way, marks=pytest.mark.needs_event_loop if way in LOOPS else []) for way in WAYS]


@pytest.fixture
def shop(workshop: Workshop) -> Any:
    return workshop.freeze("handing", text(1))


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_closure_is_what_a_cold_start_would_hand_out(shop: Any, way: str) -> None:
    make, use, expected = WAYS[way]
    held = make(shop)
    seen = (held, hash(held), held.__name__, held.__qualname__, str(inspect.signature(held)), inspect.getdoc(held))
    kinds = [kind(held) for kind in (inspect.iscoroutinefunction, inspect.isgeneratorfunction)]
    for number in (2, 3):
        report = bf.swap(shop, source=text(number))
        assert report.unreached == ()
        assert use(held) == expected(number)
    bf.rollback(shop)
    assert use(held) == expected(2)
    now = (held, hash(held), held.__name__, held.__qualname__, str(inspect.signature(held)), inspect.getdoc(held))
    assert now == seen
    assert [kind(held) for kind in (inspect.iscoroutinefunction, inspect.isgeneratorfunction)] == kinds
    assert bf.status(shop).lingering == ()


def test_it_has_the_variables_and_default_values_of_the_call_that_made_it(shop: Any) -> None:
    first, second = shop.plain(10), shop.plain(20)
    assert first() == (1, 40, (), 1, 0)
    bf.swap(shop, source=text(2))
    assert first() == (2, 60, (), 2, 0)
    assert second(1, 1, "rest", by=lambda: "by", last=9) == (2, 21, ("rest",), "by", 9)
    for wrong in (lambda: first(step=1), lambda: first(other=1)):
        with pytest.raises(TypeError, match="count"):
            wrong()
    bf.rollback(shop)
    assert first() == (1, 80, (), 1, 0)


@pytest.mark.needs_threads
@pytest.mark.parametrize("way", EVERY_WAY)
def test_it_waits_for_the_old_calls_to_end(shop: Any, way: str) -> None:
    """An old call may have handed it to a thread whose answer it waits for."""
    make, use, expected = WAYS[way]
    held = make(shop)
    with ParkedCall(shop.waits) as parked:
        bf.swap(shop, source=text(2))
        assert use(held) == expected(1)
        assert "closure" in {one.kind for one in bf.status(shop).lingering}
        assert parked.finish() == 1
    bf.drain(shop, timeout=LIMIT)
    assert use(held) == expected(2)


@pytest.mark.needs_threads
def test_what_follows_is_in_an_overlap_as_any_function(shop: Any) -> None:
    """It goes to the version of the call that calls it, and from outside to the one that serves."""
    held = shop.decorator(lambda: "held")
    bf.swap(shop, source=text(2))
    with ParkedCall(lambda gate: shop.waits(lambda: (gate(), inside.append(held())))) as parked:
        inside: list[Any] = []
        bf.swap(shop, source=text(3))
        assert held() == (3, "held")
        assert parked.finish() == 2
    assert inside == [(2, "held")]


def test_a_call_that_was_suspended_ends_in_its_version(shop: Any) -> None:
    held = shop.generator(0)
    bf.swap(shop, source=text(2))
    begun = held(2)
    assert next(begun) == (2, 0)
    bf.swap(shop, source=text(3))
    assert list(held(1)) == [(3, 0)]
    assert {one.generation for one in bf.status(shop).lingering} == {2}
    assert list(begun) == [(2, 1)]
    bf.drain(shop, timeout=LIMIT)


def test_a_call_of_a_version_of_the_same_text_is_not_taken_for_the_one_that_has_followed(shop: Any) -> None:
    """Versions of one text share their code objects, by whose references a drain tells that something is suspended."""
    held = shop.generator(0)
    waiting = shop.plain(0)
    with bf.pin(shop):
        bf.swap(shop, source=text(2))
        bf.swap(shop, source=text(1))
    bf.drain(shop, timeout=LIMIT)
    begun = shop.generator(0)(2)
    assert (next(begun), list(held(1)), waiting()[0]) == ((1, 0), [(1, 0)], 1)
    bf.swap(shop, source=text(4))
    assert 3 in {one.generation for one in bf.status(shop).lingering}
    assert list(begun) == [(1, 1)]
    assert list(held(1)) == [(1, 0)] or bf.status(shop).lingering == ()
    bf.drain(shop, timeout=LIMIT)
    assert list(held(1)) == [(4, 0)]


@pytest.mark.needs_threads
def test_a_swap_that_waits_holds_it_back(shop: Any) -> None:
    held = shop.decorator(lambda: "held")
    bf.swap(shop, source=text(2))
    begun = shop.generator(0)(1)
    next(begun)
    with pytest.raises(bf.DrainTimeoutError):
        bf.swap(shop, source=text(3), quiesce=0.05)
    assert held() == (2, "held")
    begun.close()
    bf.swap(shop, source=text(3), quiesce=LIMIT)
    assert held() == (3, "held")


def test_a_pin_holds_it(shop: Any) -> None:
    held = shop.decorator(lambda: "held")
    bf.swap(shop, source=text(2))
    with bf.pin(shop):
        bf.swap(shop, source=text(3))
        assert held() == (2, "held")
    bf.drain(shop, timeout=LIMIT)
    assert held() == (3, "held")


def test_one_whose_function_has_changed_stays_for_good_and_is_told(shop: Any) -> None:
    held, table = shop.decorator(lambda: "held"), shop.plain(1)
    bf.swap(shop, source=text(2))
    report = bf.swap(shop, source=text(3, changed=True))
    assert [one.name for one in report.unreached] == []  # those of generation 2 are gone; these are older, and follow
    assert held() == (2, "held")
    assert table(0) == (3, 2, (), 3, 0)
    for number in (4, 5, 6, 7):
        bf.swap(shop, source=text(number, changed=number % 2 == 0))
        gc.collect()
        assert held() == (2, "held")
        assert table(0) == (number, 2, (), number, 0)


def test_one_whose_function_is_gone_stays(shop: Any) -> None:
    held = shop.decorator(lambda: "held")
    for number in (2, 3, 4, 5):
        bf.swap(shop, source=f"def mark(): return {number}\n")
        assert held() == (1, "held")


def test_a_version_that_fails_changes_nothing(shop: Any) -> None:
    held = shop.decorator(lambda: "held")
    bf.swap(shop, source=text(2))
    for broken in (text(3) + "raise LookupError\n", "(\n"):
        with pytest.raises(bf.PrepareError):
            bf.swap(shop, source=broken)
        assert held() == (2, "held")


def test_a_body_that_calls_one_gets_what_serves(workshop: Workshop) -> None:
    workshop.write("keeper.py", "kept = []\n")
    keeper = workshop.load("keeper")
    source = text(1) + "import keeper\nheard = [one() for one in keeper.kept]\n"
    shop = workshop.freeze("handing", source)
    keeper.kept.append(shop.decorator(lambda: "held"))
    for number in (2, 3):
        bf.swap(shop, source=source.replace("return 1", f"return {number}"))
        assert shop.heard[0][1] == "held"
        assert keeper.kept[0]() == (number, "held")


@pytest.mark.parametrize("way", EVERY_WAY)
def test_it_is_freed_like_any_function_and_so_are_the_versions(shop: Any, way: str) -> None:
    make, use, expected = WAYS[way]
    held = make(shop)
    held.itself = held  # the collector has to find this, through whatever it serves by
    gone = weakref.ref(held)
    for number in range(2, 12):
        bf.swap(shop, source=text(number))
        assert use(held) == expected(number)
    assert len(bf.status(shop).generations) <= 3
    del held
    gc.collect()
    assert gone() is None
    bf.swap(shop, source=text(12))


def test_one_that_stays_is_freed_as_well(shop: Any) -> None:
    table: list[Any] = []
    table.append(shop.decorator(lambda: table))
    gone = weakref.ref(table[0])
    bf.swap(shop, source=text(2))
    bf.swap(shop, source=text(3, changed=True))
    assert table[0]() == (2, table)
    table.clear()
    gc.collect()
    assert gone() is None


def test_it_can_be_pickled_by_value(shop: Any) -> None:
    held = shop.generator(5)
    bf.swap(shop, source=text(2))
    again = pickle.loads(cloudpickle.dumps(held))
    assert list(again(1)) == [(2, 5)]
    assert str(inspect.signature(again)) == "(k)"


COUNTED = itertools.count()


class Model:
    """What a closure is to answer: the version that it has followed into last, until its function changes."""

    def __init__(self, version: int, changed: bool) -> None:
        self.version, self.changed, self.stays = version, changed, False

    def swapped(self, version: int, changed: bool) -> None:
        self.stays = self.stays or changed != self.changed
        self.version = self.version if self.stays else version


STEPS = st.lists(st.sampled_from(["swap", "change", "hand out", "roll back"]), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_whatever_is_swapped_each_closure_is_whole_and_as_new_as_can_be(workshop: Workshop, steps: list[str]) -> None:
    shop = workshop.freeze(f"handing_{next(COUNTED)}", text(1))
    served = [(1, False)]
    held = [(shop.decorator(lambda: "held"), Model(1, False))]
    last = 1
    for step in steps:
        if step == "hand out":
            held.append((shop.decorator(lambda: "held"), Model(*served[-1])))
            continue
        if step == "roll back":
            if len(served) < 2:
                continue
            bf.rollback(shop)
            served[-2:] = [served[-2]]
        else:
            last += 1
            served = [*served[-1:], (last, served[-1][1] != (step == "change"))]
            bf.swap(shop, source=text(last, changed=served[-1][1]))
        bf.drain(shop, timeout=LIMIT)
        for closure, model in held:
            model.swapped(*served[-1])
            assert closure() == (model.version, "held")
