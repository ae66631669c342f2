"""What is asked at every access while versions overlap: one look at the frame that asks, mostly.

``blockfreeze/_speed.c`` has the same two classes, compiled; `accesses` takes these if it is not there. What the look
does not answer is left to a method of the class that is derived: `_found`, and `_get`.
"""

from __future__ import annotations

import sys
from types import FrameType, FunctionType, MethodType
from typing import Any

from blockfreeze.core.safe_access import ABSENT

_getframe = sys._getframe  # taken now: a program may delete it from sys, as a test of other interpreters does


class Places:
    """The places of a vector, of which each holds what serves an entry for the call of the forwarder that asks.

    Attributes:
        head: what is in place 0.
        current: the generation that serves new calls.
        inside: the note on frames that run in it.
        outside: the note on frames that no frame of the block has called.
        entered: the same if such frames may call entries without more; another note if there is a gate.
        pins: those of the block, empty while there are none.
        by_globals: by the ids of namespaces, the generations whose code has them.
        served: what is in all places, for the calls of the current generation, and new ones.
        hooked: a forwarder may be that of an audit hook, which a look at frames is told to.
    """

    __slots__ = ("by_globals", "current", "entered", "head", "hooked", "inside", "outside", "pins", "served")

    head: Any
    current: Any
    inside: Any
    outside: Any
    entered: Any
    pins: dict[int, Any]
    by_globals: dict[int, Any]
    served: tuple[Any, ...]
    hooked: bool

    def __len__(self) -> int:
        return len(self.served)

    def __getitem__(self, place: int) -> Any:
        """Return the head, or what serves an entry for the call of the forwarder that asks."""
        if place:
            if self.hooked:
                return self._found(place, ABSENT)
            try:
                note = _getframe(2).f_trace  # that of the forwarder's caller
            except ValueError:  # it has none
                return self._found(place, None)
            if note is self.inside or (note is self.entered and not self.pins):
                return self.served[place]
            return self._found(place, _getframe(2))
        return self.head

    def _found(self, place: int, caller: Any) -> Any:
        """Return what serves a call of a forwarder from the frame `caller`; `ABSENT` if that is not looked at yet."""
        raise NotImplementedError


ANY, CONSTRUCTOR, DATA = range(3)
"""The kinds of a `Switch`: of the last two only C answers any access at once."""


class Switch:
    """A descriptor with a value for each generation.

    Attributes:
        reference: that of the block.
        inner: by generation, the values for its own frames.
        outward: by generation, the values for all other frames.
        kind: `ANY`, `CONSTRUCTOR` or `DATA`.
    """

    __slots__ = ("inner", "kind", "outward", "reference")

    reference: Any
    inner: dict[Any, Any]
    outward: dict[Any, Any]
    kind: int

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        try:
            frame = _getframe(1)
        except ValueError:  # C code began a thread with this access, as with a class that is called
            return self._get(None, instance, owner)
        vector = self.reference.vector
        try:
            own = vector.by_globals.get(id(frame.f_globals))  # the code of which generation this is
        except AttributeError:  # a plain vector: the overlap is about to end
            return self._get(frame, instance, owner)
        note = frame.f_trace if own is None else None
        if own is not None:
            value = self.inner.get(own)
        elif note is vector.inside:
            value = self.inner.get(vector.current)
        elif note is vector.outside and not vector.pins:
            value = self.outward.get(vector.current)
        else:
            value = None
        # A method of an instance: most accesses are that.
        if type(value) is FunctionType and type(instance) is owner and not self.kind:
            return MethodType(value, instance)
        return self._get(frame, instance, owner)

    def _get(self, frame: FrameType | None, instance: Any, owner: type | None) -> Any:
        raise NotImplementedError
