"""Check points: code learns whether its generation serves."""

from __future__ import annotations

from types import ModuleType

import pytest
from conftest import Workshop

import blockfreeze as bf

MODULE = """
import blockfreeze as bf

def is_current():
    return bf.current(), "v1"

def by_way_of(function):
    return function(), bf.current()

def steps():
    while True:
        yield bf.current()
"""


@pytest.fixture
def module(workshop: Workshop) -> ModuleType:
    return workshop.freeze("asking", MODULE)


def test_an_old_call_learns_that_it_is_old_and_a_new_one_that_it_is_new(module: ModuleType) -> None:
    old = module.steps()
    assert (next(old), module.is_current()) == (True, (True, "v1"))
    bf.swap(module, source=MODULE.replace("v1", "v2"))
    assert (next(old), module.is_current(), next(module.steps())) == (False, (True, "v2"), True)
    bf.rollback(module)
    assert (next(old), module.is_current()) == (True, (True, "v1"))


def test_a_swap_in_the_midst_of_a_call_is_seen_there(module: ModuleType) -> None:
    swapped = module.by_way_of(lambda: bf.swap(module, source=MODULE.replace("v1", "v2")).kind)
    assert swapped == ("swap", False)
    assert module.is_current() == (True, "v2")


def test_code_of_no_block_is_told_of_its_callers(module: ModuleType) -> None:
    assert bf.current()
    assert module.by_way_of(bf.current) == (True, True)

    def foreign() -> list[bool]:
        before = bf.current()
        bf.swap(module, source=MODULE)
        return [before, bf.current()]

    assert module.by_way_of(foreign) == ([True, False], False)
    assert bf.current()


def test_a_function_from_before_a_late_freeze_is_not_current(workshop: Workshop) -> None:
    workshop.write("asking.py", MODULE)
    plain = workshop.load("asking")
    old = plain.steps()
    assert next(old)
    module = bf.freeze_block(plain)
    assert (next(old), next(module.steps())) == (False, True)
