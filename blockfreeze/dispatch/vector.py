"""The vector: what a block's one reference points to, and how a call finds its generation.

A vector is an immutable tuple. Place 0 is its *head*, which says what generation an access belongs to; every other
place is the slot of one entry and holds the callable that serves it. Head and slots come out of the same single load
of `Reference.vector`, so no call can mix two states of a block.

Two heads exist. `Plain` is the steady state: slots hold the current generation's own functions. `Overlap` serves from
the moment a swap prepares until the old generation has drained: an access from a frame whose nearest enclosing block
frame runs in some generation belongs to that generation, one from a pinned context to the pinned generation, every
other access to the current one. An overlap may have a gate, at which calls of the last kind wait.

A frame belongs to the generation whose namespace is its ``f_globals``. Two kinds of frame are our own and say instead,
in a local variable, where they have dispatched to: those of forwarders, which loaded a vector, and `dispatch`'s.

Only `blockfreeze.swap` stores a vector.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import CodeType, FrameType
from typing import Any, Final

from blockfreeze.dispatch.gate import Gate
from blockfreeze.dispatch.pins import pinned
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import Entry
from blockfreeze.model.reference import Reference

__all__ = [
    "FORWARDER",
    "Overlap",
    "Plain",
    "VECTOR",
    "bound_in",
    "chosen_by_dispatch",
    "is_forwarder",
    "is_hidden",
    "nearest",
    "overlap_vector",
    "plain_vector",
]

_getframe = sys._getframe  # kept: a program may delete it from sys, as a test of other interpreters does

VECTOR: Final = ".vector"
"""The local variable in which a forwarder keeps the vector that it loaded; no identifier can collide with it."""


class _Mark:
    def __repr__(self) -> str:
        return "<forwarder>"


FORWARDER: Final = _Mark()
"""The last constant of every forwarder's code object.

The one before it is the block's `Reference`, and the one before that the number of the generation whose default values
a call binds, or None if it binds none.
"""


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
        return self.generation.local(self.generation.block.slots[slot - 1])

    def locate(self, frame: FrameType | None) -> tuple[Generation, bool]:
        """Return the generation of an access from `frame`, and whether it comes from inside that generation."""
        return self.generation, False


class Overlap:
    """The head while more than one generation may be running, or one is being built."""

    __slots__ = ("block", "current", "dispatch", "gate")

    def __init__(self, block: Block, current: Generation, dispatch: Callable[..., Any], gate: Gate | None) -> None:
        self.block = block
        self.current = current
        self.dispatch = dispatch
        self.gate = gate

    @property
    def generation(self) -> Generation:
        """The generation of the access that is under way in the calling frame."""
        return nearest(self.block, _getframe(1)) or pinned(self.block) or self.current

    def find(self, slot: int) -> Callable[..., Any]:
        """Return what serves an entry whose slot this vector does not have, because it was added later."""
        return partial(self.dispatch, self.block.slots[slot - 1])

    def locate(self, frame: FrameType | None) -> tuple[Generation, bool]:
        """Return the generation of an access from `frame`, and whether it comes from inside that generation."""
        found = nearest(self.block, frame)
        return (pinned(self.block) or self.current, False) if found is None else (found, True)


def dispatched(block: Block, frame: FrameType) -> Generation | None:
    """Return where a forwarder's frame has dispatched to; None if nowhere yet, or if a frame inside it says so."""
    loaded = frame.f_locals.get(VECTOR)
    if loaded is not None and type(loaded[0]) is Plain:
        found: Generation = loaded[0].generation
        return found
    return None


def is_forwarder(code: CodeType, reference: Reference) -> bool:
    """Tell whether `code` is that of a forwarder of the block that `reference` belongs to."""
    constants = code.co_consts
    return bool(constants) and constants[-1] is FORWARDER and constants[-2] is reference


def bound_in(block: Block, frame: FrameType) -> Generation | None:
    """Return the generation whose default values the call of a forwarder's frame has bound; None if it binds none.

    Such a call began in that generation, though it may load the reference after the next one was committed.
    """
    return block.generations.get(frame.f_code.co_consts[-3])


