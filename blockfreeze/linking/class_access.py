"""Where code works on a class itself: found by the form of its instructions, to be replaced by the call of a hook.

What looks like a class: a variable called ``cls`` or the like, a class of the module, ``type(self)``,
``self.__class__``, and what is passed to a function that the module calls at its top level; where a dictionary is read,
a variable called ``base`` or the like as well. A hook costs something, so little else may look so: what is set is
mostly set on an instance. With `everything`, every object looks like a class.

An instruction is known by its order among those of its kind, since raw code and the `bytecode` library count
instructions differently: the n-th STORE_ATTR is the same one for both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import CodeType, MappingProxyType

from bytecode.instr import Instr

from blockfreeze.linking import cpython, sequences
from blockfreeze.linking.analysis import Linkage
from blockfreeze.linking.hook_table import ASSIGN, CLASS_HOOKS, DICTIONARY, SETTER, UNASSIGN, VARIABLES

SETTERS = frozenset({"delattr", "setattr"})
"""The built-in functions that set or delete an attribute of what is their first argument."""

_CLASS_NAMES = frozenset({"cls", "klass", "kls", "mcs", "class_"})
_READ_AS_CLASSES = _CLASS_NAMES | {"base", "owner", "parent", "superclass", "tp", "typ"}
_GLOBAL_LOADS = ("LOAD_GLOBAL", "LOAD_NAME")

ClassAccesses = dict[str, set[int]]
"""By hook, the instructions that it replaces: their order among those of its kind."""


class InOrder:
    """Tells which instructions a hook replaces, when they are passed one by one."""

    def __init__(self, accesses: ClassAccesses) -> None:
        self._accesses = accesses
        self._passed = dict.fromkeys(CLASS_HOOKS, -1)

    def hook_at(self, item: Instr) -> str:
        """Return the hook that replaces `item`, the next one of the code, or the empty string."""
        reads = item.name == "LOAD_ATTR" and cpython.name_and_call(item)[0] == "__dict__"
        hook = DICTIONARY if reads else _COUNTED.get(item.name, "")
        if hook:
            self._passed[hook] += 1
        return hook if hook and self._passed[hook] in self._accesses.get(hook, ()) else ""


def class_accesses(
    code: CodeType, loads: list[tuple[str, int]], linkage: Linkage, *, everything: bool = False
) -> ClassAccesses:
    """Return what in `code`, whose instructions are `loads`, works on what looks like a class."""
    look = _Look(code, loads, linkage, everything)
    found = {hook: set(find(look)) for hook, find in _FINDERS.items()}
    return {hook: orders for hook, orders in found.items() if orders}


def assigned_names(code: CodeType, loads: list[tuple[str, int]], accesses: ClassAccesses) -> set[str]:
    """Return the names of the attributes that a function assigns to what looks like a class."""
    names = (code.co_names[arg] for opname, arg in loads if opname == "STORE_ATTR")
    return {name for order, name in enumerate(names) if order in accesses.get(ASSIGN, ())}


def take_over(hook: str, item: Instr) -> list[Instr]:
    """Return the instructions that call `hook`, to replace `item`."""
    at = item.location
    if hook == ASSIGN:
        return sequences.call_with_two(ASSIGN, str(item.arg), at)
    if hook == UNASSIGN:
        return [*sequences.call_with_value(UNASSIGN, (str(item.arg),), at), Instr("POP_TOP", location=at)]
    if hook == DICTIONARY:
        return sequences.call_with_value(DICTIONARY, (), at)
    if hook == VARIABLES:
        return [*sequences.call_with_value(VARIABLES, (), at), item]
    return sequences.callable_load(sequences.call_hook(SETTER, (cpython.name_and_call(item)[0],), at), at)


@dataclass(frozen=True)
class _Look:
    """A look at one code object. Each `find` yields, by their order, the instructions that one hook replaces."""

    code: CodeType
    loads: list[tuple[str, int]]
    linkage: Linkage
    everything: bool

    def find_stores(self) -> Iterable[int]:
        # A store cannot be caught on the class, whose metaclass is not ours, so it is caught where it is written.
        return self._of_classes("STORE_ATTR")

    def find_deletions(self) -> Iterable[int]:
        return self._of_classes("DELETE_ATTR")

    def _of_classes(self, wanted: str) -> Iterable[int]:
        for order, at in enumerate(self._where(wanted)):
            origin = at - 1
            if origin >= 0 and self.loads[origin][0] == "SWAP":
                # An augmented assignment: the object was pushed before it was copied for the reading of the attribute.
                while origin > 0 and self.loads[origin] != ("COPY", 1):
                    origin -= 1
                origin -= 1
            if self.everything or (origin >= 0 and self._pushes_class(origin)):
                yield order

    def find_setters(self) -> Iterable[int]:
        """Find the loads of a function of `SETTERS` which is called for what looks like a class."""
        for order, at in enumerate(self._where("LOAD_GLOBAL")):
            name, called = self._name_at(at)
            if called and name in SETTERS and self.linkage.is_no_definition(name):
                first = self.loads[at + 1][0]
                type_of = first == "LOAD_GLOBAL" and self._name_at(at + 1)[0] == "type"
                looks_so = type_of or self._pushes_class(at + 1, first=True)
                if self.everything or looks_so or self._asks_for_class(at + 2):
                    yield order

    def find_dictionaries(self) -> Iterable[int]:
        # Nor can a look into the dictionary of a class be caught on the class.
        reads = (at for at in self._where("LOAD_ATTR") if self._name_at(at)[0] == "__dict__")
        for order, at in enumerate(reads):
            if self.everything or self._pushes_class(at - 1, _READ_AS_CLASSES):
                yield order

    def find_variables(self) -> Iterable[int]:
        """Find the calls of ``vars`` for what looks like a class."""
        if "vars" not in self.code.co_names or not self.linkage.is_no_definition("vars"):
            return
        order_of = {at: order for order, at in enumerate(self._where(cpython.CALLS))}
        for at, (opname, _) in enumerate(self.loads):
            if opname in _GLOBAL_LOADS and self._name_at(at)[0] == "vars":
                call = self._call_with_one(at)
                if call and (self.everything or self._pushes_class(call - 1, _READ_AS_CLASSES)):
                    yield order_of[call]

    def _where(self, wanted: str) -> list[int]:
        return [at for at, (opname, _) in enumerate(self.loads) if opname == wanted]

    def _name_at(self, at: int) -> tuple[str, bool]:
        return cpython.name_used(self.code, *self.loads[at])

    def _call_with_one(self, at: int) -> int:
        """Return where what is loaded at `at` is called with one argument, of a simple form; 0 if it is not."""
        above = 0
        for index in range(at + 1, len(self.loads)):
            opname, arg = self.loads[index]
            if opname == cpython.CALLS:
                if above == arg:
                    return index if arg == 1 else 0
                above -= arg
            elif opname in _GLOBAL_LOADS or opname.startswith(("LOAD_FAST", "LOAD_DEREF")):
                above += 1 + (opname.count("FAST") > 1)
            elif opname not in ("CALL", "LOAD_ATTR", "PUSH_NULL"):
                return 0
        return 0

    def _pushes_class(self, at: int, names: Collection[str] = _CLASS_NAMES, *, first: bool = False) -> bool:
        """Tell whether what an instruction pushes looks like a class: the first or the last, if it pushes two.

        Args:
            names: the variables that look so.
        """
        opname, arg = self.loads[at]
        if opname in _GLOBAL_LOADS:
            definition = self.linkage.bound.get(self._name_at(at)[0])
            return definition is not None and definition.kind == "class"
        if opname in ("LOAD_ATTR", "LOAD_DEREF"):
            return self._asks_for_class(at)
        if opname.startswith(("LOAD_FAST", "STORE_FAST")):
            two = opname.count("FAST") > 1 and "LOAD_FAST_AND" not in opname
            index = (arg >> 4 if first else arg & 15) if two else arg
            return self._is_class_variable(index, names)
        return opname == "CALL" and arg == 1 and "type" in self.code.co_names

    def _is_class_variable(self, index: int, names: Collection[str]) -> bool:
        code = self.code
        name = code.co_varnames[index] if index < len(code.co_varnames) else ""
        passed_by_body = code.co_name in self.linkage.at_import and index < code.co_argcount and name != "self"
        return passed_by_body or name in names

    def _asks_for_class(self, at: int) -> bool:
        opname, arg = self.loads[at]
        if opname == "LOAD_ATTR":
            return "__class__" in self._name_at(at)[0]
        return opname == "LOAD_DEREF" and "__class__" in cpython.variable_at(self.code, arg)


_FINDERS: Mapping[str, Callable[[_Look], Iterable[int]]] = MappingProxyType(
    {
        ASSIGN: _Look.find_stores,
        UNASSIGN: _Look.find_deletions,
        SETTER: _Look.find_setters,
        DICTIONARY: _Look.find_dictionaries,
        VARIABLES: _Look.find_variables,
    }
)

_COUNTED: Mapping[str, str] = MappingProxyType(
    {"STORE_ATTR": ASSIGN, "DELETE_ATTR": UNASSIGN, "LOAD_GLOBAL": SETTER, cpython.CALLS: VARIABLES}
)
"""The hook whose kind an instruction is of; the kind of `DICTIONARY` is LOAD_ATTR of one name."""
