"""The vector: what a block's one reference points to, and how a call finds its generation.

A vector is an immutable tuple. Place 0 is its *head*, which says what generation an access belongs to; every other
place is the slot of one entry and holds the callable that serves it. Head and slots come out of the same single load
of `Reference.vector`, so no call can mix two states of a block.

Two heads exist. `Plain` is the steady state: slots hold the current generation's own functions. `Overlap` serves from
the moment a swap prepares until the old generation has drained: an access from a frame whose nearest enclosing block
frame runs in some generation belongs to that generation, one from a pinned context to the pinned generation, every
other access to the current one. An overlap may have a gate, at which calls of the last kind wait.

A frame belongs to the generation whose namespace is its ``f_globals``. Two kinds of frame are our own and say instead,
in local variables, where they have dispatched to: those of forwarders, which are known by the `ForwarderTag` among
their constants, and those of `dispatch` and `call_in`.

Only `blockfreeze.model.reference.store` stores a vector.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from functools import partial
from types import CodeType, FrameType
from typing import Any, Final

from blockfreeze.core.safe_access import is_a
from blockfreeze.dispatch.gate import Gate
from blockfreeze.dispatch.pins import pinned
from blockfreeze.dispatch.resolution import LegacyChoice, local_of
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import Entry
from blockfreeze.model.reference import Reference

_getframe = sys._getframe  # taken now: a program may delete it from sys, as a test of other interpreters does

VECTOR: Final = ".vector"
"""The local variable in which a forwarder has the vector that it loaded; no identifier can collide with it."""


class ForwarderTag:
    """The last constant of a forwarder's code object: what tells its frames and its functions from all others.

    Attributes:
        reference: that of the block which it forwards into.
        slot: that of the entry.
        binds: the number of the generation whose default values a call binds; None if it binds none.
    """

    __slots__ = ("binds", "reference", "slot")

    def __init__(self, reference: Reference, slot: int, binds: int | None) -> None:
        self.reference = reference
        self.slot = slot
        self.binds = binds

    def __reduce__(self) -> tuple[Any, ...]:
        """Let who pickles a function by value take along the function that serves; see `Reference.__reduce__`.

        It is a state, not an argument: it may lead back to the forwarder.
        """
        current = self.reference.vector[0].current
        served: Callable[..., Any] | None = local_of(current, current.block.slots[self.slot - 1])
        served = served.served if is_a(served, LegacyChoice) else served
        return partial, (operator.setitem, self.reference.taken, self.slot), served, None, None, operator.call


class Plain:
    """The head of the steady state: every access belongs to `generation`."""

    __slots__ = ("generation",)

    gate: Final = None

    def __init__(self, generation: Generation) -> None:
        self.generation = generation

    @property
    def current(self) -> Generation:
        """The generation that serves new calls."""
        return self.generation

    def find(self, slot: int) -> Callable[..., Any]:
        """Return what serves an entry whose slot this vector does not have, because it was added later."""
        return local_of(self.generation, self.generation.block.slots[slot - 1])

    def locate(self, frame: FrameType | None) -> tuple[Generation, bool]:
        """Return the generation of an access from `frame`, and whether it comes from inside that generation."""
        return self.generation, False


class Overlap:
    """The head while more than one generation may be running, or one is being built."""

    __slots__ = ("block", "current", "gate")

    def __init__(self, block: Block, current: Generation, gate: Gate | None) -> None:
        self.block = block
        self.current = current
        self.gate = gate

    @property
    def generation(self) -> Generation:
        """The generation of the access that is under way in the calling frame."""
        return nearest(self.block, _getframe(1)) or pinned(self.block) or self.current

    def find(self, slot: int) -> Callable[..., Any]:
        """Return what serves an entry whose slot this vector does not have, because it was added later."""
        return partial(dispatch, self, self.block.slots[slot - 1])

    def locate(self, frame: FrameType | None) -> tuple[Generation, bool]:
        """Return the generation of an access from `frame`, and whether it comes from inside that generation."""
        found = nearest(self.block, frame)
        return (pinned(self.block) or self.current, False) if found is None else (found, True)


def is_overlapping(block: Block) -> bool:
    """Tell whether accesses find their generation by their callers now."""
    return isinstance(block.reference.vector[0], Overlap)


def plain_vector(block: Block, generation: Generation) -> tuple[Any, ...]:
    """Return the vector of the steady state in `generation`."""
    return (Plain(generation), *(local_of(generation, entry) for entry in block.slots))


def overlap_vector(block: Block, current: Generation, gate: Gate | None = None) -> tuple[Any, ...]:
    """Return a vector that leaves each call in its own generation and gives new calls to `current`.

    Args:
        gate: where new calls wait instead.
    """
    # The current generation comes with the load of the vector: each slot is bound to the head of its own vector.
    head = Overlap(block, current, gate)
    return (head, *(partial(dispatch, head, entry) for entry in block.slots))


class _Call:
    """What one frame of `dispatch` has decided: which generation it chose, and whether it waits at a gate."""

    __slots__ = ("generation", "waiting")

    def __init__(self) -> None:
        self.generation: Generation | None = None
        self.waiting = False


def dispatch(overlap: Overlap, entry: Entry, /, *args: Any, **kwargs: Any) -> Any:
    """Call what serves `entry` in the generation to which this call belongs: what a slot of an overlap does."""
    # `overlap` and `call` are read off this frame by those who look for calls in flight, see `_decision`.
    call = _Call()
    block, gate, caller = overlap.block, overlap.gate, _getframe(1)
    tag = _tag_of(caller.f_code, block.reference)
    began = None if tag is None else _bound_in(block, tag)
    call.generation = began or nearest(block, caller)
    if call.generation is None:
        call.generation = pinned(block)
        if call.generation is not None and call.generation is not pinned(block):
            call.generation = None  # voided before a search of the stacks could see the choice: not pinned any more
    if call.generation is None and gate is not None and gate.stops_thread():
        later = gate.stand_in(entry.function, overlap.current.locals.get(entry), args, kwargs)
        if later is not None:
            return later
        if gate.blocks_thread():
            call.waiting = True
            gate.wait()
            return entry.function(*args, **kwargs)  # the call begins now, by a load of its own
    call.generation = call.generation or overlap.current
    function = call.generation.locals.get(entry)
    if function is None:
        # Nothing of that name in there (yet): an old call that was handed a new entry, or a body that is running.
        function = local_of(overlap.current, entry)
    return function(*args, **kwargs)


def call_in(generation: Generation, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function so that it, and what it calls, belongs to `generation`, wherever the caller belongs.

    A pin would not do: it gives way to a block's frame further out.
    """
    return function(*args, **kwargs)


