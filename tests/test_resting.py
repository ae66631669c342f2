"""A candidate that waits costs callers nothing, and whatever comes to it, by any way, is in it as a whole.

Where code objects cannot be watched (3.11), a candidate does not rest: all else is the same.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Workshop
from threads import ParkedCall, ThreadedCall, elsewhere

import blockfreeze as bf
from blockfreeze.api.registry import block_of
from blockfreeze.core.starts import Starts
from blockfreeze.dispatch.vector import is_overlapping
from blockfreeze.identity.versioned_attribute import VersionedAttribute
from blockfreeze.swapping import resting

RESTS = hasattr(sys, "monitoring")

TEXT = """
import a_bus, dataclasses, functools

class Till:
    sign = {0}
    def total(self, a=0): return ({0}, helper(a), TABLE["helper"](a), self.sign)
    @classmethod
    def made(cls): return ({0}, cls.sign)
    @property
    def price(self): return ({0}, self.sign)

def helper(a, b=0): return ({0}, a)
def foo(a): return ({0}, helper(a), TABLE["helper"](a), Till().total(a), Till.made(), Till().price)
TABLE = {{"helper": helper}}

def generating(a):
    yield foo(a)
    yield foo(a)

async def later(a): return foo(a)
def importing(a):
    from shop.late import late
    return late(), foo(a)
def waiting(between):
    between()
    return foo(0)
"""
TOLD = """
def told(a): return foo(a)
class Listener:
    def hear(self, a): return foo(a)
@dataclasses.dataclass
class Order:
    item: int
    def __post_init__(self): self.found = foo(self.item)

