"""A swap at every point where CPython can switch threads while a call meets a gate, or a context is being pinned.

Each run parks one thread before one instruction, in the block's code or in ours, swaps, and lets it go on. Whatever the
point is: an answer is of one version, a swap that came through has left no old code running, and one that was refused
has changed nothing.
"""

from __future__ import annotations

import contextvars
import itertools
import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from living import events, only, text
from sequencer import Instructions
from threads import LIMIT, ThreadedCall

import blockfreeze as bf
from blockfreeze.dispatch.gate import Gate
from blockfreeze.draining import quiesce
from blockfreeze.swapping import commit

pytestmark = pytest.mark.needs_threads

STRIDE = 3
"""Every so manieth point is tried in the suite; with 1, all of them."""


def points(count: int) -> range:
    assert count > STRIDE
    return range(0, count, STRIDE)


def passed(call: Callable[[], Any]) -> int:
    """Return how many points `call` passes."""
    parking = Instructions(None)
    parking.run(call)
    return parking.passed


def outcome(swap: Callable[[], Any], version: int, found: dict[str, int]) -> int:
    """Swap, and return what every call that begins now answers with."""
    try:
        swap()
    except bf.DrainTimeoutError:
        found["refused"] = found.get("refused", 0) + 1
        return version
    found["came through"] = found.get("came through", 0) + 1
    return version + 1


def test_a_call_that_is_parked_anywhere_is_waited_for_or_has_not_begun(shop: Any) -> None:
    """The call goes through an overlap, which a prepared version has opened; then the gate is shut, for no time."""
    found: dict[str, int] = {}
    with bf.prepare(shop):
        count = passed(shop.foo)
    version = 1
    for at in points(count):
        candidate = bf.prepare(shop, source=text(version + 1))
        served: list[int] = []

        def meanwhile(candidate: Any = candidate, served: list[int] = served, version: int = version) -> None:
            served.append(outcome(lambda: candidate.commit(quiesce=0), version, found))

        answer = only(Instructions(at).run(shop.foo, meanwhile))
        assert [answer] == served, at
        version = served[0]
        assert only(shop.foo()) == version
        bf.drain(shop, timeout=LIMIT)
    assert "refused" in found


def test_a_call_that_is_parked_on_its_way_to_a_shut_gate_runs_before_or_after_the_swap(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[str, int] = {}
    shut, go_on = threading.Event(), threading.Event()
    reached: list[int] = []
    search, wait = quiesce.search, Gate.wait
    parking = Instructions(None)

    def held_back(*given: Any, **named: Any) -> Any:
        if not shut.is_set():
            shut.set()
            assert go_on.wait(LIMIT)
        return search(*given, **named)

    def noted(self: Gate) -> None:
        reached.append(parking.passed)
        go_on.set()
        wait(self)

    def swap(version: int) -> ThreadedCall[bf.SwapReport]:
        shut.clear()
        go_on.clear()
        swapping = ThreadedCall(lambda: bf.swap(shop, source=text(version), quiesce=0))
        assert shut.wait(LIMIT)
        return swapping

    monkeypatch.setattr(quiesce, "search", held_back)
    with monkeypatch.context() as patch:
        patch.setattr(Gate, "wait", noted)
        swapping = swap(2)
        assert only(parking.run(shop.foo)) == 2
        swapping.result()
    version = 2
    for at in points(reached[0]):
        swapping = swap(version + 1)
        served: list[int] = []

        def meanwhile(swapping: Any = swapping, served: list[int] = served, version: int = version) -> None:
            go_on.set()
            served.append(outcome(swapping.result, version, found))

        answer = only(Instructions(at).run(shop.foo, meanwhile))
        assert [answer] == served, at
        version = served[0]
        bf.drain(shop, timeout=LIMIT)
    assert "refused" in found


@pytest.mark.parametrize("prepared", [False, True], ids=["at rest", "in an overlap"])
def test_a_pin_that_is_being_taken_anywhere_holds_one_generation(shop: Any, prepared: bool) -> None:
    def pinned() -> set[int]:
        with bf.pin(shop) as number:
            numbers.append(number)
            return {*shop.foo(), shop.NUMBER, *shop.foo(), *shop.numbers()}

    numbers: list[int] = []
    bf.swap(shop, source=text(2))
    with bf.prepare(shop) if prepared else nullcontext():
        count = min(passed(pinned) for _ in range(3))
    version, seen = 2, set()
    for at in points(count)[:: 1 if STRIDE == 1 else 2]:
        candidate = bf.prepare(shop, source=text(version + 1)) if prepared else None

        def meanwhile(candidate: Any = candidate, version: int = version) -> None:
            report = bf.swap(shop, source=text(version + 1)) if candidate is None else candidate.commit()
            assert only(shop.foo()) == version + 1
            if not report.lingering:
                bf.drain(shop, timeout=0)

        answer = only(Instructions(at).run(pinned, meanwhile))
        version += 1
        seen.add(version - answer)
        assert answer in (version - 1, version), at
        bf.drain(shop, timeout=LIMIT)
        assert only(shop.foo()) == version
    assert seen == {0, 1}


def test_a_call_in_a_context_that_is_pinned_no_more_is_waited_for_or_is_of_the_new_generation(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a copy of a context has the pin: the overlap ends while the call is choosing its generation by it."""
    monkeypatch.setattr(commit, "drain_in_background", lambda *given: None)
    serving = itertools.count(2)
    seen = set()

    def left_over() -> tuple[Any, int]:
        with bf.pin(shop):
            kept, version = contextvars.copy_context(), next(serving)
            bf.swap(shop, source=text(version))
        return kept, version

    def parked(at: int) -> None:
        kept, version = left_over()
        inside: list[bool] = []
        meanwhile: list[tuple[bool, bool]] = []

        def ended() -> None:
            try:
                bf.drain(shop, timeout=0)
            except bf.DrainTimeoutError:
                meanwhile.append((False, bool(inside)))
            else:
                meanwhile.append((True, bool(inside)))

        answer = only(Instructions(at).run(lambda: kept.run(shop.foo, lambda: inside.append(True)), ended))
        ((drained, begun),) = meanwhile
        assert answer == version or not drained or begun, at
        seen.add((answer == version, drained))
        bf.drain(shop, timeout=LIMIT)

    kept, _ = left_over()
    count = passed(lambda: kept.run(shop.foo))
    bf.drain(shop, timeout=LIMIT)
    for at in range(0, count, 1 if STRIDE == 1 else 2):
        parked(at)
    assert (False, False) in seen


def test_a_gate_that_opened_for_nothing_is_told_of_once_as_any_other(shop: Any) -> None:
    with events() as told:
        bf.swap(shop, source=text(2), quiesce=0)
    assert [type(one) for one in told] == [bf.Prepared, bf.Committed, bf.GateOpened, bf.Drained, bf.Converged]
