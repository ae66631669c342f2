"""Events: typed, in order, logged, and harmless when a subscriber fails."""

from __future__ import annotations

import copy
import importlib
import logging
import pickle
from typing import Any

import pytest
from living import events, only, text
from threads import ParkedCall

import blockfreeze as bf
from blockfreeze.api import registry


def test_a_swap_tells_what_happens_in_order(shop: Any) -> None:
    with events() as told:
        bf.swap(shop, source=text(2))
        bf.rollback(shop)
    prepared = told.pop(0)
    assert isinstance(prepared, bf.Prepared)
    assert (prepared.block, prepared.generation, prepared.current, prepared.seconds > 0) == ("shop", 2, 1, True)
    assert told == [
        bf.Committed("shop", 2, 1),
        bf.Drained("shop", 2, (1,)),
        bf.Converged("shop", 2, ()),
        bf.RolledBack("shop", 1, 2),
        bf.Drained("shop", 1, (2,)),
        bf.Converged("shop", 1, ()),
    ]


@pytest.mark.needs_threads
def test_a_generation_that_is_still_in_use_has_not_drained(shop: Any) -> None:
    with events() as told, ParkedCall(shop.foo) as parked:
        bf.swap(shop, source=text(2))
        assert [type(one) for one in told] == [bf.Prepared, bf.Committed]
        parked.finish()
        bf.drain(shop, timeout=10)
        assert [type(one) for one in told[2:]] == [bf.Drained, bf.Converged]


def test_what_leaves_the_history_is_freed(shop: Any) -> None:
    bf.swap(shop, source=text(2))
    with events() as told:
        bf.swap(shop, source=text(3))
    assert told[-2:] == [bf.Drained("shop", 3, (2,)), bf.Converged("shop", 3, (1,))]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"source": "(\n"}, "PrepareError"),
        ({"source": "raise LookupError\n"}, "PrepareError"),
        ({"source": text(2), "check": lambda candidate: False}, "PrepareError"),
        ({"source": "", "strict": True}, "IncompatibleBlockError"),
    ],
)
def test_what_comes_to_nothing_is_told_with_its_reason(shop: Any, options: dict[str, Any], error: str) -> None:
    with events() as told, pytest.raises(bf.SwapError) as caught:
        bf.swap(shop, **({"source": ""} | options) if options["source"] else {**options, "source": "\n"})
    assert told[-1] == bf.Refused("shop", 1, "swap", error, str(caught.value))
    assert [type(one) for one in told].count(bf.Refused) == 1


def test_a_rollback_that_is_refused_is_told(shop: Any) -> None:
    with events() as told, pytest.raises(bf.NoSuchGenerationError) as caught:
        bf.rollback(shop)
    assert told == [bf.Refused("shop", 1, "rollback", "NoSuchGenerationError", str(caught.value))]


def test_a_swap_that_is_refused_because_of_another_is_told(shop: Any) -> None:
    with bf.prepare(shop), events() as told, pytest.raises(bf.SwapInProgressError):
        bf.swap(shop)
    assert [type(one) for one in told] == [bf.Refused]


def test_a_failing_subscriber_harms_nobody_and_is_logged(shop: Any, caplog: pytest.LogCaptureFixture) -> None:
    def fails(event: bf.Event) -> None:
        raise LookupError("of the subscriber")

    unsubscribe = bf.subscribe(fails)
    try:
        with events() as told:
            bf.swap(shop, source=text(2))
    finally:
        unsubscribe()
    assert only(shop.foo()) == 2
    assert len(told) == 4
    assert [str(one.exc_info[1]) for one in caplog.records if one.exc_info] == ["of the subscriber"] * 4


def test_events_are_logged(shop: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="blockfreeze"), events() as told:
        bf.swap(shop, source=text(2))
        with pytest.raises(bf.PrepareError):
            bf.swap(shop, source="(\n")
    assert [vars(one)["event"] for one in caplog.records] == told
    assert {type(one).__name__ for one in told if one.level != logging.INFO} == {"Refused"}
    refused = next(one for one in caplog.records if one.levelname == "ERROR")
    assert "SyntaxError" in refused.getMessage()
    assert refused.getMessage().startswith("shop: the swap was refused, and generation 2 goes on: PrepareError: ")
    assert bf.RolledBack("shop", 1, 2, "on probation").level == logging.WARNING
    assert caplog.records[1].getMessage() == "shop: generation 2 serves, after 1"


def test_a_subscription_ends_once_and_one_function_may_have_two(shop: Any) -> None:
    told: list[bf.Event] = []
    first, second = bf.subscribe(told.append), bf.subscribe(told.append)
    first()
    first()
    bf.swap(shop, source=text(2))
    assert len(told) == 4
    second()
    bf.swap(shop, source=text(3))
    assert len(told) == 4


def test_a_subscriber_may_call_and_ask(shop: Any) -> None:
    seen: list[int] = []
    unsubscribe = bf.subscribe(lambda event: seen.extend((bf.status(shop).current, only(shop.foo()))))
    try:
        bf.swap(shop, source=text(2))
    finally:
        unsubscribe()
    assert seen == [1, 1, 2, 2, 2, 2, 2, 2]


def test_a_block_tells_once_that_it_serves(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_patterns", {})
    with events() as told:
        for name, freeze in (("shop", bf.freeze_block), ("store", importlib.import_module)):
            workshop.write(f"{name}.py", text(1))
            bf.install("store")
            freeze(name)
            bf.freeze_block(name)
    assert told == [bf.Frozen("shop", 1), bf.Frozen("store", 1)]


@pytest.mark.parametrize("quiet", [True, False])
def test_calls_that_were_held_back_are_told_with_their_time(shop: Any, *, quiet: bool) -> None:
    with events() as told:
        if quiet:
            bf.swap(shop, source=text(2), quiesce=5)
        else:
            with ParkedCall(shop.foo) as parked:
                with pytest.raises(bf.DrainTimeoutError):
                    bf.swap(shop, source=text(2), quiesce=0.01)
                parked.finish()
    (opened,) = [one for one in told if isinstance(one, bf.GateOpened)]
    assert (opened.generation, opened.seconds > 0) == (2 if quiet else 1, True)


def test_who_waits_for_itself_has_held_nobody_back(shop: Any) -> None:
    with events() as told, pytest.raises(bf.SwapError, match="wait for ever"):
        shop.foo(lambda: bf.swap(shop, source=text(2), quiesce=5))
    assert not [one for one in told if isinstance(one, bf.GateOpened)]


@pytest.mark.parametrize(
    "event",
    [
        bf.Frozen("shop", 1, "r1"),
        bf.GateOpened("shop", 2, 0.1),
        bf.Prepared("shop", 2, 1, 0.1),
        bf.Committed("shop", 2, 1),
        bf.RolledBack("shop", 1, 2, "it failed"),
        bf.Drained("shop", 2, (1,)),
        bf.Converged("shop", 2, (1,)),
        bf.Refused("shop", 1, "swap", "PrepareError", "why"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_is_a_plain_value(event: bf.Event) -> None:
    assert pickle.loads(pickle.dumps(event)) == copy.copy(event) == event
    assert hash(event) == hash(copy.copy(event))
    assert str(event).startswith("shop: ")
    with pytest.raises(AttributeError):
        event.block = "other"  # type: ignore[misc]
