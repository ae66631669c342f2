"""Methods that decorators have wrapped, on instances that wait for their conversion: they are whole, as plain ones are.

Version n counts in units of n, so whoever mixes versions gets a count wrong.
"""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
from conftest import Workshop
from threads import LIMIT

import blockfreeze as bf

MAKERS = """
import functools

def noted(function):
    @functools.wraps(function)
    def wrapper(*given):
        return function(*given)
    return wrapper

class Computed:
    def __init__(self, function):
        self.function = function
    def __get__(self, instance, owner=None):
        return self if instance is None else self.function(instance)

class Command:
    def __init__(self, function):
        self.steps = [function]
    def __get__(self, instance, owner=None):
        return self if instance is None else lambda: self.steps[0](instance)
"""
"""What is outside of the block, and holds functions of its classes."""

TEXT = """
    import blockfreeze as bf
    from a_makers import Command, Computed, noted
    UNIT = {unit}

    class Till:
        def __init__(self):
            self.unit, self.amount = UNIT, 0
        {method}
        def sell(self):
            self.amount += UNIT
            return self
        {method}
        def show(self):
            return UNIT, self.unit, self.count
        {attribute}
        def count(self):
            return self.amount / UNIT

    def to_unit(till, unit):
        till.amount = till.amount // till.unit * unit
        till.unit = unit

    @bf.converts(Till, version={unit}, inverse=lambda till, *_: to_unit(till, {before}))
    def convert(till, added, discarded, old):
        to_unit(till, UNIT)

    def visit(till):
        while True:
            yield till.sell().show()
"""

WAYS = {
    "plain": ("", "@property"),
    "wrapped methods": ("@noted", "@property"),
    "wrapped property": ("", "@property\n        @noted"),
    "all wrapped": ("@noted", "@property\n        @noted"),
    "descriptor": ("", "@Computed"),
    "descriptor and wrapped methods": ("@noted", "@Computed"),
    "methods in objects": ("@Command", "@Computed"),
}


@pytest.mark.parametrize("way", WAYS)
def test_instances_that_wait_are_whole(workshop: Workshop, way: str) -> None:
    method, attribute = WAYS[way]

    def text(unit: int, before: int) -> str:
        return dedent(TEXT.format(unit=unit, before=before, method=method, attribute=attribute))

    def shown(till: Any) -> float:
        unit, own, count = till.show()
        assert unit == own
        return count

    workshop.write("a_makers.py", MAKERS)
    shop: Any = workshop.freeze("shop", text(1, 1))
    first = shop.Till()
    visit = shop.visit(first)
    assert next(visit) == (1, 1, 1)
    bf.swap(shop, source=text(2, 1))
    second, held = shop.Till(), first.show
    second.sell()
    assert (shown(first), shown(second)) == (1, 1)
    assert next(visit) == (1, 1, 2)
    bf.rollback(shop)
    third = shop.Till()
    second.sell()
    third.sell()
    assert (shown(first), shown(second), shown(third)) == (2, 2, 1)
    bf.swap(shop, source=text(3, 1))
    assert (shown(first), shown(second), shown(third)) == (2, 2, 1)
    assert next(visit) == (1, 1, 3)
    visit.close()
    bf.drain(shop, timeout=LIMIT)
    assert [one.sell().show() for one in (first, second, third)] == [(3, 3, 4), (3, 3, 3), (3, 3, 2)]
    assert held() == (3, 3, 4)
