"""Pins: a context stays in one generation, whatever is swapped, until it is unpinned; a pin costs nothing at rest."""

from __future__ import annotations

import asyncio
import contextvars
import gc
from typing import Any

import pytest
from living import is_as_before, only, text
from sequencer import Sequencer
from threads import ParkedCall, ThreadedCall, elsewhere

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.dispatch.vector import Plain

WAYS = {
    "swap": lambda module: bf.swap(module, source=text(2)),
    "two swaps": lambda module: [bf.swap(module, source=text(number)) for number in (2, 3)],
}


def everything(module: Any, till: Any) -> set[int]:
    """Return the versions that show in calls, look-ups, generators, methods and properties."""
    found = {*module.foo(), module.NUMBER, *module.numbers(), till.total(), till.number, module.Till().total()}
    return found | {getattr(module, "bar")(), module.TABLE["bar"]()}  # noqa: B009


@pytest.mark.parametrize("way", WAYS)
def test_a_pinned_context_stays_in_its_generation(shop: Any, way: str) -> None:
    till = shop.Till()
    with bf.pin(shop) as number:
        assert number == 1
        WAYS[way](shop)
        assert everything(shop, till) == {1}
    current = bf.status(shop).current
    assert everything(shop, till) == {current}
    bf.drain(shop, timeout=10)
    assert is_as_before(shop, current)


def test_a_pin_changes_nothing_while_its_generation_serves(shop: Any) -> None:
    block = registry.block_of(shop, "test")
    before, code = block.reference.vector, shop.foo.__code__
    with bf.pin(shop):
        assert block.reference.vector is before
        assert shop.foo.__code__ is code
        assert bf.status(shop).lingering == ()
    assert not block.search.pins


def test_a_pin_lingers_and_says_who_holds_it_and_where(shop: Any) -> None:
    with bf.pin(shop):
        line = test_a_pin_lingers_and_says_who_holds_it_and_where.__code__.co_firstlineno + 1
        bf.swap(shop, source=text(2))
        (found,) = bf.status(shop).lingering
        assert (found.kind, found.generation, found.file, found.line) == ("pin", 1, __file__, line)
        assert found.function == "test_a_pin_lingers_and_says_who_holds_it_and_where"
        assert found.owner
        with pytest.raises(bf.DrainTimeoutError, match="pin") as caught:
            bf.drain(shop, timeout=0)
        assert caught.value.lingering == (found,)
    bf.drain(shop, timeout=10)


def test_a_pinned_generation_is_kept_beyond_the_history(shop: Any) -> None:
    with bf.pin(shop):
        for number in range(2, 7):
            bf.swap(shop, source=text(number))
        assert only(shop.foo()) == 1
        assert 1 in {one.number for one in bf.status(shop).generations}
    bf.drain(shop, timeout=10)
    assert [one.number for one in bf.status(shop).generations] == [5, 6]


def test_a_pin_of_a_generation_that_a_rollback_brings_back_does_not_linger(shop: Any) -> None:
    with bf.pin(shop):
        bf.swap(shop, source=text(2))
        bf.rollback(shop)
        bf.drain(shop, timeout=10)
        assert isinstance(registry.block_of(shop, "test").reference.vector[0], Plain)
        assert only(shop.foo()) == 1
        bf.rollback(shop, to=2)
        assert only(shop.foo()) == 1
    assert only(shop.foo()) == 2


def test_a_pin_of_the_newer_generation_outlives_a_rollback(shop: Any) -> None:
    bf.swap(shop, source=text(2))
    with bf.pin(shop) as number:
        assert number == 2
        bf.rollback(shop)
        assert only(shop.foo()) == 2
        assert shop.NUMBER == 2
    assert only(shop.foo()) == 1


def test_a_failed_swap_leaves_a_pin_as_it_was(shop: Any) -> None:
    with bf.pin(shop):
        for _ in range(2):
            for broken in ("raise LookupError\n", text(9) + "raise LookupError\n", "(\n"):
                with pytest.raises(bf.PrepareError):
                    bf.swap(shop, source=broken)
            assert only(shop.foo()) == 1
            if bf.status(shop).current == 1:
                bf.swap(shop, source=text(2))
        assert only(shop.foo()) == 1
    bf.drain(shop, timeout=10)
    assert is_as_before(shop, 2)


def test_an_inner_pin_holds_what_the_outer_one_holds(shop: Any) -> None:
    with bf.pin(shop) as outer:
        bf.swap(shop, source=text(2))
        with bf.pin(shop) as inner:
            assert (outer, inner) == (1, 1)
            bf.swap(shop, source=text(3))
            assert only(shop.foo()) == 1
        assert only(shop.foo()) == 1
    with bf.pin(shop) as number:
        assert number == 3


