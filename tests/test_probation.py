"""Probation: a version that falls short is rolled back by itself and says why; one that was replaced is left alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from living import events, only, text
from threads import LIMIT

import blockfreeze as bf

pytestmark = pytest.mark.needs_threads


class Told:
    """Waits for the end of a probation, of whatever kind."""

    def __init__(self) -> None:
        self.rolled_back: list[bf.RolledBack] = []
        self._came = threading.Event()

    def __call__(self, event: bf.Event) -> None:
        if isinstance(event, bf.RolledBack):
            self.rolled_back.append(event)
            self._came.set()

    def reason(self) -> str:
        assert self._came.wait(LIMIT), "nothing was rolled back"
        return self.rolled_back[-1].reason


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    unsubscribe = bf.subscribe(made)
    yield made
    unsubscribe()


def ended(module: Any) -> None:
    """Wait for the thread that watches."""
    for thread in threading.enumerate():
        if thread.name == f"blockfreeze probation {module.__name__}":
            thread.join(LIMIT)
            assert not thread.is_alive()


def unhealthy() -> bool:
    raise LookupError("gone")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"health": lambda: False}, "on probation, the health check returned False"),
        ({"health": unhealthy}, "on probation, the health check raised LookupError: gone"),
        ({"error_rate": lambda: 0.5, "tolerated": 0.1}, "on probation, the error rate was 0.5, tolerated is 0.1"),
        ({"error_rate": unhealthy}, "on probation, the error rate could not be told: LookupError: gone"),
    ],
)
def test_a_version_that_falls_short_is_rolled_back(shop: Any, told: Told, options: dict[str, Any], reason: str) -> None:
    bf.swap(shop, source=text(2), probation=bf.Probation(LIMIT, **options))
    assert told.reason() == reason
    ended(shop)
    assert only(shop.foo()) == 1


def test_a_version_may_fall_short_later(shop: Any, told: Told) -> None:
    answers = iter([True, None, False])
    bf.swap(shop, source=text(2), probation=bf.Probation(LIMIT, health=lambda: next(answers), every=0.001))
    assert told.reason()
    ended(shop)
    assert only(shop.foo()) == 1


def test_a_version_that_does_well_stays(shop: Any, told: Told) -> None:
    asked: list[int] = []
    probation = bf.Probation(0.05, lambda: asked.append(only(shop.foo())), lambda: 0.1, tolerated=0.1, every=0.01)
    bf.swap(shop, source=text(2), probation=probation)
    ended(shop)
    assert set(asked) == {2}
    assert len(asked) >= 2
    assert (told.rolled_back, only(shop.foo())) == ([], 2)


def test_a_version_that_another_one_has_replaced_is_left_alone(shop: Any, told: Told) -> None:
    asked, replaced = threading.Event(), threading.Event()

    def health() -> bool:
        asked.set()
        assert replaced.wait(LIMIT)
        return False

    bf.swap(shop, source=text(2), probation=bf.Probation(LIMIT, health))
    assert asked.wait(LIMIT)
    bf.swap(shop, source=text(3))
    replaced.set()
    ended(shop)
    assert (told.rolled_back, only(shop.foo())) == ([], 3)


def test_a_version_that_another_one_replaces_meanwhile_is_left_alone(shop: Any, told: Told) -> None:
    """The other swap holds the claim when the probation fails; the rollback waits, and finds that it came too late."""
    asked = threading.Event()
    bf.swap(shop, source=text(2))
    with events() as seen:
        candidate = bf.prepare(shop, source=text(3))
        from blockfreeze.api import registry
        from blockfreeze.swapping import probation

        report = bf.SwapReport("shop", "swap", 1, 2, ())
        failing = bf.Probation(LIMIT, lambda: asked.set() or False)
        probation.watch_over(registry.block_of(shop, "test"), report, failing)
        assert asked.wait(LIMIT)
        candidate.commit()
        ended(shop)
    assert (told.rolled_back, only(shop.foo())) == ([], 3)
    assert [one for one in seen if isinstance(one, bf.Refused)][0:1] in ([], [seen[-1]])


@pytest.mark.needs_event_loop
def test_aswap_has_a_probation_too(shop: Any, told: Told) -> None:
    asyncio.run(bf.aswap(shop, source=text(2), probation=bf.Probation(LIMIT, lambda: False)))
    assert told.reason()
    ended(shop)
    assert only(shop.foo()) == 1