# A file name that `warnings` and `logging` skip.
dispatch.__code__ = dispatch.__code__.replace(co_filename="<blockfreeze importlib._bootstrap>")
_DISPATCH: Final = dispatch.__code__
_CALL_IN: Final = call_in.__code__


def _tag_of(code: CodeType, reference: Reference) -> ForwarderTag | None:
    """Return the tag of a forwarder into the block that `reference` belongs to; None for any other code."""
    constants = code.co_consts
    tag = constants[-1] if constants else None
    return tag if type(tag) is ForwarderTag and tag.reference is reference else None


def is_forwarder(code: CodeType, reference: Reference) -> bool:
    """Tell whether `code` is that of a forwarder of the block that `reference` belongs to."""
    return _tag_of(code, reference) is not None


def is_hidden(code: CodeType) -> bool:
    """Tell whether a frame of `code` is one of ours between a caller and the function that serves it."""
    constants = code.co_consts
    return code is _DISPATCH or (bool(constants) and type(constants[-1]) is ForwarderTag)


def _bound_in(block: Block, tag: ForwarderTag) -> Generation | None:
    """Return the generation whose default values a call of a forwarder has bound; None if it binds none.

    Such a call began in that generation, though it may load the reference after the next one was committed.
    """
    return None if tag.binds is None else block.generations.get(tag.binds)


def _decision(block: Block, frame: FrameType) -> tuple[Overlap | None, _Call | None]:
    """Return what a frame of `dispatch` was called with, and what it has decided; nothing if it is another block's.

    Nothing also if it came to its end in another thread since it was found there, and was cleared, as
    `traceback.clear_frames` does.
    """
    local = frame.f_locals
    overlap = local.get("overlap")
    return (overlap, local.get("call")) if overlap is not None and overlap.block is block else (None, None)


def nearest(block: Block, frame: FrameType | None) -> Generation | None:
    """Return the generation of the nearest block frame at or outside `frame`; None if there is none.

    The cost is proportional to the depth of the stack down to that frame; it is paid during overlaps only.
    """
    by_globals = block.by_globals
    reference = block.reference
    while frame is not None:
        code = frame.f_code
        constants = code.co_consts
        # `_tag_of`, written out: this is done for every frame of every access.
        if constants and type(constants[-1]) is ForwarderTag and constants[-1].reference is reference:
            # Its namespace says where it was made, which may be a foreign decorator's module.
            found = _dispatched(frame)
        elif code is _DISPATCH:
            _, call = _decision(block, frame)
            found = None if call is None else call.generation
        elif code is _CALL_IN:
            found = _said_by_call_in(block, frame)
        else:
            found = by_globals.get(id(frame.f_globals))
        if found is not None:
            return found
        frame = frame.f_back
    return None


def _said_by_call_in(block: Block, frame: FrameType) -> Generation | None:
    generation: Generation | None = frame.f_locals.get("generation")
    return generation if generation is not None and generation.block is block else None


def _dispatched(frame: FrameType) -> Generation | None:
    """Return where a forwarder's frame has dispatched to; None if nowhere yet, or if a frame inside it says so."""
    loaded = frame.f_locals.get(VECTOR)
    if loaded is not None and type(loaded[0]) is Plain:
        found: Generation = loaded[0].generation
        return found
    return None


def called_generation(block: Block, frame: FrameType) -> Generation | None:
    """Return the generation that `frame` runs in, or is about to call into; None if none, or while it waits at a gate.

    A call that waits has not begun.
    """
    if frame.f_code is _DISPATCH:
        overlap, call = _decision(block, frame)
        if overlap is not None and (call is None or not call.waiting):
            return (call and call.generation) or overlap.current
    if frame.f_code is _CALL_IN:
        return _said_by_call_in(block, frame)
    tag = _tag_of(frame.f_code, block.reference)
    if tag is not None:
        loaded = frame.f_locals.get(VECTOR)
        # Before a gate a call has not begun, unless it is bound to a generation: `dispatch` says if it was let in.
        if loaded is None or loaded[0].gate is not None:
            return _bound_in(block, tag)
        current: Generation | None = loaded[0].current
        return current
    return block.by_globals.get(id(frame.f_globals))
