"""Who has made an instance: a call in flight goes on making its own, and what a new version makes is nothing old."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

SHAPES = {
    "a constructor": "class Till(Base):\n    def __init__(self): self.cents = {0}",
    "a data class": "@dataclasses.dataclass\nclass Till(Base):\n    cents: object = {0}",
    "no constructor": "class Till(Base):\n    pass",
    "the base's constructor": "class Till(Base):\n    def __init__(self):\n        super().__init__()",
}
TEXT = """
import dataclasses
import blockfreeze as bf
class Base:
    def show(self): return {0}, self.number(), rate()
    def number(self): return {0}
class Counted(Base):
    def __init__(self): self.cents = {0}
{1}
def rate(): return {0}
def new():
    till = Till()
    till.cents = {0}
    return till
def make(before=lambda: None, between=lambda: None):
    before()
    till = new()
    between()
    return till, till.show()
OWN = new()
{2}
"""
CONVERTER = """
@bf.converts(Till, version={0}, inverse=lambda till, *_: setattr(till, "cents", ("from {0}", till.cents)))
def convert(till, added, discarded, old): till.cents = ("to {0}", till.cents)
"""


def text(version: int, shape: str) -> str:
    body = SHAPES[shape].format(version)
    if shape == "the base's constructor":
        body = body.replace("(Base)", "(Counted)")
    return TEXT.format(version, body, "" if version == 1 else CONVERTER.format(version))


class Shop:
    """The block, and its versions one after the other."""

    def __init__(self, workshop: Workshop, shape: str) -> None:
        workshop.write("shop.py", text(1, shape))
        self.block: Any = bf.freeze_block("shop")
        self.shape = shape
        self.newest = 1

    def swap(self, quiesce: float | None = None) -> None:
        self.newest += 1
        bf.swap(self.block, source=text(self.newest, self.shape), quiesce=quiesce)

    def taking(self, steps: str) -> Callable[[], None]:
        """Return what swaps and rolls back: a word of `s` and `r`."""

        def take() -> None:
            for step in steps:
                if step == "s":
                    self.swap()
                else:
                    bf.rollback(self.block)

        return take


@pytest.fixture(params=SHAPES)
def shop(request: pytest.FixtureRequest, workshop: Workshop) -> Shop:
    return Shop(workshop, request.param)


STEPS = ["", "s", "ss", "sr", "srs"]


@pytest.mark.parametrize("between", STEPS)
@pytest.mark.parametrize("before", STEPS)
def test_a_call_in_flight_works_on_what_it_makes_with_its_own_methods(shop: Shop, before: str, between: str) -> None:
    till, shown = shop.block.make(shop.taking(before), shop.taking(between))
    assert shown == (1, 1, 1)
    bf.drain(shop.block, timeout=60)
    serving = shop.block.rate()
    assert till.show() == (serving, serving, serving)
    assert till.cents == (1 if serving == 1 else (f"to {serving}", 1)), "converted once, or not at all"


@pytest.mark.parametrize("quiesce", [None, 60.0])
def test_what_the_new_version_makes_before_it_serves_is_not_converted(shop: Shop, quiesce: float | None) -> None:
    old = shop.block.OWN
    shop.swap(quiesce)
    own = shop.block.OWN
    assert own is not old
    bf.drain(shop.block, timeout=60)
    assert (own.cents, own.show()) == (2, (2, 2, 2))
    assert old.cents == ("to 2", 1)
    shop.swap(quiesce)
    bf.drain(shop.block, timeout=60)
    assert own.cents == ("to 3", 2)
    assert shop.block.OWN.cents == 3


def test_what_a_candidate_makes_is_not_converted(workshop: Workshop) -> None:
    shop = Shop(workshop, "a constructor")
    candidate = bf.prepare(shop.block, source=text(2, shop.shape))
    made, shown = candidate.make()
    assert shown == (2, 2, 2)
    candidate.commit()
    bf.drain(shop.block, timeout=60)
    assert (made.cents, made.show()) == (2, (2, 2, 2))


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy])
def test_a_copy_of_an_instance_that_waits_waits_too(workshop: Workshop, how: Callable[[object], Any]) -> None:
    shop = Shop(workshop, "a constructor")
    till = shop.block.new()

    def swap_and_copy() -> None:
        shop.swap()
        copies.append(how(till))

    copies: list[Any] = []
    shop.block.make(swap_and_copy)
    bf.drain(shop.block, timeout=60)
    for one in (till, *copies):
        assert (one.cents, one.show()) == (("to 2", 1), (2, 2, 2))
