"""Draining: who still runs is found exactly, and who only waits for that does not search the heap again and again."""

from __future__ import annotations

import asyncio
import gc
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Workshop
from living import is_as_before, only, text
from processes import run_python
from threads import LIMIT, ParkedCall

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.dispatch.frames import called_generation, nearest
from blockfreeze.draining.drain import search

POLLS = 20


class Searches:
    """How often the collector was asked who refers to something: what holds up every thread of a large process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.before: Callable[[], object] = int
        referrers = gc.get_referrers

        def counted(*things: Any) -> list[Any]:
            self.count += 1
            self.before()
            return referrers(*things)

        monkeypatch.setattr(gc, "get_referrers", counted)


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> Searches:
    return Searches(monkeypatch)


def running(module: Any, *, whole: bool = False) -> list[str]:
    """Return the kinds of what runs in the retired generations of a block, as who waits for them looks for it."""
    block = registry.block_of(module, "test")
    retired = [one for one in block.generations.values() if one is not block.current]
    return sorted(one.kind for one in search(block, retired, whole=whole)[0])


def suspended_generator(module: Any) -> Iterator[int]:
    found: Iterator[int] = module.numbers()
    next(found)
    return found


def test_the_heap_is_not_searched_again_while_what_was_found_is_suspended(shop: Any, searches: Searches) -> None:
    generators = [suspended_generator(shop), suspended_generator(shop)]
    bf.swap(shop, source=text(2))
    assert searches.count > 0
    searches.count = 0
    for _ in range(POLLS):
        assert running(shop) == ["generator"]
    list(generators.pop())
    for _ in range(POLLS):
        assert running(shop) == ["generator"]
    assert searches.count == 0
    generators[0].close()
    bf.drain(shop)
    assert is_as_before(shop, 2)


def test_one_that_was_thrown_away_has_ended(shop: Any, searches: Searches) -> None:
    generator = suspended_generator(shop)
    bf.swap(shop, source=text(2))
    assert running(shop) == ["generator"]
    del generator
    assert running(shop) == []


@pytest.mark.needs_threads
def test_what_is_suspended_meanwhile_is_found_when_all_that_was_known_has_ended(shop: Any) -> None:
    known, later = suspended_generator(shop), []
    with ParkedCall(lambda gate: shop.foo(lambda: (gate(), later.append(suspended_generator(shop))))) as parked:
        bf.swap(shop, source=text(2))
        assert running(shop) == ["thread"]
        known.close()
        assert running(shop) == ["thread"]
        parked.finish()
    assert running(shop) == ["generator"]
    later.pop().close()
    assert running(shop) == []


@pytest.mark.needs_threads
def test_a_complete_list_is_complete(shop: Any) -> None:
    generators = [suspended_generator(shop), suspended_generator(shop)]
    with bf.pin(shop), ParkedCall(shop.foo):
        report = bf.swap(shop, source=text(2))
        everything = ["generator", "generator", "pin", "thread"]
        assert sorted(one.kind for one in report.lingering) == everything
        assert len(running(shop)) == 1
        assert running(shop, whole=True) == everything
        assert sorted(one.kind for one in bf.status(shop).lingering) == everything
        with pytest.raises(bf.DrainTimeoutError) as caught:
            bf.drain(shop, timeout=0.01)
        assert sorted(one.kind for one in caught.value.lingering) == everything
    del generators
    bf.drain(shop, timeout=LIMIT)


@pytest.mark.needs_threads
def test_a_thread_in_the_way_is_found_without_the_heap(shop: Any, searches: Searches) -> None:
    generator = suspended_generator(shop)
    with ParkedCall(shop.foo):
        bf.swap(shop, source=text(2))
        searches.count = 0
        for _ in range(POLLS):
            assert running(shop) == ["thread"]
        assert searches.count == 0
    generator.close()


@pytest.mark.needs_threads
def test_a_generator_that_is_resumed_during_the_search_is_not_missed(workshop: Workshop, searches: Searches) -> None:
    workshop.write("steps.py", "def stepwise():\n    between = yield\n    between()\n    yield\n")
    generator = bf.freeze_block("steps").stepwise()
    resumed: list[ParkedCall[Any]] = []
    next(generator)
    block = registry.block_of("steps", "test")

    def resume() -> None:
        if not resumed:
            resumed.append(ParkedCall(generator.send))

    searches.before = resume
    found, _ = search(block, [block.current], whole=True)
    with resumed[0]:
        assert [(one.kind, one.function) for one in found] == [("generator", "stepwise")]
        assert [one.kind for one in search(block, [block.current], whole=True)[0]] == ["thread"]


def test_a_quiesced_swap_searches_the_heap_no_more_often_the_longer_it_waits(
    shop: Any, searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = suspended_generator(shop)
    polls: list[float] = []

    def between(pause: float) -> None:
        polls.append(pause)  # instead of a sleep
        if len(polls) == POLLS:
            generator.close()

    monkeypatch.setattr("blockfreeze.draining.quiesce.time.sleep", between)
    bf.swap(shop, source=text(2), quiesce=LIMIT)
    assert len(polls) == POLLS
    assert searches.count < POLLS / 2
    assert is_as_before(shop, 2)


def test_a_search_that_meets_a_module_which_is_about_to_join_says_what_it_can(shop: Any) -> None:
    block = registry.block_of(shop, "test")
    block.current.drain.codes.append(shop.numbers.__code__)  # the reference counts of the new ones come last
    assert search(block, [block.current]) == ([], [])
    generator = suspended_generator(shop)
    assert [one.kind for one in search(block, [block.current])[0]] == ["generator"]
    generator.close()


@pytest.mark.needs_event_loop
def test_tasks_that_inherited_a_pin_are_searched_for_once(shop: Any, searches: Searches) -> None:
    async def main() -> None:
        go_on = asyncio.Event()
        with bf.pin(shop):
            tasks = [asyncio.create_task(go_on.wait(), name=name) for name in ("one", "two")]
            await asyncio.sleep(0)
        bf.swap(shop, source=text(2))
        assert running(shop, whole=True) == ["pin", "pin"]
        searches.count = 0
        for _ in range(POLLS):
            assert running(shop) == ["pin", "pin"]
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        assert running(shop) == ["pin"]
        assert searches.count == 0
        go_on.set()
        await tasks[1]
        assert running(shop) == []

    asyncio.run(main())
    bf.drain(shop, timeout=LIMIT)
    assert only(shop.foo()) == 2


@pytest.mark.needs_subprocess
@pytest.mark.skipif(sys.version_info < (3, 12), reason="the stacks of other interpreters are not looked at")
def test_nothing_drains_beside_another_interpreter_whose_stacks_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("def foo(): return 1\n", encoding="utf-8")
    ended = run_python("-c", BESIDE, str(tmp_path))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.split() == ["interpreter", "2", "True", "False"]


BESIDE = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
sys.path.insert(0, sys.argv[1])
import blockfreeze as bf
shop = bf.freeze_block("shop")
other = interpreters.create()
report = bf.swap(shop, source="def foo(): return 2")
print(report.lingering[0].kind, shop.foo(), bf.status(shop).overlapping)
interpreters.destroy(other)
bf.drain(shop, timeout=30)
print(bf.status(shop).overlapping)
"""


def test_a_call_that_ended_and_was_cleared_while_stacks_are_looked_at_is_no_call(workshop: Workshop) -> None:
    failing = workshop.freeze("failing", "def fail(): raise LookupError\n")
    block = registry.block_of(failing, "test")
    pinned = block.current
    with bf.pin(failing):
        bf.swap(failing)
        with pytest.raises(LookupError) as caught:
            failing.fail()
    frames = [frame for frame, _ in traceback.walk_tb(caught.tb) if frame.f_code.co_name == "dispatch"]
    assert len(frames) == 1
    assert called_generation(block, frames[0]) is nearest(block, frames[0]) is pinned
    # As `assertRaises` does, in the thread of the call, while another one has the frame in its hands.
    traceback.clear_frames(caught.tb)
    assert called_generation(block, frames[0]) is None
    assert nearest(block, frames[0]) is None
