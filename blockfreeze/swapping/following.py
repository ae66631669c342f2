"""Closures that calls have handed out follow, once the calls of their generation have ended; see `handed_out`.

Not before: an old call may have handed one to a thread whose answer it waits for, and is to get its own version's.

Threads: all of this is done by the thread that holds the block's claim.
"""

from __future__ import annotations

from collections.abc import Collection
from types import CodeType, FunctionType

from blockfreeze.dispatch.forwarders import forward_closure
from blockfreeze.dispatch.handed_out import HandedOut, with_codes
from blockfreeze.draining.closures import bind_closures_to_own
from blockfreeze.model.block import Block, Generation

Held = list[tuple[Generation, FunctionType]]


def let_follow(block: Block, held: Held) -> bool:
    """Let those of the closures that drained generations have handed out follow that can; return whether any does."""
    found = [
        HandedOut(block, generation, code, closure)
        for generation, closure, code in with_codes(held, block.current)
        if code is not None
    ]
    for one in found:
        _uncount(block, one.function.__code__, but=block.generations[one.last])
        _forward(block, one, block.current)
    block.search.following = [*block.search.following, *found]
    return bool(found)


def _uncount(block: Block, code: CodeType, but: Generation) -> None:
    """Note that a code object, which versions of the same text share, loses a function of the generation `but`.

    Where that was counted as one of those at rest, a call that begins would not be seen in its place. Where it was not,
    the heap is searched once more than it need be.
    """
    for generation in list(block.generations.values()):
        if generation is not but and id(code) in generation.drain.idle_counts:
            generation.drain.idle_counts[id(code)] -= 1


def keep_up(block: Block, leaving: Collection[Generation] = ()) -> None:
    """See to the closures that follow, at the end of an overlap, or when generations in its middle are let go.

    Args:
        leaving: the generations that are let go; none at the end of an overlap, when every one but the current is left.
    """
    current, numbers = block.current, frozenset(block.generations)
    following: list[HandedOut] = []
    staying: list[tuple[FunctionType, Generation, FunctionType]] = []
    for one in block.search.following:
        closure, last = one.closure, block.generations[one.last]
        if closure is None:
            continue
        if one.follows(current):
            one.code.forget_all_but(numbers)
            if last is not current:
                _forward(block, one, current)
            following.append(one)
        elif leaving and last not in leaving:
            following.append(one)
        else:
            staying.append((closure, last, one.stay()))
    bind_closures_to_own([(last, stays) for _, last, stays in staying])
    for closure, _, stays in staying:
        closure.__defaults__ = stays.__defaults__
    block.search.following = following


def _forward(block: Block, one: HandedOut, current: Generation) -> None:
    unit = one.code.unit_in(current)
    assert unit is not None
    one.last = current.number
    forward_closure(block, one, one.code.code_in(unit))
