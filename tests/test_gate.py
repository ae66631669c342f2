"""The gate: new calls wait, old ones drain, data is converted in peace; after a failure nothing has changed."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from living import Watch, events, is_as_before, only, text
from pairs import forget_block
from threads import LIMIT, ParkedCall, ThreadedCall

import blockfreeze as bf
from benchmarks.shapes.gated import under_tasks, under_threads, versioned
from blockfreeze.api import registry
from blockfreeze.dispatch.gate import Gate
from blockfreeze.draining import quiesce
from blockfreeze.identity import new_instances
from blockfreeze.instances import legacy_classes
from blockfreeze.swapping import commit

pytestmark = pytest.mark.needs_threads


def quiesced(module: Any, version: int, seconds: float = LIMIT) -> ThreadedCall[bf.SwapReport]:
    return ThreadedCall(lambda: bf.swap(module, source=text(version), quiesce=seconds), name="the swap")


async def gated(
    watch: Watch, module: Any, call: Callable[[Any], Any], source: str
) -> tuple[asyncio.Event, asyncio.Task[Any], asyncio.Task[bf.SwapReport]]:
    """Begin a call that awaits an event, and shut the gate by a swap that waits for it; return the three."""
    go = asyncio.Event()
    old = asyncio.create_task(call(go.wait))
    await asyncio.sleep(0)
    swap = asyncio.create_task(bf.aswap(module, source=source, quiesce=LIMIT))
    await asyncio.to_thread(watch.wait_until_shut)
    return go, old, swap


def refused(module: Any, version: int, seconds: float = 0.0) -> BaseException:
    with pytest.raises((bf.SwapError, bf.DrainTimeoutError)) as caught:
        bf.swap(module, source=text(version), quiesce=seconds)
    return caught.value


def test_a_block_at_rest_is_swapped_at_once(shop: Any) -> None:
    report = bf.swap(shop, source=text(2), quiesce=0)
    assert (report.to_generation, only(shop.foo())) == (2, 2)
    assert "quiesce" in report.phases
    assert is_as_before(shop, 2)


def test_new_calls_wait_old_ones_drain_and_what_they_call_passes(shop: Any, watch: Watch) -> None:
    with ParkedCall(shop.foo) as parked:
        swap = quiesced(shop, 2)
        watch.wait_until_shut()
        waiting = [ThreadedCall(call) for call in (shop.foo, lambda: shop.Till().total(), lambda: list(shop.numbers()))]
        watch.wait_for_waiting(3)
        assert shop.NUMBER == 1  # a look-up does not wait, and finds what serves
        assert all(one.is_alive() for one in waiting)
        assert swap.is_alive()
        assert only(parked.finish()) == 1
        assert swap.result().to_generation == 2
        assert [one.result() for one in waiting] == [(2, 2, 2, 2, 2), 2, [2, 2, 2, 2]]
    assert is_as_before(shop, 2)


def test_who_waits_uses_no_processor(shop: Any, watch: Watch) -> None:
    def waits() -> float:
        before = time.thread_time()
        shop.foo()
        return time.thread_time() - before

    with ParkedCall(shop.foo) as parked:
        swap = quiesced(shop, 2)
        watch.wait_until_shut()
        waiting = ThreadedCall(waits)
        watch.wait_for_waiting()
        began = time.monotonic()
        while time.monotonic() < began + 0.3:
            threading.Event().wait(0.05)
        parked.finish()
        swap.result()
        assert waiting.result() < 0.1


def test_pinned_contexts_pass_and_are_waited_for(shop: Any, watch: Watch) -> None:
    with bf.pin(shop):
        swap = quiesced(shop, 2)
        watch.wait_until_shut()
        assert only(shop.foo()) == 1
        with bf.pin(shop) as inner:
            assert inner == 1
        assert swap.is_alive()
    assert swap.result().to_generation == 2


def test_a_new_pin_waits_as_a_new_call_does(shop: Any, watch: Watch) -> None:
    def pins() -> tuple[int, int]:
        with bf.pin(shop) as number:
            return number, only(shop.foo())

    with ParkedCall(shop.foo) as parked:
        swap = quiesced(shop, 2)
        watch.wait_until_shut()
        pinned = ThreadedCall(pins)
        watch.wait_for_waiting()
        parked.finish()
        swap.result()
        assert pinned.result() == (2, 2)


def test_a_call_from_inside_the_block_through_foreign_code_passes(shop: Any, watch: Watch) -> None:
    seen: list[int] = []

    def between() -> None:
        swaps.append(quiesced(shop, 2))
        watch.wait_until_shut()
        seen.extend(map(only, (shop.foo(), shop.numbers(), [shop.Till().total()])))

    swaps: list[ThreadedCall[bf.SwapReport]] = []
    assert only(shop.foo(between)) == 1
    assert seen == [1, 1, 1]
    assert swaps[0].result().to_generation == 2


@pytest.mark.parametrize("first", [True, False], ids=["never swapped", "swapped before"])
def test_a_timeout_names_who_was_in_the_way_and_changes_nothing(shop: Any, watch: Watch, first: bool) -> None:
    serving = 1
    if not first:
        bf.swap(shop, source=text(2))
        serving = 2
    code = shop.foo.__code__
    with ParkedCall(shop.foo) as parked:
        error = refused(shop, 9)
        assert isinstance(error, bf.DrainTimeoutError)
        (who,) = error.lingering
        assert (who.kind, who.owner, who.generation, who.function) == ("thread", "parked call", serving, "foo")
        assert "parked call" in str(error)
        assert only(shop.foo()) == serving
        assert only(parked.finish()) == serving
    assert is_as_before(shop, serving)
    assert (shop.foo.__code__ is code) is first or not first


def test_those_who_wait_go_on_in_the_old_generation_after_a_timeout(shop: Any, watch: Watch) -> None:
    with ParkedCall(shop.foo) as parked:
        swap = quiesced(shop, 9, seconds=1.0)
        watch.wait_until_shut()
        waiting = ThreadedCall(shop.foo)
        with pytest.raises(bf.DrainTimeoutError):
            swap.result()
        assert only(waiting.result()) == 1
        assert only(parked.finish()) == 1
    assert is_as_before(shop, 1)


@pytest.mark.parametrize(
    ("what", "call"),
    [
        ("generator", lambda shop: shop.numbers()),
        ("coroutine", lambda shop: shop.later()),
        ("async generator", lambda shop: shop.stream()),
    ],
)
def test_what_is_suspended_is_in_the_way(shop: Any, what: str, call: Callable[[Any], Any]) -> None:
    held = call(shop)
    if what == "generator":
        next(held)
    error = refused(shop, 9)
    assert what in str(error)
    if what == "coroutine":
        held.close()
    del held, error
    bf.swap(shop, source=text(2), quiesce=1)
    assert is_as_before(shop, 2)


def test_a_pin_is_in_the_way_and_is_named(shop: Any) -> None:
    def holds(gate: Callable[[], None]) -> None:
        with bf.pin(shop):
            gate()

    with ParkedCall(holds, name="the holder") as holder:
        error = refused(shop, 9)
        assert isinstance(error, bf.DrainTimeoutError)
        assert [(one.kind, one.owner) for one in error.lingering] == [("pin", "the holder")]
        holder.finish()
    assert is_as_before(shop, 1)


def test_a_thread_that_would_wait_for_itself_is_refused_at_once(shop: Any) -> None:
    failures: list[BaseException] = []
    assert only(shop.foo(lambda: failures.append(refused(shop, 9, LIMIT)))) == 1
    with bf.pin(shop):
        failures.append(refused(shop, 9, LIMIT))
        with bf.prepare(shop, source=text(9)) as candidate, pytest.raises(bf.SwapError, match="itself"):
            candidate.commit(quiesce=LIMIT)
    assert ["runs inside" in str(failures[0]), "pinned" in str(failures[1])] == [True, True]
    assert not any(isinstance(one, bf.DrainTimeoutError) for one in failures)
    assert is_as_before(shop, 1)


def test_a_candidate_is_committed_behind_a_gate(shop: Any) -> None:
    assert bf.prepare(shop, source=text(2)).commit(quiesce=1).to_generation == 2
    assert is_as_before(shop, 2)


GAINS = "class Till:\n    def __init__(self):\n        self.number = {0}\n{1}    def total(self): return self.number\n"


@pytest.mark.parametrize("failure", [LookupError("no"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
@pytest.mark.parametrize("earlier", [0, 1])
def test_a_conversion_that_fails_half_way_changes_nothing(
    workshop: Any, monkeypatch: pytest.MonkeyPatch, failure: BaseException, earlier: int
) -> None:
    gains = workshop.freeze("gains", GAINS.format(1, "") + "def foo(): return Till().total()\n")
    if earlier:
        bf.swap(gains)
    tills = [gains.Till() for _ in range(5)]
    serving, kind = bf.status(gains).current, type(tills[0])
    done = []
    real = legacy_classes.set_class

    def fails_at_the_third(instance: Any, cls: type) -> None:
        done.append(instance)
        if len(done) == 3:
            raise failure
        real(instance, cls)

    source = GAINS.format(2, "        self.more = 3\n") + "def foo(): return Till().more\n"
    with monkeypatch.context() as patch:
        for module in (new_instances, legacy_classes):
            patch.setattr(module, "set_class", fails_at_the_third)
        expected = bf.PrepareError if isinstance(failure, Exception) else type(failure)
        with pytest.raises(expected) as caught:
            bf.swap(gains, source=source, quiesce=1)
    if isinstance(caught.value, bf.PrepareError):
        assert (caught.value.phase, caught.value.__cause__) == ("convert", failure)
    assert len(done) > 3  # those that had been moved were moved back
    assert {type(one) for one in tills} == {kind} == {gains.Till}
    assert [one.total() for one in tills] == [1] * 5
    status = bf.status(gains)
    assert (status.current, status.overlapping, gains.foo()) == (serving, False, 1)
    assert bf.swap(gains, source=source, quiesce=1)
    assert gains.foo() == 3


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), LookupError("no")], ids=repr)
def test_an_interrupt_while_calls_drain_changes_nothing(
    shop: Any, watch: Watch, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    def interrupted(seconds: float) -> None:
        waiting.append(ThreadedCall(shop.foo))
        watch.wait_for_waiting()
        raise failure

    waiting: list[ThreadedCall[Any]] = []
    with ParkedCall(shop.foo) as parked, monkeypatch.context() as patch:
        patch.setattr(quiesce.time, "sleep", interrupted)
        with pytest.raises(type(failure)):
            bf.swap(shop, source=text(9), quiesce=LIMIT)
        assert only(waiting[0].result()) == 1
        assert only(parked.finish()) == 1
    assert is_as_before(shop, 1)


def test_the_conversion_meets_no_old_code(shop: Any, monkeypatch: pytest.MonkeyPatch, watch: Watch) -> None:
    """Whatever goes in between the search that finds nobody and the conversion is found by a second search."""
    convert, inside, calls = Gate.convert, threading.Event(), []

    def convert_late(self: Gate, *, now: bool) -> None:
        if now and not calls:
            # An event loop's thread is let in while the calls drain; here, after the last moment that was looked at.
            calls.append(ThreadedCall(lambda: asyncio.run(on_a_loop())))
            assert inside.wait(LIMIT)
        convert(self, now=now)

    async def on_a_loop() -> Any:
        return shop.foo(lambda: (inside.set(), go_on.wait(LIMIT))[0])

    go_on = threading.Event()
    monkeypatch.setattr(Gate, "convert", convert_late)
    moved = threading.Event()
    monkeypatch.setattr(commit, "move_to_legacy_classes", lambda *given: moved.set() or {})
    swap = quiesced(shop, 2)
    assert inside.wait(LIMIT)
    assert not moved.wait(0.05)
    go_on.set()
    assert only(calls[0].result()) == 1
    assert swap.result().to_generation == 2
    assert moved.is_set()


def test_the_swapping_thread_itself_passes_its_gate(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector may run a finalizer on it at any time, and a conversion calls what it needs."""
    seen = []
    monkeypatch.setattr(commit, "move_to_legacy_classes", lambda *given: seen.append(only(shop.foo())) or {})
    bf.swap(shop, source=text(2), quiesce=1)
    assert seen == [1]


