"""Where code works on a class itself: found by the form of its instructions, to be replaced by the call of a hook.

What looks like a class: a variable called ``cls`` or the like, a class of the module, ``type(self)``,
``self.__class__``, and what is passed to a function that the module calls at its top level; where a dictionary is read,
a variable called ``base`` or the like as well. A hook costs something, so little else may look so: what is set is
mostly set on an instance. With `everything`, every object looks like a class.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from blockfreeze.linking import cpython, sequences
from blockfreeze.linking.hook_table import ASSIGN, DICTIONARY, SETTER, SUBCLASSES, UNASSIGN, VARIABLES
from blockfreeze.linking.instructions import Instructions, pattern_of
from blockfreeze.linking.linkage import Linkage

SETTERS = frozenset({"delattr", "setattr"})
"""The built-in functions that set or delete an attribute of what is their first argument."""

_CLASS_NAMES = frozenset({"cls", "klass", "kls", "mcs", "class_"})
_CLASS_ENDINGS = ("_cls", "_class", "_klass")
_READ_AS_CLASSES = _CLASS_NAMES | {"base", "owner", "parent", "superclass", "tp", "typ"}
_READERS = SETTERS | {"__dict__", "__subclasses__", "vars"}
_GLOBAL_LOADS = ("LOAD_GLOBAL", "LOAD_NAME")

_ATTRIBUTES = pattern_of("LOAD_ATTR")
_METHODS = pattern_of("LOAD_ATTR", "LOAD_METHOD")
_CALLS = pattern_of(cpython.CALLS)
_DELETIONS = pattern_of("DELETE_ATTR")
_GLOBALS = pattern_of("LOAD_GLOBAL")
_NAMES = pattern_of(*_GLOBAL_LOADS)
_STORES = pattern_of("STORE_ATTR")
_WRITES = pattern_of("DELETE_ATTR", "STORE_ATTR")

ClassAccesses = dict[str, frozenset[int]]
"""By hook, the places of the instructions that it replaces."""


def class_accesses(code: Instructions, linkage: Linkage, *, everything: bool = False) -> ClassAccesses:
    """Return what in `code` works on what looks like a class."""
    if not code.has(_WRITES) and _READERS.isdisjoint(code.code.co_names):
        return {}
    look = _Look(code, linkage, everything)
    found = {hook: frozenset(find(look)) for hook, find in _FINDERS.items()}
    return {hook: places for hook, places in found.items() if places}


def assigned_names(code: Instructions, accesses: ClassAccesses) -> set[str]:
    """Return the names of the attributes that a function assigns to what looks like a class."""
    return {code.used_name(place)[0] for place in accesses.get(ASSIGN, ())}


def take_over(hook: str, code: Instructions, place: int) -> sequences.Steps:
    """Return the instructions that call `hook`, to replace the instruction at `place`."""
    if hook == DICTIONARY:
        return sequences.call_with_value(DICTIONARY)
    if hook == VARIABLES:
        return *sequences.call_with_value(VARIABLES), sequences.ITSELF
    name, as_method = code.used_name(place)
    if hook == SUBCLASSES:
        return *sequences.call_with_value(SUBCLASSES), *(sequences.null_for_callable() if as_method else ())
    if hook == ASSIGN:
        return *sequences.call_with_two(ASSIGN, name), sequences.POP
    if hook == UNASSIGN:
        return *sequences.call_with_value(UNASSIGN, name), sequences.POP
    return sequences.callable_load(sequences.call_hook(SETTER, name))


@dataclass(frozen=True)
class _Look:
    """A look at one code object. Each `find` yields the places of the instructions that one hook replaces."""

    instructions: Instructions
    linkage: Linkage
    everything: bool

    def find_stores(self) -> Iterable[int]:
        # A store cannot be caught on the class, whose metaclass is not ours, so it is caught where it is written.
        return self._of_classes(self.instructions.where(_STORES))

    def find_deletions(self) -> Iterable[int]:
        return self._of_classes(self.instructions.where(_DELETIONS))

    def _of_classes(self, places: list[int]) -> Iterable[int]:
        read = self.instructions
        for place in places:
            origin = read.before(place)
            if read.opname(origin) == "SWAP":
                # An augmented assignment: the object was pushed before it was copied for the reading of the attribute.
                while read.before(origin) >= 0 and not (read.opname(origin) == "COPY" and read.argument(origin) == 1):
                    origin = read.before(origin)
                origin = read.before(origin)
            if self.everything or (origin >= 0 and self._pushes_class(origin)):
                yield place

    def find_setters(self) -> Iterable[int]:
        """Find the loads of a function of `SETTERS` which is called for what looks like a class."""
        read = self.instructions
        if SETTERS.isdisjoint(read.code.co_names):
            return
        for place in read.where(_GLOBALS):
            name, called = read.used_name(place)
            if called and name in SETTERS and self.linkage.is_no_definition(name):
                first = read.after(place)
                type_of = read.opname(first) == "LOAD_GLOBAL" and read.used_name(first)[0] == "type"
                looks_so = type_of or self._pushes_class(first, first=True)
                if self.everything or looks_so or self._asks_for_class(read.after(first)):
                    yield place

    def find_dictionaries(self) -> Iterable[int]:
        # Nor can a look into the dictionary of a class be caught on the class.
        read = self.instructions
        if "__dict__" not in read.code.co_names:
            return
        for place in read.where(_ATTRIBUTES):
            if read.used_name(place)[0] == "__dict__":
                if self.everything or self._pushes_class(read.before(place), _READ_AS_CLASSES):
                    yield place

    def find_variables(self) -> Iterable[int]:
        """Find the calls of ``vars`` for what looks like a class."""
        read = self.instructions
        if "vars" not in read.code.co_names or not self.linkage.is_no_definition("vars"):
            return
        for place in read.where(_NAMES):
            if read.used_name(place)[0] == "vars":
                call = self._call_with_one(place)
                if call and (self.everything or self._pushes_class(read.before(call), _READ_AS_CLASSES)):
                    yield call

    def find_subclasses(self) -> Iterable[int]:
        # Only classes have this attribute.
        read = self.instructions
        if "__subclasses__" in read.code.co_names:
            yield from (place for place in read.where(_METHODS) if read.used_name(place)[0] == "__subclasses__")

    def _call_with_one(self, place: int) -> int:
        """Return where what is loaded at `place` is called with one argument, of a simple form; 0 if it is not."""
        read, above = self.instructions, 0
        while opname := read.opname(place := read.after(place)):
            if opname == cpython.CALLS:
                count = read.argument(place)
                if above == count:
                    return place if count == 1 else 0
                above -= count
            elif opname in _GLOBAL_LOADS or opname.startswith(("LOAD_FAST", "LOAD_DEREF")):
                above += 1 + (opname.count("FAST") > 1)
            elif opname not in ("CALL", "LOAD_ATTR", "PUSH_NULL"):
                return 0
        return 0

    def _pushes_class(self, place: int, names: Collection[str] = _CLASS_NAMES, *, first: bool = False) -> bool:
        """Tell whether what an instruction pushes looks like a class: the first or the last, if it pushes two.

        Args:
            names: the variables that look so.
        """
        read = self.instructions
        opname = read.opname(place)
        if opname in _GLOBAL_LOADS:
            definition = self.linkage.bound.get(read.used_name(place)[0])
            return definition is not None and definition.kind == "class"
        if opname == "LOAD_ATTR":
            return self._asks_for_class(place)
        arg = read.argument(place)
        if opname == "LOAD_DEREF":
            name = cpython.variable_at(read.code, arg)
            return "__class__" in name or _is_class_name(name, names) or self._is_passed_class(name)
        if opname.startswith(("LOAD_FAST", "STORE_FAST")):
            two = opname.count("FAST") > 1 and "LOAD_FAST_AND" not in opname
            index = (arg >> 4 if first else arg & 15) if two else arg
            return self._is_class_variable(index, names)
        return opname == "CALL" and arg == 1 and "type" in read.code.co_names

    def _is_class_variable(self, index: int, names: Collection[str]) -> bool:
        code = self.instructions.code
        name = code.co_varnames[index] if index < len(code.co_varnames) else ""
        passed_by_body = code.co_name in self.linkage.at_import and index < code.co_argcount and name != "self"
        return passed_by_body or _is_class_name(name, names) or self._is_passed_class(name)

    def _is_passed_class(self, name: str) -> bool:
        code = self.instructions.code
        return code.co_qualname in self.linkage.class_methods and code.co_varnames[:1] == (name,)

    def _asks_for_class(self, place: int) -> bool:
        read = self.instructions
        opname = read.opname(place)
        if opname == "LOAD_ATTR":
            return "__class__" in read.used_name(place)[0]
        return opname == "LOAD_DEREF" and "__class__" in cpython.variable_at(read.code, read.argument(place))


def _is_class_name(name: str, names: Collection[str]) -> bool:
    return name in names or name.endswith(_CLASS_ENDINGS)


_FINDERS: Mapping[str, Callable[[_Look], Iterable[int]]] = MappingProxyType(
    {
        ASSIGN: _Look.find_stores,
        UNASSIGN: _Look.find_deletions,
        SETTER: _Look.find_setters,
        DICTIONARY: _Look.find_dictionaries,
        SUBCLASSES: _Look.find_subclasses,
        VARIABLES: _Look.find_variables,
    }
)
