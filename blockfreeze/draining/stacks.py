"""Who runs: the generations in which threads and greenlets are, found from their stacks.

What cannot be told is said to run.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from functools import partial
from types import CodeType, FrameType
from typing import Any

from blockfreeze.core.collector import collector_at_rest
from blockfreeze.core.main_greenlets import MainGreenlets
from blockfreeze.core.report import Lingering
from blockfreeze.dispatch.frames import called_generation
from blockfreeze.draining.moment import Moment, greenlet_type
from blockfreeze.linking.cpython import COLLECTS_IN_ALLOCATIONS
from blockfreeze.model.block import Block, Generation


def describe_frame(generation: Generation, kind: str, owner: str, frame: FrameType) -> Lingering:
    """Return what is said of a call that is under way in `frame`."""
    code = frame.f_code
    return Lingering(generation.number, kind, owner, code.co_filename, frame.f_lineno or 0, code.co_qualname)


def calls_on_stacks(block: Block, wanted: Collection[Generation], *, whole: bool) -> list[Lingering]:
    """Return the threads and greenlets that run in the `wanted` generations; all that may, where stacks cannot be read.

    Args:
        whole: find all of them. Otherwise one is enough, and the heap is searched for greenlets last.
    """
    if _beside_other_interpreters():
        return [Lingering(one.number, "interpreter", "another one", "<unknown>", 0, "any function") for one in wanted]
    # 3.11 collects inside of allocations. To read another thread's frame it takes a pointer to it, and then allocates
    # the frame's object; a collection in between can run Python code, with it the other thread: the frame is gone.
    with collector_at_rest() if COLLECTS_IN_ALLOCATIONS else nullcontext():
        found: list[Lingering] = []
        for take in _ways_to_take(block, whole=whole):
            found, complete = _walk(block, wanted, take)
            if complete or (found and not whole):
                break
        return found


def _ways_to_take(block: Block, *, whole: bool) -> Iterator[Callable[[Moment], None]]:
    """Yield what is looked at, until what was looked at is known to be all: the last is.

    A call may be in a greenlet at one moment and on a thread's stack at the next, so both are taken at the same one.
    """
    yield partial(Moment.take_threads, mains=block.search.mains)
    kind = greenlet_type()
    if kind is None:  # it was imported, and its module is gone
        return
    if not whole:
        known = [one for ref in block.search.greenlets if (one := ref()) is not None]
        yield partial(Moment.take_greenlets, kind=kind, greenlets=known)
    yield partial(Moment.take_all, kind=kind)


def _beside_other_interpreters() -> bool:
    """Tell whether the program has other interpreters, whose threads may run while this one holds its lock.

    From 3.12 on `sys._current_frames` makes frame objects for their threads too, which ends the process sooner or later
    (``Python/pystate.c``, ``_PyThread_CurrentFrames``). Those that an embedding program makes share one lock; they are
    not known to the module.
    """
    module = sys.modules.get("_interpreters", sys.modules.get("_xxsubinterpreters"))
    return module is not None and not COLLECTS_IN_ALLOCATIONS and len(module.list_all()) > 1


def codes_running(mains: MainGreenlets | None = None) -> list[CodeType]:
    """Return the code object of each frame on the stacks of threads; nothing where stacks cannot be read.

    Args:
        mains: the main greenlets that are known, if those of greenlets that are switched away from are wanted too.
    """
    if _beside_other_interpreters():
        return []
    moment, kind = Moment(), greenlet_type() if mains is not None else None
    try:
        moment.take_threads(mains)
        if kind is not None and not moment.has_all:
            moment.forget()
            moment.take_all(kind)
        return [frame.f_code for stack in moment.stacks for frame in stack]
    finally:
        moment.forget()


def _walk(block: Block, wanted: Collection[Generation], take: Callable[[Moment], None]) -> tuple[list[Lingering], bool]:
    """Return what runs in the `wanted` generations on the stacks that are taken, and whether there are no others."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    found: list[Lingering] = []
    greenlets: list[weakref.ref[Any]] = []
    moment = Moment()
    stack: list[FrameType] = []
    frame: FrameType | None = None
    try:
        take(moment)
        for owner, stack in zip(moment.owners(), moment.stacks, strict=True):
            for frame in stack:
                generation = called_generation(block, frame)
                if generation is None or generation not in wanted:
                    continue
                if type(owner) is int:
                    found.append(describe_frame(generation, "thread", names.get(owner, f"thread {owner}"), frame))
                else:
                    greenlets.append(weakref.ref(owner))
                    found.append(describe_frame(generation, "greenlet", stack[-1].f_code.co_qualname, frame))
                break
    finally:
        # Two threads that look at each other's stacks hold each other's frames: leave no cycle of them behind, which
        # would keep everything alive that was on those stacks.
        moment.forget()
        frame = None
    if greenlets:
        block.search.greenlets = greenlets
    if moment.mains:
        block.search.mains.note(moment.mains)
    return found, moment.has_all
