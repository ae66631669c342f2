"""The vector: what a block's one reference points to, and how a call finds its generation.

Place 0 of a vector is its *head*, which says what generation an access belongs to; every other place holds the callable
that serves an entry. Head and callables come out of the same single load of `Reference.vector`, so no call mixes two
states of a block. A vector is immutable: what it answers depends on who asks, and on nothing stored in it later.

Two kinds exist. In the steady state it is a tuple whose head is `Plain`: it holds the current generation's own
functions. `OverlapVector`, with the head `Overlap`, serves while bodies run and from the commit until the old
generation has drained: an access from a frame whose nearest enclosing block frame runs in some generation belongs to
that generation, one from a pinned context to the pinned generation, every other access to the current one. It may have
a gate, at which accesses of the last kind wait.

Each entry has two places, for the calls that bind no default values and for those that do: such a call began in the
generation whose values it has bound. The places differ while versions overlap, see `OverlapVector`.

What serves a call is mostly in its place, and the call has nothing of ours between itself and the forwarder. `dispatch`
stands in for it where the callers do not show the choice: the call is pinned, waits at a gate, or has bound values.

Only `blockfreeze.model.reference.store` stores a vector.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any, Final

from blockfreeze.core.safe_access import ABSENT
from blockfreeze.dispatch.accesses import Places
from blockfreeze.dispatch.audit_hooks import may_have_audit_hooks
from blockfreeze.dispatch.frames import DispatchTag, bound_in, nearest, tag_of
from blockfreeze.dispatch.gate import Gate
from blockfreeze.dispatch.handed_out import HandedOut
from blockfreeze.dispatch.pins import pinned
from blockfreeze.dispatch.resolution import local_of, own_of
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import Entry
from blockfreeze.model.frame_note import FrameNote
from blockfreeze.model.reference import Vector

_getframe = sys._getframe  # taken now: a program may delete it from sys, as a test of other interpreters does


class Plain:
    """The head of the steady state: every access belongs to `generation`, which is that `of_caller`, whoever calls."""

    __slots__ = ("generation", "of_caller")

    is_overlap: Final = False
    gate: Final = None

    def __init__(self, generation: Generation) -> None:
        self.generation = self.of_caller = generation

    @property
    def current(self) -> Generation:
        """The generation that serves new calls."""
        return self.generation

    def find(self, slot: int) -> Callable[..., Any]:
        """Return what serves an entry whose slot this vector does not have, because it was added later."""
        return local_of(self.generation, self.generation.block.slots[slot - 1])

    def lend(self, closure: HandedOut) -> Callable[..., Any]:
        """Return what serves a closure that follows."""
        return closure.own(self.generation)

    def locate(self, frame: FrameType | None) -> tuple[Generation, bool]:
        """Return the generation of an access from `frame`, and whether it comes from inside that generation."""
        return self.generation, False


class Overlap:
    """The head while more than one generation may be running, or one is being built.

    Attributes:
        inside: the note on frames that run in the current generation.
        outside: the note on frames that no frame of the block has called.
        pins: those of the block; empty while there are none.
        hooked: an entry may be an audit hook, which is told of looks at frames.
    """

    __slots__ = ("block", "current", "gate", "hooked", "inside", "outside", "pins")

    is_overlap: Final = True

    def __init__(self, block: Block, current: Generation, gate: Gate | None) -> None:
        self.block = block
        self.current = current
        self.gate = gate
        self.inside = current.note
        self.outside = block.outside
        self.pins = block.search.pins
        self.hooked = any(map(may_have_audit_hooks, tuple(block.generations.values())))

    @property
    def generation(self) -> Generation:
        """The generation of the access that is under way in the calling frame."""
        return self.locate(_getframe(1))[0]

    @property
    def of_caller(self) -> Generation:
        """The generation of the access that has called the calling function, which is one of ours."""
        return self.locate(_getframe(2))[0]

    def find(self, slot: int) -> Callable[..., Any]:
        """Return what serves an entry whose slot this vector does not have, because it was added later."""
        return partial(dispatch, self, self.block.slots[slot - 1])

    def lend(self, closure: HandedOut) -> Callable[..., Any]:
        """Return what serves a closure that follows."""
        return partial(dispatch, self, closure)

    def locate(self, frame: FrameType | None) -> tuple[Generation, bool]:
        """Return the generation of an access from `frame`, and whether it comes from inside that generation."""
        note = None if frame is None else frame.f_trace
        if note is self.inside:
            return self.current, True
        found = None if note is self.outside else nearest(self.block, frame)
        if found is not None:
            return found, True
        return (pinned(self.block) if self.pins else None) or self.current, False


class OverlapVector(Places):
    """A vector whose places hold what serves the caller: a forwarder asks for it, and calls it.

    Whoever asks is noted on the caller's frame, so mostly one look at that frame is enough. A place for calls that have
    bound values holds a `dispatch`: only such a forwarder tells in which generation they have begun.
    """

    __slots__ = ("_dispatching",)

    def __init__(self, block: Block, current: Generation, gate: Gate | None) -> None:
        head = self.head = Overlap(block, current, gate)
        self.hooked = head.hooked
        self.current, self.pins = current, head.pins
        self.inside, self.outside = head.inside, head.outside
        self.by_globals = block.by_globals
        # Behind a gate no call from outside is let in without more.
        self.entered = head.outside if gate is None else FrameNote({})
        # The current generation comes with the load of the vector: each place is bound to the head of its own vector.
        self._dispatching = tuple(partial(dispatch, head, entry) for entry in block.slots)
        served = map(self._served_in, block.slots, self._dispatching)
        self.served = _places(head, served, self._dispatching)

    def _served_in(self, entry: Entry, dispatching: Callable[..., Any]) -> Callable[..., Any]:
        """Return what serves an entry in the current generation; where it may forward soon itself, it is looked up."""
        local = local_of(self.current, entry)
        return dispatching if local is entry.function else local

    def _found(self, place: int, caller: Any) -> Any:
        """Return what serves a call; see `Places`. An audit hook is told of looks at frames, and may be an entry.

        To one that is told of this very look goes what serves new calls: whose it is could not be found out without
        telling it once more.
        """
        if not self.hooked:
            return self._found_by(place, caller)
        block = self.head.block
        if not block.locks.looks.begin():
            return local_of(self.current, block.slots[(place + 1) // 2 - 1])
        try:
            if caller is ABSENT:
                with suppress(ValueError):  # it has none
                    caller = _getframe(3)
            return self._found_by(place, None if caller is ABSENT else caller)
        finally:
            block.locks.looks.end()

    def _found_by(self, place: int, caller: FrameType | None) -> Any:
        head, slot = self.head, (place + 1) // 2
        found = None if place % 2 == 0 else nearest(head.block, caller)
        if found is head.current:
            return self.served[place]
        if found is None:
            # A forwarder that has loaded a vector with a gate is not said to run: its call may wait.
            unseen = head.gate is not None or (bool(self.pins) and pinned(head.block) is not None)
            return self._dispatching[slot - 1] if unseen else self.served[place]
        entry = head.block.slots[slot - 1]
        function: Callable[..., Any] | None = found.locals.get(entry)
        # Nothing of that name in there (yet): an old call that was handed a new entry, or a body that is running.
        return local_of(head.current, entry) if function is None else function


def _places(head: Any, served: Iterable[Any], bound: Iterable[Any]) -> tuple[Any, ...]:
    """Return what a vector holds: its head, and for each entry the callable of its two places."""
    return (head, *(function for both in zip(served, bound, strict=True) for function in both))


def is_overlapping(block: Block) -> bool:
    """Tell whether accesses find their generation by their callers now."""
    return isinstance(block.reference.vector[0], Overlap)


def plain_vector(block: Block, generation: Generation) -> Vector:
    """Return the vector of the steady state in `generation`."""
    served = [local_of(generation, entry) for entry in block.slots]
    return _places(Plain(generation), served, served)


def overlap_vector(block: Block, current: Generation, gate: Gate | None = None) -> Vector:
    """Return a vector that leaves each call in its own generation and gives new calls to `current`.

    It has what serves in `current` now.

    Args:
        gate: where new calls wait instead.
    """
    return OverlapVector(block, current, gate)


class _Call:
    """What one frame of `dispatch` has decided: which generation it chose, and whether it waits at a gate."""

    __slots__ = ("generation", "waiting")

    def __init__(self) -> None:
        self.generation: Generation | None = None
        self.waiting = False


def dispatch(overlap: Overlap, entry: Entry | HandedOut, /, *args: Any, **kwargs: Any) -> Any:
    """Call what serves `entry` in the generation to which this call belongs, and show the choice."""
    # Who looks for calls in flight reads `overlap` and `call` off this frame, see `_decision`.
    call = _Call()
    block, gate = overlap.block, overlap.gate
    if overlap.hooked and not block.locks.looks.begin():  # as in `OverlapVector`
        return local_of(overlap.current, entry)(*args, **kwargs)
    try:
        caller = _getframe(1)
        tag = tag_of(caller.f_code, block.reference)
        began = None if tag is None else bound_in(block, tag)
        call.generation = began or nearest(block, caller if tag is None else caller.f_back)
    finally:
        if overlap.hooked:
            block.locks.looks.end()
    if call.generation is None:
        call.generation = pinned(block)
        if call.generation is not None and call.generation is not pinned(block):
            call.generation = None  # voided before a search of the stacks could see the choice: not pinned any more
    if call.generation is None and gate is not None:
        if gate.stops_thread():
            later = gate.stand_in(entry.function, own_of(overlap.current, entry), args, kwargs)
            if later is not None:
                return later
            call.waiting = gate.blocks_thread()
        # Until here nobody could see it: what it would go into may have been left, and its overlap ended.
        call.waiting |= gate.is_open and block.reference.vector[0] is not overlap
        if call.waiting:
            gate.wait()
            return entry.function(*args, **kwargs)  # the call begins now, by a load of its own
    call.generation = call.generation or overlap.current
    function = own_of(call.generation, entry) or local_of(overlap.current, entry)  # as in `OverlapVector`
    return function(*args, **kwargs)


def call_in(generation: Generation, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function so that it, and what it calls, belongs to `generation`, wherever the caller belongs.

    A pin would not do: it gives way to a block's frame further out.
    """
    return function(*args, **kwargs)


def _decision(block: Block, frame: FrameType) -> tuple[Overlap | None, _Call | None]:
    """Return what a frame of `dispatch` was called with, and what it has decided; nothing if it is another block's.

    Nothing also if it came to its end in another thread since it was found there, and was cleared, as
    `traceback.clear_frames` does.
    """
    local = frame.f_locals
    overlap = local.get("overlap")
    return (overlap, local.get("call")) if overlap is not None and overlap.block is block else (None, None)


def _decided(block: Block, frame: FrameType) -> Generation | None:
    _, call = _decision(block, frame)
    return None if call is None else call.generation


def _about_to_call(block: Block, frame: FrameType) -> Generation | None:
    overlap, call = _decision(block, frame)
    if overlap is None or (call is not None and call.waiting):
        return None
    return (call and call.generation) or overlap.current


def _given(block: Block, frame: FrameType) -> Generation | None:
    generation: Generation | None = frame.f_locals.get("generation")
    return generation if generation is not None and generation.block is block else None


DispatchTag(_decided, _about_to_call).put_on(dispatch)
DispatchTag(_given, _given).put_on(call_in)
