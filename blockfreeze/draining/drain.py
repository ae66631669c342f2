"""Draining: the whole search for what still runs in retired generations.

What is quick to find is looked for first: threads by their stacks, imports, pins. A suspended generator or coroutine is
on no stack, and neither is a closure that was handed out; the reference counts of code objects tell that there are none
(`idle`), and only where one is higher is the heap searched.

A search of the heap holds up every thread, so who only waits does not repeat it: as long as one of the objects that the
last search found has not ended, nothing has drained.

Invariant: a search errs to one side only. What cannot be told, for a generator is resumed meanwhile or stacks cannot be
read, is said to run. Threads: any thread may search.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterable, Mapping
from types import AsyncGeneratorType, CoroutineType, FrameType, FunctionType, GeneratorType
from typing import Any, Final, NamedTuple

from blockfreeze.core.imported import imported
from blockfreeze.core.report import Lingering
from blockfreeze.dispatch.pins import lingering_pins
from blockfreeze.draining.closures import held_outside
from blockfreeze.draining.idle import codes_in_use, referrers_of, users_among
from blockfreeze.draining.reachable import reachable_from
from blockfreeze.draining.stacks import calls_on_stacks, describe_frame
from blockfreeze.draining.unexplained import unexplained
from blockfreeze.model.block import Block, Generation

_FRAMES: Final[Mapping[type, tuple[str, str]]] = {
    GeneratorType: ("generator", "gi_frame"),
    CoroutineType: ("coroutine", "cr_frame"),
    AsyncGeneratorType: ("async generator", "ag_frame"),
}
"""What can be suspended: how it is called, and the attribute with its frame."""


class _Suspended(NamedTuple):
    generation: Generation
    kind: str
    thing: Any
    frame: FrameType

    @property
    def has_begun(self) -> bool:
        return self.frame.f_lasti >= 0


def find_lingering(block: Block, retired: Iterable[Generation]) -> list[Lingering]:
    """Return what runs in, is suspended in, is pinned to, or is held of the `retired` generations."""
    running, held = search(block, retired, whole=True)
    closures = [(generation.number, one.__qualname__, one.__code__) for generation, one in held]
    return running + [
        Lingering(number, "closure", name, code.co_filename, code.co_firstlineno, code.co_qualname)
        for number, name, code in closures
    ]


def search(
    block: Block, retired: Iterable[Generation], *, whole: bool = False
) -> tuple[list[Lingering], list[tuple[Generation, FunctionType]]]:
    """Return what runs or is suspended in the `retired` generations, and their closures that outside code holds.

    Args:
        whole: find all of it. Otherwise one thing that runs is enough, and what is quick to find is found first; the
            closures are complete if nothing runs.
    """
    wanted = set(retired)
    if not wanted:
        return [], []
    running = calls_on_stacks(block, wanted, whole=whole) + _imports_into(wanted)
    if whole or not running:
        running += lingering_pins(block, wanted, whole=whole)
    suspects = [one for one in wanted if codes_in_use(one)]
    if suspects and not whole:
        running = running or _not_ended(block, wanted)
    if not suspects or (running and not whole):
        return running, []
    referrers = referrers_of(suspects)
    found = users_among(referrers)
    in_flight = _in_flight(block, wanted, found, all_seen=bool(running))
    running += _remember(block, in_flight)
    if block.search.frozen.there_are():
        running += _hidden(block, suspects, running, referrers)
    return running, list(held_outside(block, suspects, found))


def _hidden(
    block: Block, suspects: list[Generation], running: list[Lingering], referrers: list[Any]
) -> list[Lingering]:
    """Return what is said of references that nothing explains, of generations in which nothing was found to run.

    Calls under way have references too, so of those in which something runs nothing can be said, and need not be.
    """
    settled = {one.generation for one in running}
    asked = [one for one in suspects if one.number not in settled]
    found = unexplained(asked, referrers)
    if found:
        # Whoever searches in another thread holds code objects too, for a moment: what is hidden is missing twice.
        before = {id(one.code()) for one in found}
        found = [one for one in unexplained(asked, referrers_of(asked)) if id(one.code()) in before]
    block.search.hidden = [(one.is_as_before, described) for one in found if (described := one.described()) is not None]
    return [described for _, described in block.search.hidden]


def _imports_into(wanted: Iterable[Generation]) -> list[Lingering]:
    loading = [(one.number, name) for one in wanted for name in one.build.imports]
    return [Lingering(number, "import", name, "<import system>", 0, "the import") for number, name in loading]


def _suspended(block: Block, wanted: set[Generation], thing: Any) -> _Suspended | None:
    """Return what is known of a generator or coroutine; None if it has ended, or is of no `wanted` generation."""
    kind, attribute = _FRAMES[type(thing)]
    frame = getattr(thing, attribute)
    generation = None if frame is None else block.by_globals.get(id(frame.f_globals))
    return None if generation is None or generation not in wanted else _Suspended(generation, kind, thing, frame)


def _not_ended(block: Block, wanted: set[Generation]) -> list[Lingering]:
    """Return one of the objects that the last search of the heap found, if one has not ended: suspended or running."""
    for reference, kind, owner in block.search.suspended:
        thing = reference()
        one = None if thing is None else _suspended(block, wanted, thing)
        if one is not None:
            return [describe_frame(one.generation, kind, owner, one.frame)]
    numbers = {one.number for one in wanted}
    hidden = block.search.hidden
    return [described for is_there, described in hidden if described.generation in numbers and is_there()][:1]


def _in_flight(block: Block, wanted: set[Generation], objects: Iterable[Any], *, all_seen: bool) -> list[_Suspended]:
    """Return which of `objects` are calls that are suspended.

    One that is running is on a stack, where it was found, unless it was resumed since. (An asynchronous generator that
    waits for something says that it runs, but nothing is below it.) One that has not begun, and that only the retired
    generation itself holds, is not a call in flight.

    Args:
        all_seen: something was found to run, so one that is running need not be found here.
    """
    found = [_suspended(block, wanted, thing) for thing in objects if type(thing) in _FRAMES]
    suspended = [one for one in found if one is not None and (one.frame.f_back is None or not all_seen)]
    inside = set() if all(one.has_begun for one in suspended) else reachable_from(wanted)
    return [one for one in suspended if one.has_begun or id(one.thing) not in inside]


def _remember(block: Block, in_flight: list[_Suspended]) -> list[Lingering]:
    """Note what is in flight for the searches to come, and describe it: a coroutine by the task that runs it."""
    tasks = _tasks_of([one.thing for one in in_flight if one.kind == "coroutine"])
    found: list[Lingering] = []
    known: list[tuple[weakref.ref[Any], str, str]] = []
    for one in in_flight:
        task = tasks.get(id(one.thing))
        kind, owner = (one.kind, one.thing.__qualname__) if task is None else ("task", task)
        found.append(describe_frame(one.generation, kind, owner, one.frame))
        # Whether one that has not begun is in flight depends on who holds it, which only another search can tell.
        if one.has_begun:
            known.append((weakref.ref(one.thing), kind, owner))
    block.search.suspended = known
    return found


def _tasks_of(coroutines: list[Any]) -> dict[int, str]:
    """Return the names of the tasks that run `coroutines`, by the coroutine's id."""
    task_type: Any = getattr(imported("asyncio"), "Task", None)
    if task_type is None or not coroutines:
        return {}
    tasks = [one for one in gc.get_referrers(*coroutines) if issubclass(type(one), task_type)]
    return {id(one.get_coro()): one.get_name() for one in tasks}
