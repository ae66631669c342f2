"""Draining: who still runs in a retired generation, found when asked; there is no counter on the call path.

Threads are found from their stacks. A suspended generator or coroutine is on no stack, and a closure that outside code
holds can be called at any time: both keep their code object alive, so a generation whose code objects have the
reference counts that they had when it was idle has neither. Only where a count is higher is the heap searched.

A search of the heap holds up every thread, so who only waits does not repeat it: as long as one of the objects that the
last search found has not ended, nothing has drained.
"""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from inspect import CO_NESTED
from types import AsyncGeneratorType, CoroutineType, FrameType, FunctionType, GeneratorType
from typing import Any, Final

from blockfreeze.core.collector import collector_at_rest
from blockfreeze.core.report import Lingering
from blockfreeze.dispatch.pins import lingering_pins
from blockfreeze.dispatch.vector import called_generation
from blockfreeze.draining.idle import WITHOUT_FUNCTIONS, has_extra_references, suspicious_codes
from blockfreeze.draining.reachable import reachable_from
from blockfreeze.linking.cpython import COLLECTS_IN_ALLOCATIONS
from blockfreeze.model.block import Block, Generation

_SUSPENDED: Final[Mapping[type, tuple[str, str]]] = {
    GeneratorType: ("generator", "gi_frame"),
    CoroutineType: ("coroutine", "cr_frame"),
    AsyncGeneratorType: ("async generator", "ag_frame"),
}


def find_lingering(block: Block, retired: Iterable[Generation]) -> list[Lingering]:
    """Return what runs in, is suspended in, is pinned to, or is held of the `retired` generations."""
    running, held = search(block, retired, whole=True)
    return running + [_describe_closure(generation, closure) for generation, closure in held]


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
    running = _on_stacks(block, wanted)
    loading = [(one.number, name) for one in wanted for name in one.build.imports]
    running += [Lingering(number, "import", name, "<import system>", 0, "the import") for number, name in loading]
    if whole or not running:
        running += lingering_pins(block, wanted, whole=whole)
    suspects = [one for one in wanted if has_extra_references(one)]
    if not suspects:
        return running, []
    if not whole:
        running = running or _not_ended(block, wanted)
        if running:
            return running, []
    suspended, closures = _in_heap(block, wanted, suspects, all_seen=bool(running))
    return running + suspended, list(_escaped(block, suspects, closures))


def closures_held(block: Block, generation: Generation) -> list[FunctionType]:
    """Return the closures of a generation that outside code holds, or a call that is under way."""
    if not has_extra_references(generation):
        return []
    _, closures = _in_heap(block, {generation}, [generation], all_seen=True)
    return [closure for _, closure in _escaped(block, [generation], closures)]


def _describe(generation: Generation, kind: str, owner: str, frame: FrameType) -> Lingering:
    code = frame.f_code
    return Lingering(generation.number, kind, owner, code.co_filename, frame.f_lineno or 0, code.co_qualname)


def other_stacks_readable() -> AbstractContextManager[None]:
    """Return what keeps the collector from running while the stacks of other threads are read; needed on 3.11 only.

    There it runs inside of allocations. To read another thread's frame CPython takes a pointer to it and then allocates
    the frame's object; a collection in between can run Python code, with it the other thread, and the frame is gone.
    """
    return collector_at_rest() if COLLECTS_IN_ALLOCATIONS else nullcontext()


def _beside_other_interpreters() -> bool:
    """Tell whether the program has other interpreters, whose threads may run while this one holds its lock.

    From 3.12 on `sys._current_frames` makes frame objects for their threads too, which ends the process sooner or later
    (``Python/pystate.c``, ``_PyThread_CurrentFrames``). Those that an embedding program makes share one lock; they are
    not known to the module.
    """
    module = sys.modules.get("_interpreters", sys.modules.get("_xxsubinterpreters"))
    return module is not None and not COLLECTS_IN_ALLOCATIONS and len(module.list_all()) > 1


def _on_stacks(block: Block, wanted: set[Generation]) -> list[Lingering]:
    if _beside_other_interpreters():
        # Nobody can tell who runs in what: everything is assumed to run.
        return [Lingering(one.number, "interpreter", "another one", "<unknown>", 0, "any function") for one in wanted]
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    with other_stacks_readable():
        return _walk(block, wanted, names, sys._current_frames())


def _walk(
    block: Block, wanted: set[Generation], names: dict[int | None, str], stacks: dict[int, FrameType]
) -> list[Lingering]:
    found: list[Lingering] = []
    frame: FrameType | None = None
    try:
        for ident in list(stacks):
            frame = stacks[ident]
            while frame is not None:
                generation = called_generation(block, frame)
                if generation in wanted and generation is not None:
                    found.append(_describe(generation, "thread", names.get(ident, f"thread {ident}"), frame))
                    break
                frame = frame.f_back
    finally:
        # Two threads that look at each other's stacks hold each other's frames: leave no cycle of them behind, which
        # would keep everything alive that was on those stacks.
        stacks.clear()
        frame = None
    return found


