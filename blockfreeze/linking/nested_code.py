"""The rules of nested code: what a code object inside a module has to gain, and what its instructions become.

What is gained is found in the raw code, before anything is rewritten, since a code object has to pass on what those
inside it gain. So most code objects are never touched, and of the others only the instructions that a rule is for.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Mapping
from inspect import CO_OPTIMIZED
from types import CodeType
from typing import NamedTuple

from blockfreeze.linking import sequences
from blockfreeze.linking.analysis import CALLER_NAMES, GLOBAL_CALLER_NAMES, inspects_locals, nested_codes
from blockfreeze.linking.class_access import ClassAccesses, assigned_names, class_accesses, take_over
from blockfreeze.linking.hook_table import CALLER, DEFINE, LOAD, UNSET
from blockfreeze.linking.instructions import Instructions, pattern_of
from blockfreeze.linking.linked_names import LinkedNames
from blockfreeze.linking.sequences import Steps
from blockfreeze.linking.unlinked import gets_at_frames, with_callers_shown

_DECIDED = pattern_of("LOAD_GLOBAL", "LOAD_NAME", "LOAD_ATTR", "LOAD_METHOD", "STORE_GLOBAL", "DELETE_GLOBAL")
_FUNCTIONS = pattern_of("MAKE_FUNCTION")


class _Use(enum.Enum):
    """What a name in nested code is linked to."""

    CELL = "the content of its cell"
    CELL_IN_CLASS = "what the body of a class has under it, or the content of its cell"
    STATE = "a state variable that is read"
    STORED_STATE = "a state variable that is stored"
    DELETED_STATE = "a state variable that is deleted"
    FRAMES = "the frames of callers"


class _Found(NamedTuple):
    """A name that is linked, and the place of its instruction."""

    place: int
    use: _Use
    name: str
    called: bool


class NestedCode:
    """The code objects inside a module.

    `gained` has, by the identity of each, the free variables that it has to gain; `assigned` are the names of the
    attributes that functions assign to classes. With `assigns_code`, functions gain none but for state.
    """

    def __init__(self, names: LinkedNames, *, assigns_code: bool) -> None:
        self._names = names
        self._assigns_code = assigns_code
        self._decided_names = names.of_interest() | CALLER_NAMES | GLOBAL_CALLER_NAMES
        self._uses: dict[int, list[_Found]] = {}
        self._accesses: dict[int, ClassAccesses] = {}
        self._methods: dict[int, list[tuple[int, str]]] = {}  # decorated ones, by their class's body
        self.gained: dict[int, tuple[str, ...]] = {}
        self.assigned: set[str] = set()

    def survey(self, code: CodeType) -> set[str]:
        """Find what `code` and everything inside it has to gain; return what `code` has to."""
        gained: set[str] = set()
        if not inspects_locals(code):
            read = Instructions(code)
            keeps = self._assigns_code and bool(code.co_flags & CO_OPTIMIZED)
            accesses = self._accesses[id(code)] = {} if keeps else class_accesses(read, self._names.linkage)
            if code.co_flags & CO_OPTIMIZED:
                gained.update(accesses)
                self.assigned |= assigned_names(read, accesses)
            elif methods := list(_decorated_methods(read)):
                self._methods[id(code)] = methods
                gained.add(DEFINE)
            if not self._decided_names.isdisjoint(code.co_names):
                uses = self._uses[id(code)] = self._find_uses(read)
                if keeps:  # what may be given to another function, or be given its code, has its free variables alone
                    uses[:] = [found for found in uses if found.use in _USES_OF_STATE.values()]
                gained.update(name for found in uses for name in self._gained_by(found))
            for inner in nested_codes(code):
                gained |= self.survey(inner)
        self.gained[id(code)] = tuple(sorted(gained))
        return gained

    def _find_uses(self, read: Instructions) -> list[_Found]:
        found = []
        for place in read.where(_DECIDED):
            name, called = read.used_name(place)
            if name in self._decided_names:
                use = self._use(read.opname(place), name, called, read.opname(read.after(place)))
                if use is not None:
                    found.append(_Found(place, use, name, called))
        return found

    def _use(self, opname: str, name: str, called: bool, follower: str) -> _Use | None:
        names = self._names
        if opname == "LOAD_GLOBAL" and names.reaches_cell(name, called=called, follower=follower):
            return _Use.CELL
        if opname == "LOAD_NAME" and names.reaches_cell_from_class(name, follower):
            return _Use.CELL_IN_CLASS
        if opname in _USES_OF_STATE and names.is_shared(name):
            return _USES_OF_STATE[opname]
        return _Use.FRAMES if gets_at_frames(opname, name, called=called) else None

    def _gained_by(self, found: _Found) -> tuple[str, ...]:
        match found.use:
            case _Use.CELL | _Use.CELL_IN_CLASS:
                return (self._names.cells[found.name],)
            case _Use.FRAMES:
                return (CALLER,)
            case _:
                return self._names.home_of(found.name), LOAD if found.use is _Use.STATE else UNSET

    def replaced(self, read: Instructions) -> dict[int, Steps]:
        """Return what replaces instructions of a code object that gains free variables."""
        key = id(read.code)
        steps = {found.place: self._steps(read, found) for found in self._uses.get(key, ())}
        gained = self.gained[key]
        for hook, places in self._accesses[key].items():
            if hook in gained:
                steps |= {place: take_over(hook, read, place) for place in places}
        return steps

    def _steps(self, read: Instructions, found: _Found) -> Steps:
        names, name = self._names, found.name
        match found.use:
            case _Use.CELL:
                loads: Steps = (sequences.variable_load(names.cells[name]),)
            case _Use.CELL_IN_CLASS:
                return sequences.class_load(names.cells[name])
            case _Use.STATE if name in names.linkage.lazy:
                loads = sequences.call_hook(LOAD, name)
            case _Use.STATE:
                always_set = name in names.linkage.always_set
                loads = sequences.home_load(names.home_of(name), LOAD, name, always_set=always_set)
            case _Use.STORED_STATE:
                # The generation's own namespace has a copy, for globals(), class bodies and code made by exec.
                mirror = sequences.COPY, sequences.global_store(name)
                return *mirror, *sequences.store_subscript(names.home_of(name), name)
            case _Use.DELETED_STATE:
                return sequences.call_for_effect(UNSET, name)
            case _Use.FRAMES:
                return with_callers_shown(read.opname(found.place), name, found.called, sequences.variable_load(CALLER))
        return sequences.callable_load(loads) if found.called else loads

    def replaced_at_functions(self, read: Instructions) -> dict[int, Steps]:
        """Return what replaces the instructions that make functions whose code gains free variables."""
        steps = {}
        for place in read.where(_FUNCTIONS):
            of_code = read.before(place)
            inner = read.constant(of_code)
            gained = self.gained.get(id(inner), ()) if isinstance(inner, CodeType) else ()
            if not gained or not isinstance(inner, CodeType):
                continue
            if inner.co_freevars:
                tuple_of_cells = read.before(of_code)
                assert read.opname(tuple_of_cells) == "BUILD_TUPLE"
                steps[tuple_of_cells] = sequences.with_longer_closure(gained, had=read.argument(tuple_of_cells))
            else:
                steps[of_code] = *sequences.with_longer_closure(gained, had=0), sequences.ITSELF
                steps[place] = sequences.make_with_closure(read.argument(place))
        for place, path in self._methods.get(id(read.code), ()):
            steps[place] = *steps.get(place, (sequences.ITSELF,)), *sequences.call_with_value(DEFINE, path)
        return steps


def _decorated_methods(read: Instructions) -> Iterator[tuple[int, str]]:
    """Yield where each function of a class's body is complete that is not stored as it is, and its path.

    Of those that share a path, as the functions of a property do, none: they cannot be told apart by it.
    """
    made = [(place, read.constant(read.before(place))) for place in read.where(_FUNCTIONS)]
    methods = [(place, one) for place, one in made if isinstance(one, CodeType) and one.co_flags & CO_OPTIMIZED]
    counts = Counter(one.co_qualname for _, one in methods)
    for place, one in methods:
        if one.co_name.startswith("<") or "<locals>" in one.co_qualname or counts[one.co_qualname] > 1:
            continue
        complete = read.made_function(place)
        if read.opname(read.after(complete)) != "STORE_NAME":
            yield complete, one.co_qualname


_USES_OF_STATE: Mapping[str, _Use] = {
    "LOAD_GLOBAL": _Use.STATE,
    "STORE_GLOBAL": _Use.STORED_STATE,
    "DELETE_GLOBAL": _Use.DELETED_STATE,
}
