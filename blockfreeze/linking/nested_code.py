"""The rules of nested code: what a code object inside a module has to gain, and what its instructions become.

Both follow from one decision, `NestedCode._use`. What is gained is found in the raw code, before anything is rewritten,
since a code object has to pass on what those inside it gain. So most code objects are never taken apart.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from inspect import CO_OPTIMIZED
from itertools import pairwise
from types import CodeType

from bytecode.instr import Instr

from blockfreeze.linking import cpython, sequences
from blockfreeze.linking.analysis import inspects_locals, nested_codes
from blockfreeze.linking.class_access import ClassAccesses, assigned_names, class_accesses
from blockfreeze.linking.hook_table import CALLER, LOAD, UNSET
from blockfreeze.linking.linked_names import LinkedNames
from blockfreeze.linking.unlinked import gets_at_frames, with_callers_shown

_DECIDED = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_ATTR", "LOAD_METHOD", "STORE_GLOBAL", "DELETE_GLOBAL"})


class _Use(enum.Enum):
    """What a name in nested code is linked to."""

    CELL = "the content of its cell"
    CELL_IN_CLASS = "what the body of a class has under it, or the content of its cell"
    STATE = "a state variable that is read"
    STORED_STATE = "a state variable that is stored"
    DELETED_STATE = "a state variable that is deleted"
    FRAMES = "the frames of callers"


class NestedCode:
    """The code objects inside a module.

    `gained` has, by the identity of each, the free variables that it has to gain; `accesses` has what looks like work
    on a class in it; `assigned` are the names of the attributes that functions assign to classes.
    """

    def __init__(self, names: LinkedNames) -> None:
        self._names = names
        self.gained: dict[int, tuple[str, ...]] = {}
        self.accesses: dict[int, ClassAccesses] = {}
        self.assigned: set[str] = set()

    def survey(self, code: CodeType) -> set[str]:
        """Find what `code` and everything inside it has to gain; return what `code` has to."""
        gained: set[str] = set()
        if not inspects_locals(code):
            loads = list(cpython.instructions(code))
            accesses = self.accesses[id(code)] = class_accesses(code, loads, self._names.linkage)
            if code.co_flags & CO_OPTIMIZED:
                gained.update(accesses)
                self.assigned |= assigned_names(code, loads, accesses)
            for (opname, arg), (follower, _) in pairwise([*loads, ("", 0)]):
                if opname in _DECIDED:
                    name, called = cpython.name_used(code, opname, arg)
                    gained.update(self._gained_by(self._use(opname, name, called, follower), name))
            for inner in nested_codes(code):
                gained |= self.survey(inner)
        self.gained[id(code)] = tuple(sorted(gained))
        return gained

    def _use(self, opname: str, name: str, called: bool, follower: str) -> _Use | None:
        names = self._names
        if opname == "LOAD_GLOBAL" and names.reaches_cell(name, called=called, follower=follower):
            return _Use.CELL
        if opname == "LOAD_NAME" and names.reaches_cell_from_class(name, follower):
            return _Use.CELL_IN_CLASS
        if opname in _USES_OF_STATE and names.is_shared(name):
            return _USES_OF_STATE[opname]
        return _Use.FRAMES if gets_at_frames(opname, name, called=called) else None

    def _gained_by(self, use: _Use | None, name: str) -> tuple[str, ...]:
        match use:
            case None:
                return ()
            case _Use.CELL | _Use.CELL_IN_CLASS:
                return (self._names.cells[name],)
            case _Use.FRAMES:
                return (CALLER,)
            case _:
                return self._names.home_of(name), LOAD if use is _Use.STATE else UNSET

    def replacement(self, instructions: list[Instr], at: int) -> list[Instr]:
        """Return what replaces an instruction of a code object that gains free variables."""
        item, names = instructions[at], self._names
        if item.name not in _DECIDED:
            return [item]
        (name, called), location = cpython.name_and_call(item), item.location
        match self._use(item.name, name, called, cpython.name_of(instructions, at + 1)):
            case _Use.CELL:
                loads = [sequences.free_load(names.cells[name], location)]
            case _Use.CELL_IN_CLASS:
                return sequences.class_load(name, location)
            case _Use.STATE if name in names.linkage.lazy:
                loads = sequences.call_hook(LOAD, (name,), location)
            case _Use.STATE:
                always_set = name in names.linkage.always_set
                loads = sequences.home_load(names.home_of(name), LOAD, name, location, always_set=always_set)
            case _Use.STORED_STATE:
                # The generation's own namespace has a copy, for globals(), class bodies and code made by exec.
                mirror = [Instr("COPY", 1, location=location), Instr("STORE_GLOBAL", name, location=location)]
                return [*mirror, *sequences.store_subscript(names.home_of(name), name, location)]
            case _Use.DELETED_STATE:
                return sequences.call_for_effect(UNSET, (name,), location)
            case _Use.FRAMES:
                return with_callers_shown(item, lambda at: sequences.free_load(CALLER, at))
            case None:
                return [item]
        return sequences.callable_load(loads, location) if called else loads


_USES_OF_STATE: Mapping[str, _Use] = {
    "LOAD_GLOBAL": _Use.STATE,
    "STORE_GLOBAL": _Use.STORED_STATE,
    "DELETE_GLOBAL": _Use.DELETED_STATE,
}
