"""What frames say: which generation of a block an access from a frame belongs to, found from that frame outwards.

A frame belongs to the generation whose namespace is its ``f_globals``. Three kinds of frame are our own, and are known
by the last constant of their code. Those of `vector.dispatch` and `vector.call_in` say in local variables where they
have dispatched to. That of a forwarder says which vector it has loaded: if it is a plain one, what is called inside is
of its generation. If versions overlap, the vector has done what `nearest` does here, so that the callers say the same
again; where none does, the call was a new one, and is of the generation that served by then.

A frame of a plain function is asked once: see `model.frame_note`. So a deep stack is walked through once, and then only
as far as there are new frames on it.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from functools import partial
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from types import CodeType, FrameType, SimpleNamespace
from typing import Any, Final

from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.dispatch.accesses import IS_COMPILED, compiled_walk
from blockfreeze.dispatch.handed_out import HandedOut
from blockfreeze.dispatch.resolution import LegacyChoice, local_of
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import bound_place, place
from blockfreeze.model.frame_note import FrameNote
from blockfreeze.model.reference import Reference

_gettrace = sys.gettrace  # taken now, as in `vector`

VECTOR: Final = ".vector"
"""The local variable in which a forwarder has the vector that it loaded; no identifier can collide with it."""

_SUSPENDED: Final = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR


class ForwarderTag:
    """The last constant of a forwarder's code object: what tells its frames and its functions from all others.

    Attributes:
        reference: that of the block which it forwards into.
        slot: that of the entry; 0 if the function is none.
        binds: the number of the generation whose default values a call binds; None if it binds none.
        closure: the closure that follows, if it is that of one.
    """

    __slots__ = ("binds", "closure", "reference", "slot")

    def __init__(
        self, reference: Reference, slot: int, binds: int | None = None, closure: HandedOut | None = None
    ) -> None:
        self.reference = reference
        self.slot = slot
        self.binds = binds
        self.closure = closure

    @property
    def place(self) -> int:
        """Where in a vector it finds what serves a call."""
        return place(self.slot) if self.binds is None else bound_place(self.slot)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let who pickles a function by value take along the function that serves; see `Reference.__reduce__`.

        It is a state, not an argument: it may lead back to the forwarder.
        """
        current = self.reference.vector[0].current
        served: Any
        if self.closure is not None:
            place, served = 0, SimpleNamespace(lend=[self.closure.own(current)].__getitem__)
        else:
            place, served = self.place, local_of(current, current.block.slots[self.slot - 1])
            served = served.served if is_a(served, LegacyChoice) else served
        return partial, (operator.setitem, self.reference.taken, place), served, None, None, operator.call


class DispatchTag:
    """The last constant of a function of ours whose frames say in local variables where they have dispatched to.

    Attributes:
        said: returns it, for a block and such a frame: None if it is another block's, or nothing is decided yet.
        about_to: returns where a call in such a frame is, or is about to be.
    """

    __slots__ = ("about_to", "said")

    def __init__(self, said: _Said, about_to: _Said) -> None:
        self.said = said
        self.about_to = about_to

    def put_on(self, function: Any) -> None:
        """Let the frames of a function be known, and skipped by `warnings` and `logging`."""
        code: CodeType = function.__code__
        file = "<blockfreeze importlib._bootstrap>"
        function.__code__ = code.replace(co_consts=(*code.co_consts, self), co_filename=file)


_Said = Callable[[Block, FrameType], Generation | None]
_TAGS: Final = frozenset({ForwarderTag, DispatchTag})


def tag_of(code: CodeType, reference: Reference) -> ForwarderTag | None:
    """Return the tag of a forwarder into the block that `reference` belongs to; None for any other code."""
    constants = code.co_consts
    tag = constants[-1] if constants else None
    return tag if type(tag) is ForwarderTag and tag.reference is reference else None


def is_forwarder(code: CodeType, reference: Reference) -> bool:
    """Tell whether `code` is that of a forwarder of the block that `reference` belongs to."""
    return tag_of(code, reference) is not None