a_bus.heard["a function"] = told
a_bus.heard["a lambda"] = lambda a: foo(a)
a_bus.heard["a bound method"] = Listener().hear
a_bus.heard["a partial"] = functools.partial(told, 0)
a_bus.heard["a closure"] = (lambda held: lambda a: held(a))(foo_again := lambda a: foo(a))
a_bus.heard["a generator function"] = lambda a: list(generating(a))[0]
a_bus.heard["a class"] = lambda a: Order(a).found
a_bus.heard["a dataclass"] = lambda a, order=Order: order(a).found
"""
KINDS = (
    *("a function", "a lambda", "a bound method", "a partial", "a closure", "a generator function"),
    *("a class", "a dataclass"),
)


def result(version: int, a: int = 0) -> tuple[Any, ...]:
    mine = (version, a)
    return (version, mine, mine, (version, mine, mine, version), (version, version), (version, version))


@pytest.fixture
def shop(workshop: Workshop) -> Any:
    workshop.write("a_bus.py", "heard = {}")
    workshop.write("shop/__init__.py", TEXT.format(1))
    workshop.write("shop/late.py", "def late(): return 1")
    return bf.freeze_block("shop")


@pytest.fixture
def bus(workshop: Workshop, shop: Any) -> Any:
    return workshop.load("a_bus")


def version(number: int, more: str = "") -> dict[str, str]:
    return {"shop": TEXT.format(number) + more, "shop.late": f"def late(): return {number}"}


def is_steady(shop: Any) -> bool:
    """Tell whether nothing of an overlap is on the call path."""
    attributes = [type(value) for value in vars(shop.Till).values()]
    return not is_overlapping(block_of(shop, "test")) and VersionedAttribute not in attributes


def test_while_it_waits_the_steady_state_is_in_place(shop: Any) -> None:
    taken = shop.Till.total, shop.foo, shop.Till().total
    with bf.prepare(shop, source=version(2)) as candidate:
        assert is_steady(shop) is RESTS
        assert shop.foo(0) == result(1)
        assert (shop.Till.total, shop.foo) == taken[:2]
        assert taken[2]() == result(1)[3]
        with candidate.active():
            assert not is_steady(shop)
            assert shop.foo(0) == result(2)
            assert elsewhere(shop.foo, 0) == result(1)
        assert is_steady(shop) is RESTS
        assert shop.foo(0) == result(1)
        candidate.commit()
    assert [shop.foo(0), taken[1](0), taken[2]()] == [result(2), result(2), result(2)[3]]
    bf.drain(shop)
    assert is_steady(shop)
    bf.rollback(shop)
    assert shop.foo(0) == result(1)


@pytest.mark.parametrize("kind", KINDS)
def test_what_its_body_has_told_others_is_in_it_and_nobody_else_is(shop: Any, bus: Any, kind: str) -> None:
    for number in (2, 3):
        with bf.prepare(shop, source=version(number, TOLD)) as candidate:
            hear: Callable[..., Any] = bus.heard[kind]
            given = () if kind == "a partial" else (0,)
            assert shop.foo(0) == result(number - 1)
            assert elsewhere(hear, *given) == result(number)
            assert hear(*given) == result(number)
            assert shop.foo(0) == result(number - 1)
            candidate.commit()
        assert shop.foo(0) == result(number)


@pytest.mark.parametrize("name", ["foo", "later", "importing", "generating", "Till", "late"])
def test_what_is_taken_from_it_runs_in_it(shop: Any, name: str) -> None:
    uses: dict[str, Callable[[Any], Any]] = {
        "foo": lambda found: found(0),
        "later": lambda found: asyncio.run(found(0)),
        "importing": lambda found: found(0)[1],
        "generating": lambda found: list(found(0))[1],
        "late": lambda found: result(found.late()),
        "Till": lambda found: found and result(2),
    }
    with bf.prepare(shop, source=version(2)) as candidate:
        found = getattr(candidate, name)
        assert uses[name](found) == result(2)
        assert shop.foo(0) == result(1)


def test_an_import_inside_of_a_call_is_of_the_candidate(shop: Any, bus: Any) -> None:
    more = "a_bus.heard['late'] = importing"
    with bf.prepare(shop, source=version(2, more)):
        assert shop.foo(0) == result(1)
        assert shop.importing(0) == (1, result(1))
    with bf.prepare(shop, source=version(3, more)) as candidate, candidate.active():
        assert shop.importing(0) == (3, result(3))


def test_it_stays_awake_as_long_as_something_of_it_is_suspended(shop: Any) -> None:
    with bf.prepare(shop, source=version(2)) as candidate:
        with candidate.active():
            suspended: Iterator[Any] = shop.generating(0)
            assert next(suspended) == result(2)
        assert not is_steady(shop)
        assert next(suspended) == result(2)
        suspended.close()  # type: ignore[attr-defined]
        del suspended
        with candidate.active():
            pass
        assert is_steady(shop) is RESTS


@pytest.mark.needs_threads
def test_it_stays_awake_as_long_as_a_thread_runs_in_it(shop: Any) -> None:
    with bf.prepare(shop, source=version(2)) as candidate:
        taken = candidate.waiting
        with ParkedCall(taken) as parked:
            with candidate.active():
                pass
            assert not is_steady(shop)
            assert shop.foo(0) == result(1)
            assert parked.finish() == result(2)
        with candidate.active():
            pass
        assert is_steady(shop) is RESTS


@pytest.mark.needs_threads
@pytest.mark.parametrize("moment", ["before the search", "after the search"])
def test_a_call_that_begins_as_the_rest_begins_is_in_it(
    shop: Any, bus: Any, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    calls: list[ThreadedCall[Any]] = []
    search = resting.search

    def with_a_call(*given: Any) -> Any:
        if moment == "before the search":
            calls.append(ThreadedCall(bus.heard["a function"], 0))
        found = search(*given)
        if moment == "after the search":
            calls.append(ThreadedCall(bus.heard["a function"], 0))
        return found

    monkeypatch.setattr(resting, "search", with_a_call)
    with bf.prepare(shop, source=version(2, TOLD)) as candidate:
        assert [call.result() for call in calls] == [result(2)] * RESTS
        assert shop.foo(0) == result(1)
        candidate.commit()
    assert shop.foo(0) == result(2)


@pytest.mark.needs_threads
def test_two_threads_wake_it_at_once(shop: Any, bus: Any) -> None:
    with bf.prepare(shop, source=version(2, TOLD)):
        calls = [ThreadedCall(bus.heard[kind], 0) for kind in ("a function", "a lambda", "a closure")]
        assert [call.result() for call in calls] == [result(2)] * 3
        assert shop.foo(0) == result(1)


def test_several_in_turn_leave_nothing_behind(shop: Any, bus: Any) -> None:
    taken = shop.foo, shop.Till().total
    for number in range(2, 6):
        candidate = bf.prepare(shop, source=version(number, TOLD))
        with candidate.active():
            assert shop.foo(0) == result(number)
        candidate.discard()
        assert (taken[0](0), taken[1]()) == (result(1), result(1)[3])
        assert is_steady(shop)
    bf.swap(shop, source=version(9))
    assert (taken[0](0), taken[1]()) == (result(9), result(9)[3])


def test_a_module_that_joins_the_generation_that_serves_meanwhile(shop: Any) -> None:
    with bf.prepare(shop, source=version(2)) as candidate:
        assert shop.importing(0) == (1, result(1))
        late = sys.modules["shop.late"].late
        with candidate.active():
            assert shop.importing(0) == (2, result(2))
        assert late() == 1
        candidate.commit()
        assert late() == 2


def test_a_check_of_a_swap_is_in_the_candidate(shop: Any) -> None:
    seen: list[Any] = []
    bf.swap(shop, source=version(2), check=lambda candidate: seen.append(shop.foo(0)))
    assert seen == [result(2)]
    assert shop.foo(0) == result(2)


@pytest.mark.skipif(not RESTS, reason="sys.monitoring is new in 3.12")
def test_where_no_number_for_a_tool_is_left_it_does_not_rest(shop: Any) -> None:
    monitoring: Any = sys.__dict__["monitoring"]
    own = [tool for tool in (3, 4) if monitoring.get_tool(tool) is None]
    for tool in own:
        monitoring.use_tool_id(tool, "another")
    try:
        with bf.prepare(shop, source=version(2)) as candidate:
            assert not is_steady(shop)
            with candidate.active():
                assert shop.foo(0) == result(2)
            assert shop.foo(0) == result(1)
    finally:
        for tool in own:
            monitoring.free_tool_id(tool)


@pytest.mark.skipif(not RESTS, reason="sys.monitoring is new in 3.12")
def test_a_watch_tells_of_the_very_code_object_and_is_gone_when_nobody_is_told() -> None:
    monitoring: Any = sys.__dict__["monitoring"]

    def made() -> Callable[[], int]:
        namespace: dict[str, Any] = {}
        exec("def function(): return 1", namespace)
        return namespace["function"]  # type: ignore[no-any-return]

    one, other, told = made(), made(), list[str]()

    def tell() -> None:
        told.append("one")

    starts = Starts()
    assert starts.watch([one.__code__], tell)
    assert other() == 1
    assert not told
    assert one() == 1
    assert told == ["one"]
    starts.forget(tell)
    assert one() == 1
    assert told == ["one"]
    assert "blockfreeze" not in [monitoring.get_tool(tool) for tool in range(6)]


def test_a_function_in_the_place_of_another_callable_is_itself_in_the_candidate(workshop: Workshop) -> None:
    first = (
        "import functools\ndef add(x, y): return x + y\nask = functools.partial(add, 1)\ndef call(y): return ask(y)\n"
    )
    second = "def add(x, y): return x + y\ndef ask(y): return y * 100\ndef call(y): return [ask(y)][0]\n"
    module: Any = workshop.freeze("places", first)
    candidate: Any = bf.prepare(module, source=second)
    assert module.call(5) == 6
    for _ in range(2):
        with candidate.active():
            assert (candidate.call(5), candidate.ask(5), module.ask(5)) == (500, 500, 500)
        assert (module.call(5), module.ask(5)) == (6, 6)
    candidate.commit()
    assert (module.call(5), module.ask(5)) == (500, 500)