@pytest.mark.needs_fork
def test_the_child_of_a_fork_does_not_wait_for_a_thread_that_it_does_not_have(shop: Any, watch: Watch) -> None:
    import os

    with ParkedCall(shop.foo) as parked:
        swap = quiesced(shop, 2)
        watch.wait_until_shut()
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(write, bytes([only(shop.foo())]))
            os._exit(0)
        assert os.read(read, 1) == b"\x01"
        os.waitpid(child, 0)
        parked.finish()
        swap.result()


def test_coroutines_and_asynchronous_generators_await_the_gate(shop: Any, watch: Watch) -> None:
    async def main() -> None:
        go, old, swap = await gated(watch, shop, shop.later, text(2))
        steps = shop.stream()
        assert (shop.later.__name__, inspect.iscoroutinefunction(shop.later)) == ("later", True)
        new = [asyncio.create_task(shop.later()), asyncio.create_task(collect(steps)), asyncio.create_task(held())]
        await asyncio.to_thread(watch.wait_for_waiting, 3)
        assert not any(one.done() for one in (old, swap, *new))
        assert only(shop.foo()) == 1  # a plain function would stop the loop, and goes in
        go.set()
        assert only(await old) == 1
        assert (await swap).to_generation == 2
        assert [only(await one) for one in new] == [2, 2, 2]

    async def collect(steps: Any) -> list[int]:
        return [one async for one in steps]

    async def held() -> list[int]:
        async with bf.pin(shop) as number:
            return [number, *shop.foo()]

    asyncio.run(main())
    bf.drain(shop, timeout=10)
    assert is_as_before(shop, 2)


