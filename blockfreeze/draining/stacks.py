"""Who runs: the generations in which threads are, found from their stacks.

What cannot be told is said to run.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection
from contextlib import nullcontext
from types import FrameType

from blockfreeze.core.collector import collector_at_rest
from blockfreeze.core.report import Lingering
from blockfreeze.dispatch.vector import called_generation
from blockfreeze.linking.cpython import COLLECTS_IN_ALLOCATIONS
from blockfreeze.model.block import Block, Generation


def describe_frame(generation: Generation, kind: str, owner: str, frame: FrameType) -> Lingering:
    """Return what is said of a call that is under way in `frame`."""
    code = frame.f_code
    return Lingering(generation.number, kind, owner, code.co_filename, frame.f_lineno or 0, code.co_qualname)


def threads_in(block: Block, wanted: Collection[Generation]) -> list[Lingering]:
    """Return the threads that run in the `wanted` generations; all that may, where stacks cannot be read."""
    if _beside_other_interpreters():
        return [Lingering(one.number, "interpreter", "another one", "<unknown>", 0, "any function") for one in wanted]
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    # 3.11 collects inside of allocations. To read another thread's frame it takes a pointer to it, and then allocates
    # the frame's object; a collection in between can run Python code, with it the other thread: the frame is gone.
    with collector_at_rest() if COLLECTS_IN_ALLOCATIONS else nullcontext():
        return _walk(block, wanted, names, sys._current_frames())


def _beside_other_interpreters() -> bool:
    """Tell whether the program has other interpreters, whose threads may run while this one holds its lock.

    From 3.12 on `sys._current_frames` makes frame objects for their threads too, which ends the process sooner or later
    (``Python/pystate.c``, ``_PyThread_CurrentFrames``). Those that an embedding program makes share one lock; they are
    not known to the module.
    """
    module = sys.modules.get("_interpreters", sys.modules.get("_xxsubinterpreters"))
    return module is not None and not COLLECTS_IN_ALLOCATIONS and len(module.list_all()) > 1


def _walk(
    block: Block, wanted: Collection[Generation], names: dict[int | None, str], stacks: dict[int, FrameType]
) -> list[Lingering]:
    found: list[Lingering] = []
    frame: FrameType | None = None
    try:
        for ident in list(stacks):
            frame = stacks[ident]
            while frame is not None:
                generation = called_generation(block, frame)
                if generation is not None and generation in wanted:
                    found.append(describe_frame(generation, "thread", names.get(ident, f"thread {ident}"), frame))
                    break
                frame = frame.f_back
    finally:
        # Two threads that look at each other's stacks hold each other's frames: leave no cycle of them behind, which
        # would keep everything alive that was on those stacks.
        stacks.clear()
        frame = None
    return found