def test_a_pin_inside_a_call_holds_the_generation_of_the_call(shop: Any) -> None:
    seen: list[Any] = []

    def between() -> None:
        bf.swap(shop, source=text(2))
        with bf.pin(shop) as number:
            seen.extend((number, only(shop.foo())))

    assert only(shop.foo(between)) == 1
    assert seen == [1, 1]


def test_a_generator_stays_where_it_began_also_in_a_context_that_is_pinned_elsewhere(shop: Any) -> None:
    with bf.pin(shop):
        bf.swap(shop, source=text(2))
        inside = contextvars.copy_context()
        steps = contextvars.Context().run(shop.numbers)
        assert next(steps) == 2
        assert [inside.run(next, steps) for _ in range(3)] == [2, 2, 2]


def test_one_object_serves_one_statement_at_a_time(shop: Any) -> None:
    pin = bf.pin(shop)
    with pin, pytest.raises(bf.BlockfreezeError, match="in use"):
        pin.__enter__()
    with pin as number:
        assert number == 1


def test_only_a_block_can_be_pinned() -> None:
    with pytest.raises(bf.BlockfreezeError, match="not a block"):
        bf.pin(gc)


def test_a_set_of_pins_is_of_one_moment(workshop: Any) -> None:
    workshop.write("one.py", text(1))
    workshop.write("two.py", text(1))
    one, two = bf.freeze_block("one"), bf.freeze_block("two")
    block = registry.block_of(one, "test")

    class Between:
        """A head that swaps both blocks when the pin first looks at it: after the one, before the other."""

        gate = None

        def locate(self, frame: object) -> object:
            block.reference.vector = vector
            found = vector[0].locate(frame)
            bf.swap(one, source=text(2))
            bf.swap(two, source=text(2))
            return found

    vector = block.reference.vector
    block.reference.vector = (Between(), *vector[1:])
    with bf.pin(one, two) as numbers:
        assert numbers == (2, 2)
        bf.swap(one, source=text(3))
        assert (only(one.foo()), only(two.foo())) == (2, 2)
        with bf.pin(two):
            assert (only(one.foo()), only(two.foo())) == (2, 2)
    assert (only(one.foo()), only(two.foo())) == (3, 2)


@pytest.mark.needs_threads
def test_other_threads_are_not_pinned_unless_they_run_in_a_copy_of_the_context(shop: Any) -> None:
    with bf.pin(shop):
        bf.swap(shop, source=text(2))
        context = contextvars.copy_context()
        assert only(elsewhere(shop.foo)) == 2
        assert only(elsewhere(lambda: context.run(shop.foo))) == 1


@pytest.mark.needs_threads
def test_a_pin_is_taken_before_or_after_a_commit_in_another_thread(shop: Any) -> None:
    steps, seen = Sequencer(), []

    def pinned() -> None:
        with bf.pin(shop) as number:
            with steps(0):
                seen.append((number, only(shop.foo())))
            with steps(2):
                seen.append((number, only(shop.foo())))

    thread = ThreadedCall(pinned, name="the holder")
    with steps(1):
        bf.swap(shop, source=text(2))
        (lingering,) = bf.status(shop).lingering
    thread.result()
    assert (lingering.owner, seen) == ("the holder", [(1, 1), (1, 1)])


@pytest.mark.needs_threads
def test_a_parked_call_and_a_pin_both_keep_a_generation(shop: Any) -> None:
    with ParkedCall(shop.foo) as parked:
        with bf.pin(shop):
            bf.swap(shop, source=text(2))
            assert sorted(one.kind for one in bf.status(shop).lingering) == ["pin", "thread"]
        assert [one.kind for one in bf.status(shop).lingering] == ["thread"]
        assert only(parked.finish()) == 1
    bf.drain(shop, timeout=10)


@pytest.mark.needs_event_loop
def test_tasks_that_are_started_inside_stay_though_the_statement_has_ended(shop: Any) -> None:
    async def main() -> None:
        go = asyncio.Event()

        async def work() -> Any:
            inner = asyncio.create_task(shop.later(go.wait))
            return shop.foo(), await shop.later(go.wait), await inner, shop.NUMBER

        async with bf.pin(shop) as number:
            task = asyncio.create_task(work(), name="at work")
        bf.swap(shop, source=text(2))
        assert (number, only(shop.foo())) == (1, 2)
        await asyncio.sleep(0)
        found = {one.owner for one in bf.status(shop).lingering if one.kind == "pin"}
        assert "at work" in found
        go.set()
        first, second, third, fourth = await task
        assert {*first, *second, *third, fourth} == {1}
        bf.drain(shop, timeout=0)

    asyncio.run(main())
    assert is_as_before(shop, 2)


