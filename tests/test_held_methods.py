"""Weak references to methods: equal to new ones across swaps, so that what was connected can be disconnected."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any
from weakref import WeakMethod

import pytest
from conftest import Workshop

import blockfreeze as bf

TILL = '''
from weakref import WeakMethod

class Base:
    def inherited(self):
        return "v1"

class Till(Base):
    def ring(self, times=1):
        """Ring, v1."""
        return "v1", times, self.quiet()

    def quiet(self):
        return "v1"

    @classmethod
    def of_class(cls):
        return "v1"

    def me(self):
        return self.ring

    def is_mine(self, held):
        mine = WeakMethod(self.ring)
        return held == mine and hash(held) == hash(mine)
'''


def text(version: str) -> str:
    """Return another version."""
    return TILL.replace("v1", version)


@pytest.fixture
def shop(workshop: Workshop) -> ModuleType:
    """A block with classes whose methods are handed out."""
    return workshop.freeze("shop", TILL, history=4)


WAYS: dict[str, Callable[[Any], Any]] = {
    "method": lambda till: till.ring,
    "of an older class": lambda till: till.inherited,
    "class method": lambda till: till.of_class,
    "from inside": lambda till: till.me(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_method_that_is_referred_to_is_equal_to_a_new_one(shop: ModuleType, way: str) -> None:
    get, till = WAYS[way], shop.Till()
    connected = {WeakMethod(get(till)): 1}
    for version in ("v2", "v3", "v4"):
        bf.swap(shop, source=text(version))
        assert [WeakMethod(get(till))] == list(connected)
        assert connected[WeakMethod(get(till))] == 1
        (held,) = connected
        assert held()() == get(till)() == ((version, 1, version) if way in ("method", "from inside") else version)
    bf.rollback(shop)
    connected[WeakMethod(get(till))] = 2
    assert list(connected.values()) == [2]


def test_a_method_that_was_taken_later_is_equal_too(shop: ModuleType) -> None:
    till = shop.Till()
    bf.swap(shop, source=text("v2"))
    held = WeakMethod(till.ring)
    bf.swap(shop, source=text("v3"))
    assert held == WeakMethod(till.ring)
    bf.rollback(shop, to=1)
    assert held == WeakMethod(till.ring)
    assert held()() == ("v1", 1, "v1")


def test_a_method_that_was_taken_while_a_candidate_waited_is_equal(shop: ModuleType) -> None:
    till = shop.Till()
    candidate = bf.prepare(shop, source=text("v2"))
    held = WeakMethod(till.ring)
    candidate.commit()
    assert held == WeakMethod(till.ring)
    assert held()() == ("v2", 1, "v2")


def test_code_of_either_version_finds_them_equal_while_an_old_call_goes_on(workshop: Workshop) -> None:
    source = TILL + "\n    def steps(self, held):\n        while True:\n            yield self.is_mine(held)\n"
    shop = workshop.freeze("shop", source)
    till = shop.Till()
    held = WeakMethod(till.ring)
    old = till.steps(held)
    assert next(old)
    bf.swap(shop, source=source.replace("v1", "v2"))
    assert next(old)
    assert till.is_mine(held)
    old.close()
    assert till.is_mine(held)


def test_only_what_is_referred_to_goes_on_to_forward(shop: ModuleType) -> None:
    till = shop.Till()
    held = WeakMethod(till.ring)
    functions = shop.Till.ring, shop.Till.quiet
    bf.swap(shop, source=text("v2"))
    assert shop.Till.ring is functions[0]
    assert shop.Till.quiet is not functions[1]
    del held
    bf.swap(shop, source=text("v3"))
    assert shop.Till.ring is not functions[0]


def test_inspection_of_such_a_method_sees_the_one_that_serves(shop: ModuleType) -> None:
    till = shop.Till()
    held = WeakMethod(till.ring)
    bf.swap(shop, source=text("v2").replace("times=1", "times=2, *, more: int = 3"))
    assert str(inspect.signature(held())) == "(times=2, *, more: int = 3)"
    assert held().__doc__ == "Ring, v2."
    assert held()() == ("v2", 2, "v2")
    bf.rollback(shop)
    assert str(inspect.signature(held())) == "(times=1)"
    assert held().__doc__ == "Ring, v1."
    assert held()() == ("v1", 1, "v1")


def test_a_swap_that_is_refused_leaves_methods_as_they_were(shop: ModuleType) -> None:
    till = shop.Till()
    held = WeakMethod(till.ring)
    with pytest.raises(bf.PrepareError):
        bf.swap(shop, source=text("v2"), check=lambda _: 1 / 0)
    assert held == WeakMethod(till.ring)
    assert held()() == ("v1", 1, "v1")


def test_a_method_that_becomes_a_coroutine_is_another_one(shop: ModuleType) -> None:
    till = shop.Till()
    held = WeakMethod(till.quiet)
    bf.swap(shop, source=text("v2").replace("def quiet", "async def quiet"))
    assert inspect.iscoroutinefunction(till.quiet)
    assert held != WeakMethod(till.quiet)
