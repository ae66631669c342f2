"""While one old generation lingers, those after it that nobody runs are freed at the next swap.

Memory grows with who runs, and not with how often one swaps. The rule: kept are the generations that serve, that run or
are held, and that `history` keeps; in whatever order the others were left.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from textwrap import dedent
from typing import Any

import pytest
from conftest import Workshop
from threads import LIMIT, ParkedCall

import blockfreeze as bf
from blockfreeze.api import registry

LAST = 12
HISTORY = [LAST - 2, LAST - 1, LAST]
"""What is kept anyway: `history`, and the one that the last swap left, which the next one sees to."""


def text(version: int) -> str:
    return f"""\
    LIMIT = {version}

    class Thing:
        kind = "v{version}"

        def own(self):
            return {version}

        def through(self, stop):
            stop()
            return self.own(), inner()

    def inner():
        return {version}

    def rows():
        while True:
            yield inner()

    def waits(stop=int):
        stop()
        return inner()

    def maker():
        return lambda: inner()
    """


@pytest.fixture
def shop(workshop: Workshop) -> Any:
    return workshop.freeze("middles", text(1))


def swap_to(shop: Any, *versions: int) -> None:
    for version in versions:
        bf.swap(shop, source=dedent(text(version)))


def kept(shop: Any) -> list[int]:
    return sorted(one.number for one in bf.status(shop).generations)


def suspended(shop: Any) -> Iterator[int]:
    rows: Iterator[int] = shop.rows()
    next(rows)
    return rows


def test_only_who_runs_who_serves_and_the_history_are_kept(shop: Any) -> None:
    oldest = suspended(shop)
    swap_to(shop, 2, 3, 4)
    middle = suspended(shop)
    swap_to(shop, *range(5, LAST + 1))
    assert kept(shop) == [1, 4, *HISTORY]
    assert (next(oldest), next(middle)) == (1, 4)
    oldest.close()
    swap_to(shop, LAST + 1, LAST + 2)
    assert kept(shop) == [4, LAST, LAST + 1, LAST + 2]
    assert next(middle) == 4
    middle.close()
    bf.drain(shop, timeout=LIMIT)
    assert kept(shop) == [LAST + 1, LAST + 2]


def test_the_memory_of_a_middle_generation_is_given_back(shop: Any) -> None:
    oldest = suspended(shop)
    swap_to(shop, 2)
    second = weakref.ref(registry.block_of(shop, "test").current)
    swap_to(shop, *range(3, LAST + 1))
    gc.collect()
    assert second() is None
    assert next(oldest) == 1


@pytest.mark.needs_threads
@pytest.mark.parametrize("which", [2, 3, 5])
def test_a_call_that_waits_in_a_middle_generation_ends_in_it(shop: Any, which: int) -> None:
    with ExitStack() as calls:
        calls.callback(suspended(shop).__next__)
        swap_to(shop, *range(2, which + 1))
        thing = shop.Thing()
        function = calls.enter_context(ParkedCall(shop.waits))
        method = calls.enter_context(ParkedCall(thing.through))
        swap_to(shop, *range(which + 1, LAST + 1))
        assert kept(shop) == [1, which, *HISTORY]
        assert function.finish() == which
        assert method.finish() == (which, which)
        assert thing.through(int) == (LAST, LAST)


def test_what_a_freed_generation_handed_out_serves_as_after_any_swap(shop: Any) -> None:
    oldest = suspended(shop)
    swap_to(shop, 2)
    thing, function, closure, method = shop.Thing(), shop.waits, shop.maker(), shop.Thing().own
    swap_to(shop, *range(3, LAST + 1))
    assert (thing.own(), thing.kind, method()) == (LAST, f"v{LAST}", LAST)
    assert function() == LAST
    assert isinstance(thing, shop.Thing)
    assert closure() == LAST  # it follows, though an older generation lingers
    assert next(oldest) == 1
    oldest.close()
    bf.drain(shop, timeout=LIMIT)
    assert (thing.own(), function(), closure()) == (LAST, LAST, LAST)


def test_the_way_back_is_kept(shop: Any) -> None:
    oldest = suspended(shop)
    swap_to(shop, *range(2, LAST + 1))
    bf.rollback(shop)
    assert shop.waits() == LAST - 1
    assert next(oldest) == 1