def test_a_callback_that_is_kept_for_ever_does_not_keep_a_generation(shop: Any) -> None:
    with bf.pin(shop):
        kept = contextvars.copy_context()  # a connection's reader has one
        bf.swap(shop, source=text(2))
        assert only(kept.run(shop.foo)) == 1
    assert only(kept.run(shop.foo)) == 1
    bf.drain(shop, timeout=10)
    assert bf.status(shop).lingering == ()
    assert only(kept.run(shop.foo)) == 2
    steps = shop.numbers()
    assert next(steps) == 2  # the next overlap lasts, and generation 1 is still in the history
    bf.swap(shop, source=text(3))
    assert only(kept.run(shop.foo)) == 3
    assert set(steps) == {2}


def test_a_generation_is_freed_when_its_pin_has_ended(shop: Any) -> None:
    with bf.pin(shop):
        for number in (2, 3, 4):
            bf.swap(shop, source=text(number))
    bf.drain(shop, timeout=10)
    gc.collect()
    assert len(registry.block_of(shop, "test").by_globals) == 2


@pytest.mark.needs_event_loop
@pytest.mark.parametrize("eager", [False, True])
def test_who_looks_for_tasks_does_not_search_the_heap_for_each(
    shop: Any, monkeypatch: pytest.MonkeyPatch, eager: bool
) -> None:
    """A request has ended, and tasks that it has started are asleep: each keeps its generation, none costs a walk."""
    walks = []
    referrers = gc.get_referrers
    monkeypatch.setattr(gc, "get_referrers", lambda *objects: walks.append(objects) or referrers(*objects))

    async def main() -> tuple[int, int, list[int]]:
        async def answers(wait: asyncio.Event) -> int:
            await wait.wait()
            return only(shop.foo())

        if eager and hasattr(asyncio, "eager_task_factory"):
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        wait, tasks = asyncio.Event(), []
        for _ in range(20):
            async with bf.pin(shop):
                tasks.append(asyncio.create_task(answers(wait)))
        await asyncio.sleep(0)
        bf.swap(shop, source=text(2))
        walks.clear()
        lingering = len(bf.status(shop).lingering)
        walked = len(walks)
        wait.set()
        return lingering, walked, await asyncio.gather(*tasks)

    lingering, walked, answers = asyncio.run(main())
    assert (lingering, set(answers)) == (20, {1})
    assert walked <= 1
    bf.drain(shop, timeout=10)
    assert only(shop.foo()) == 2


class OwnTask(asyncio.Task[Any]):
    """What a task factory may make."""


@pytest.mark.needs_event_loop
@pytest.mark.parametrize("kind", [asyncio.Task, asyncio.tasks._PyTask, OwnTask])
def test_every_kind_of_task_stays_in_the_generation_of_the_pin_that_it_outlives(shop: Any, kind: Any) -> None:
    async def main() -> None:
        go = asyncio.Event()

        async def work() -> int:
            await go.wait()
            return only(shop.foo())

        async with bf.pin(shop):
            task = kind(work(), loop=asyncio.get_running_loop(), name="outlives")
        await asyncio.sleep(0)
        bf.swap(shop, source=text(2))
        assert [one.owner for one in bf.status(shop).lingering] == ["outlives"]
        go.set()
        assert await task == 1
        bf.drain(shop, timeout=10)
        assert only(shop.foo()) == 2

    asyncio.run(main())


@pytest.mark.needs_event_loop
def test_who_looks_for_tasks_while_another_does_counts_each_once(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    referents = gc.get_referents
    inner: list[tuple[Any, ...]] = []

    def looked_at(*objects: Any) -> list[Any]:
        monkeypatch.setattr(gc, "get_referents", referents)
        inner.append(bf.status(shop).lingering)
        return referents(*objects)

    async def main() -> None:
        async with bf.pin(shop):
            task = asyncio.create_task(asyncio.sleep(60), name="asleep")
        bf.swap(shop, source=text(2))
        monkeypatch.setattr(gc, "get_referents", looked_at)
        outer = bf.status(shop).lingering
        assert [[one.owner for one in found] for found in (*inner, outer)] == [["asleep"], ["asleep"]]
        task.cancel()

    asyncio.run(main())