def is_hidden(code: CodeType) -> bool:
    """Tell whether a frame of `code` is one of ours between a caller and the function that serves it."""
    constants = code.co_consts
    return code is _DISPATCH or (bool(constants) and constants[-1] is FORWARDER)


def chosen_by_dispatch(block: Block, frame: FrameType) -> Generation | None:
    """Return the generation that a frame of `dispatch` has chosen, or chooses by default.

    None for another frame, and for a call that waits at a gate: it has not begun. None also if it came to its end in
    another thread since it was found there, and was cleared, as `traceback.clear_frames` does.
    """
    if frame.f_code is not _DISPATCH:
        return None
    local = frame.f_locals
    if local.get("block") is not block or local.get("waiting"):
        return None
    return local.get("generation") or local.get("current")


def nearest(block: Block, frame: FrameType | None) -> Generation | None:
    """Return the generation of the nearest block frame at or outside `frame`; None if there is none.

    The cost is proportional to the depth of the stack down to that frame; it is paid during overlaps only.
    """
    by_globals = block.by_globals
    reference = block.reference
    while frame is not None:
        code = frame.f_code
        constants = code.co_consts
        if constants and constants[-1] is FORWARDER and constants[-2] is reference:  # `is_forwarder`, written out
            # Its namespace says where it was born, which may be a foreign decorator's module.
            found = dispatched(block, frame)
        elif code is _DISPATCH:
            local = frame.f_locals
            found = local.get("generation") if local.get("block") is block else None
        else:
            found = by_globals.get(id(frame.f_globals))
        if found is not None:
            return found
        frame = frame.f_back
    return None


def plain_vector(block: Block, generation: Generation) -> tuple[Any, ...]:
    """Return the vector of the steady state in `generation`."""
    return (Plain(generation), *(generation.local(entry) for entry in block.slots))


def overlap_vector(block: Block, current: Generation, gate: Gate | None = None) -> tuple[Any, ...]:
    """Return a vector that leaves each call in its own generation and gives new calls to `current`.

    Args:
        gate: where new calls wait instead.
    """
    # `dispatch` is made anew for each vector: the current generation must come with the load of the vector, and a
    # dispatcher that read it from the reference would load twice.
    dispatch = _dispatcher(block, current, gate)
    return (Overlap(block, current, dispatch, gate), *(partial(dispatch, entry) for entry in block.slots))


def _dispatcher(block: Block, current: Generation, gate: Gate | None) -> Callable[..., Any]:
    def dispatch(entry: Entry, /, *args: Any, **kwargs: Any) -> Any:
        caller = _getframe(1)
        began = bound_in(block, caller) if is_forwarder(caller.f_code, block.reference) else None
        generation = began or nearest(block, caller)
        if generation is None:
            generation = pinned(block)
            if generation is not None and generation is not pinned(block):
                generation = None  # voided before a search of the stacks could see the choice: not pinned any more
        if generation is None and gate is not None and gate.stops_thread():
            later = gate.stand_in(entry.function, current.locals.get(entry), args, kwargs)
            if later is not None:
                return later
            if gate.blocks_thread():
                waiting = True  # noqa: F841 - read off this frame by those who look for calls in flight
                gate.wait()
                return entry.function(*args, **kwargs)  # the call begins now, by a load of its own
        generation = generation or current
        function = generation.locals.get(entry)
        if function is None:
            # Nothing of that name in there (yet): an old call that was handed a new entry, or a body that is running.
            function = current.local(entry)
        return function(*args, **kwargs)

    return dispatch


def _hide_dispatch() -> CodeType:
    """Give `dispatch` a file name that `warnings` and `logging` skip; return its code object."""
    code = _dispatcher.__code__
    # 3.14 has a code object for the annotations beside it.
    inner = next(one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == "dispatch")
    hidden = inner.replace(co_filename="<blockfreeze importlib._bootstrap>")
    _dispatcher.__code__ = code.replace(co_consts=tuple(hidden if one is inner else one for one in code.co_consts))
    return hidden


_DISPATCH: Final = _hide_dispatch()