def is_hidden(code: CodeType) -> bool:
    """Tell whether a frame of `code` is one of ours between a caller and the function that serves it."""
    constants = code.co_consts
    return bool(constants) and type(constants[-1]) in _TAGS


def bound_in(block: Block, tag: ForwarderTag) -> Generation | None:
    """Return the generation whose default values a call of a forwarder has bound; None if it binds none.

    Such a call began in that generation, though it may load the reference after the next one was committed.
    """
    return None if tag.binds is None else block.generations.get(tag.binds)


def _nearest(block: Block, frame: FrameType | None) -> Generation | None:
    """Return the generation of the nearest block frame at or outside `frame`; None if there is none.

    The cost is proportional to the depth of the stack down to that frame, or to the first one that is noted.
    Threads: `frame` is on the stack of the running thread.
    """
    by_globals = block.by_globals
    passed: list[FrameType] = []  # those of plain functions, from the innermost outwards
    found: Generation | None = None
    served: Generation | None = None  # what the outermost forwarder says that was passed, and how many it has called
    within = 0
    while frame is not None:
        note = frame.f_trace
        if type(note) is FrameNote:
            noted = note.answers.get(block, ABSENT)
            # A generation that is forgotten, as a candidate that was discarded, has a note without answers.
            if noted is None or (noted is not ABSENT and noted.note.answers):
                found = noted
                break
        code = frame.f_code
        constants = code.co_consts
        if constants and type(constants[-1]) in _TAGS:
            found, current = _said_by(block, frame, constants[-1])
            if current is not None:
                served, within = current, len(passed)
        else:
            if not code.co_flags & _SUSPENDED:
                passed.append(frame)
            found = by_globals.get(id(frame.f_globals))
        if found is not None:
            break
        frame = frame.f_back
    if passed and _gettrace() is None:
        _note(block, passed[:within], found or served)
        _note(block, passed[within:], found)
    return found or served


def _note(block: Block, frames: list[FrameType], answer: Generation | None) -> None:
    note = block.outside if answer is None else answer.note
    for frame in frames:
        known: Any = frame.f_trace
        if known is None:
            frame.f_trace = note
        elif type(known) is FrameNote:  # of another block
            frame.f_trace = FrameNote({**known.answers, block: answer})


def _said_by(block: Block, frame: FrameType, tag: Any) -> tuple[Generation | None, Generation | None]:
    """Return where a frame of ours has dispatched to, and where, if the frames outside it do not say another thing."""
    if type(tag) is DispatchTag:
        return tag.said(block, frame), None
    if tag.reference is not block.reference:
        return block.by_globals.get(id(frame.f_globals)), None
    # Its namespace says where it was made, which may be a foreign decorator's module.
    loaded = frame.f_locals.get(VECTOR)
    if loaded is None:
        return None, None
    head = loaded[0]
    if not head.is_overlap:
        return head.generation, None
    return None, head.current if head.gate is None else None  # behind a gate it is `dispatch` that says


nearest: Final[Callable[[Block, FrameType | None], Generation | None]] = (
    compiled_walk(FrameNote, (ForwarderTag, DispatchTag), _said_by) if IS_COMPILED else _nearest
)
"""Returns the generation of the nearest block frame at or outside a frame; None if there is none."""


def called_generation(block: Block, frame: FrameType) -> Generation | None:
    """Return the generation that `frame` runs in, or is about to call into; None if none, or while it waits at a gate.

    A call that waits has not begun. Threads: any; the frame may end meanwhile.
    """
    constants = frame.f_code.co_consts
    tag = constants[-1] if constants else None
    if type(tag) is DispatchTag:
        return tag.about_to(block, frame)
    if type(tag) is ForwarderTag and tag.reference is block.reference:
        loaded = frame.f_locals.get(VECTOR)
        # Before a gate a call has not begun, unless it is bound to a generation: `dispatch` says if it was let in.
        if loaded is None or loaded[0].gate is not None:
            return bound_in(block, tag)
        current: Generation | None = loaded[0].current
        return current
    return block.by_globals.get(id(frame.f_globals))