def test_an_asynchronous_generator_behind_a_gate_can_be_sent_to_thrown_into_and_closed(
    workshop: Any, watch: Watch
) -> None:
    source = """
async def steps():
    try:
        while True:
            try:
                found = yield ('got', {version}, found if 'found' in dir() else None)
            except LookupError:
                found = 'thrown'
    finally:
        LOG.append({version})
LOG = []
async def wait(until): await until()
"""
    module: Any = workshop.freeze("steps", source.format(version=1))

    async def main() -> list[Any]:
        go, old, swap = await gated(watch, module, module.wait, source.format(version=2))
        steps = module.steps()
        first = asyncio.create_task(anext(steps))
        await asyncio.to_thread(watch.wait_for_waiting)
        go.set()
        await asyncio.gather(old, swap)
        found = [await first, await steps.asend("sent"), await steps.athrow(LookupError())]
        await steps.aclose()
        return found

    assert asyncio.run(main()) == [("got", 2, None), ("got", 2, "sent"), ("got", 2, "thrown")]
    assert module.LOG == [2]


def test_a_cancelled_aswap_leaves_the_old_generation_serving(shop: Any, watch: Watch) -> None:
    async def main() -> None:
        go, old, swap = await gated(watch, shop, shop.later, text(9))
        new = asyncio.create_task(shop.later())
        await asyncio.to_thread(watch.wait_for_waiting)
        swap.cancel()
        with pytest.raises(asyncio.CancelledError):
            await swap
        assert bf.status(shop).current == 1
        assert only(await new) == 1
        go.set()
        assert only(await old) == 1

    asyncio.run(main())
    assert is_as_before(shop, 1)