def _not_ended(block: Block, wanted: set[Generation]) -> list[Lingering]:
    """Return one of the objects that the last search of the heap found, if one has not ended: suspended or running."""
    for reference, kind, owner in block.search.suspended:
        thing = reference()
        frame = None if thing is None else getattr(thing, _SUSPENDED[type(thing)][1])
        generation = None if frame is None else block.by_globals.get(id(frame.f_globals))
        if frame is not None and generation is not None and generation in wanted:
            return [_describe(generation, kind, owner, frame)]
    return []


def _in_heap(
    block: Block, wanted: set[Generation], suspects: list[Generation], *, all_seen: bool
) -> tuple[list[Lingering], list[FunctionType]]:
    suspended: list[tuple[Generation, str, Any, FrameType]] = []
    closures: list[FunctionType] = []
    # Asked for what refers to a few code objects, the collector answers with little. A list of everything would be a
    # danger: tuples that other threads are building would be in it, and may then not be resized any more.
    for thing in gc.get_referrers(*suspicious_codes(suspects)):
        kind = type(thing)
        if kind in _SUSPENDED:
            label, attribute = _SUSPENDED[kind]
            frame = getattr(thing, attribute)
            generation = None if frame is None else block.by_globals.get(id(frame.f_globals))
            # One that is running is on a stack, where it was found, unless it was resumed since. (An asynchronous
            # generator that waits for something says that it runs, but nothing is below it.)
            if generation is not None and generation in wanted and (frame.f_back is None or not all_seen):
                suspended.append((generation, label, thing, frame))
        elif kind is FunctionType and id(thing.__globals__) in block.by_globals:
            closures.append(thing)
    inside = _reachable_by(wanted) if any(frame.f_lasti < 0 for _, _, _, frame in suspended) else set()
    # One that has not begun, and that only the retired generation itself holds, is not a call in flight.
    in_flight = [one for one in suspended if not (one[3].f_lasti < 0 and id(one[2]) in inside)]
    tasks = _tasks_of([thing for _, label, thing, _ in in_flight if label == "coroutine"])
    found: list[Lingering] = []
    known: list[tuple[weakref.ref[Any], str, str]] = []
    for generation, label, thing, frame in in_flight:
        kind_of_it, owner = ("task", tasks[id(thing)]) if id(thing) in tasks else (label, thing.__qualname__)
        found.append(_describe(generation, kind_of_it, owner, frame))
        # Whether one that has not begun is in flight depends on who holds it, which only another search can tell.
        if frame.f_lasti >= 0:
            known.append((weakref.ref(thing), kind_of_it, owner))
    block.search.suspended = known
    return found, closures


def _tasks_of(coroutines: list[Any]) -> dict[int, str]:
    """Return the names of the tasks that run `coroutines`, by the coroutine's id."""
    task_type: Any = getattr(sys.modules.get("asyncio"), "Task", None)
    if task_type is None or not coroutines:
        return {}
    tasks = [one for one in gc.get_referrers(*coroutines) if issubclass(type(one), task_type)]
    return {id(one.get_coro()): one.get_name() for one in tasks}


def _escaped(
    block: Block, suspects: list[Generation], closures: list[FunctionType]
) -> Iterator[tuple[Generation, FunctionType]]:
    """Yield the closures that outside code holds: more of a code object than there were, not reached from inside."""
    functions: dict[int, int] = {}
    for closure in closures:
        functions[id(closure.__code__)] = functions.get(id(closure.__code__), 0) + 1
    extra: set[int] = set()
    for generation in suspects:
        for code, idle in zip(generation.drain.codes, generation.drain.idle_counts, strict=False):
            if code.co_flags & CO_NESTED and functions.get(id(code), 0) > idle - WITHOUT_FUNCTIONS:
                extra.add(id(code))
    if not extra:
        return
    inside = _reachable_by(suspects)
    for closure in closures:
        found = block.by_globals.get(id(closure.__globals__))
        if id(closure.__code__) in extra and id(closure) not in inside and found in suspects and found is not None:
            yield found, closure


def _describe_closure(generation: Generation, closure: FunctionType) -> Lingering:
    code = closure.__code__
    return Lingering(
        generation.number, "closure", closure.__qualname__, code.co_filename, code.co_firstlineno, code.co_qualname
    )


def _reachable_by(generations: Collection[Generation]) -> set[int]:
    roots: list[Any] = [member.namespace for generation in generations for member in generation.members.values()]
    return reachable_from(roots, generations)