def test_aswap_does_what_swap_does_and_raises_what_it_raises(shop: Any) -> None:
    async def main() -> None:
        assert (await bf.aswap(shop, source=text(2))).to_generation == 2
        with pytest.raises(bf.PrepareError):
            await bf.aswap(shop, source="raise LookupError\n")
        with pytest.raises(bf.PrepareError):
            await bf.aswap(shop, source=text(3), check=lambda candidate: False)
        with bf.pin(shop), pytest.raises(bf.SwapError, match="pinned"):
            await bf.aswap(shop, source=text(3), quiesce=1)

    asyncio.run(main())
    assert only(shop.foo()) == 2
    bf.drain(shop, timeout=10)
    assert is_as_before(shop, 2)


SWAPS, THREADS, TASKS = 60, 8, 200
"""What the suite does; ``python -m benchmarks.quiesced`` does 1,000 swaps under 8 threads and under 1,000 tasks."""


@pytest.fixture
def at_rest(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """Collect what runs in the block at each conversion."""
    found: list[list[Any]] = []

    def noted(block: Any, before: Any, after: Any, *more: Any) -> Any:
        running, _ = quiesce.search(block, [one for one in block.generations.values() if one is not after], whole=True)
        # A new call on its way to the gate, which stops it, is on the stack as well; it has not begun.
        found.append([one for one in running if not one.function.endswith("dispatch")])
        return legacy_classes.move_to_legacy_classes(block, before, after, *more)

    monkeypatch.setattr(commit, "move_to_legacy_classes", noted)
    return found


@pytest.fixture
def versions(workshop: Any) -> Any:
    return workshop.freeze("versions", versioned(1))


def test_no_call_fails_in_quiesced_swaps_under_threads(versions: Any, at_rest: list[list[Any]]) -> None:
    assert under_threads(versions, SWAPS, THREADS).calls > THREADS
    assert at_rest == [[]] * SWAPS


def test_no_call_fails_in_quiesced_swaps_under_tasks(versions: Any, at_rest: list[list[Any]]) -> None:
    assert asyncio.run(under_tasks(versions, SWAPS // 2, TASKS)).calls > TASKS
    assert at_rest == [[]] * (SWAPS // 2)


def test_what_is_refused_is_told(shop: Any) -> None:
    with events() as told, ParkedCall(shop.foo) as parked:
        refused(shop, 9)
        parked.finish()
    assert [type(one).__name__ for one in told] == ["Prepared", "GateOpened", "Refused"]
    forget_block(registry.block_of(shop, "test"))
