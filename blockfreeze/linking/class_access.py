"""Where a function works on a class itself: found by the form of its instructions, to be taken over by a hook.

What looks like a class: ``cls`` and its usual other names, a class of the module, ``type(self)``, ``self.__class__``,
and what is passed to a function that the module calls at its top level; where a dictionary is read, ``base`` and the
like as well. A hook costs something, so little else may look so: what is set is mostly set on an instance. Who takes
`everything` for a class gets every place.
"""

from __future__ import annotations

from collections.abc import Collection
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


class ClassAccess:
    """The instructions of one code object that hooks take over, found as they are passed one by one.

    Args:
        hooks: those that are looked for.
        everything: take everything for a class.
    """

    def __init__(self, code: CodeType, linkage: Linkage, hooks: Collection[str], *, everything: bool) -> None:
        loads = list(cpython.instructions(code)) if hooks else []
        self._found = {hook: _FINDERS[hook](code, loads, linkage, everything=everything) for hook in hooks}
        self._passed = dict.fromkeys(CLASS_HOOKS, -1)

    def hook_at(self, item: Instr) -> str:
        """Return the hook that takes over `item`, the next one of the code, or the empty string."""
        reads = item.name == "LOAD_ATTR" and cpython.attribute_load(item)[0] == "__dict__"
        hook = DICTIONARY if reads else _COUNTED.get(item.name, "")
        if hook:
            self._passed[hook] += 1
        return hook if hook and self._passed[hook] in self._found.get(hook, ()) else ""


def class_hooks(code: CodeType, loads: list[tuple[str, int]], linkage: Linkage) -> set[str]:
    """Return the hooks that a function needs for what looks like a class in it."""
    return {hook for hook, find in _FINDERS.items() if find(code, loads, linkage, everything=False)}


def assigned_names(code: CodeType, loads: list[tuple[str, int]], linkage: Linkage) -> set[str]:
    """Return the names of the attributes that a function assigns to what looks like a class."""
    found = _stores(code, loads, linkage, everything=False)
    names = (code.co_names[arg] for opname, arg in loads if opname == "STORE_ATTR")
    return {name for order, name in enumerate(names) if order in found}


def take_over(hook: str, item: Instr) -> list[Instr]:
    """Return what stands in the place of an instruction that a hook takes over."""
    at = item.location
    if hook == ASSIGN:
        return sequences.call_with_two(ASSIGN, str(item.arg), at)
    if hook == UNASSIGN:
        return [*sequences.call_with_value(UNASSIGN, (str(item.arg),), at), Instr("POP_TOP", location=at)]
    if hook == DICTIONARY:
        return sequences.call_with_value(DICTIONARY, (), at)
    if hook == VARIABLES:
        return [*sequences.call_with_value(VARIABLES, (), at), item]
    assert isinstance(item.arg, tuple)
    return sequences.callable_load(sequences.call_hook(SETTER, (str(item.arg[1]),), at), at)


def _stores(code: CodeType, loads: list[tuple[str, int]], linkage: Linkage, *, everything: bool) -> set[int]:
    """Return which of the code's STORE_ATTR, by their order, store to what looks like a class.

    A store cannot be caught on the class, whose metaclass is not ours, so it is caught where it is written.
    """
    return _of_classes("STORE_ATTR", code, loads, linkage, everything=everything)


def _deletions(code: CodeType, loads: list[tuple[str, int]], linkage: Linkage, *, everything: bool) -> set[int]:
    """Return which of the code's DELETE_ATTR, by their order, delete from what looks like a class."""
    return _of_classes("DELETE_ATTR", code, loads, linkage, everything=everything)


def _of_classes(
    wanted: str, code: CodeType, loads: list[tuple[str, int]], linkage: Linkage, *, everything: bool
) -> set[int]:
    found: set[int] = set()
    stores = [at for at, (opname, _) in enumerate(loads) if opname == wanted]
    for order, at in enumerate(stores):
        origin = at - 1
        if origin >= 0 and loads[origin][0] == "SWAP":
            # An augmented assignment: the object was pushed before it was copied for the reading of the attribute.
            while origin > 0 and loads[origin] != ("COPY", 1):
                origin -= 1
            origin -= 1
        if everything or (origin >= 0 and _pushes_class(code, loads, linkage, origin)):
            found.add(order)
    return found


def _setters(code: CodeType, loads: list[tuple[str, int]], linkage: Linkage, *, everything: bool) -> set[int]:
    """Return which of the code's LOAD_GLOBAL, by their order, are of `SETTERS` that are called for what looks so."""
    found: set[int] = set()
    names = [at for at, (opname, _) in enumerate(loads) if opname == "LOAD_GLOBAL"]
    for order, at in enumerate(names):
        name, called = code.co_names[loads[at][1] >> 1], loads[at][1] & 1
        if called and name in SETTERS and linkage.is_no_definition(name):
            opname, arg = loads[at + 1]
            type_of = opname == "LOAD_GLOBAL" and code.co_names[arg >> 1] == "type"
            looks_so = type_of or _pushes_class(code, loads, linkage, at + 1, first=True)
            if everything or looks_so or _asks_for_class(code, loads[at + 2]):
                found.add(order)
    return found


def _dictionaries(code: CodeType, loads: list[tuple[str, int]], linkage: Linkage, *, everything: bool) -> set[int]:
    """Return which of the code's reads of an attribute ``__dict__``, by their order, are of what looks like a class.

    Nor can a look into the dictionary of a class be caught on the class.
    """
    reads = [at for at, (opname, arg) in enumerate(loads) if cpython.loads_dictionary(code, opname, arg)]
    return {
        order
        for order, at in enumerate(reads)
        if everything or _pushes_class(code, loads, linkage, at - 1, names=_READ_AS_CLASSES)
    }


def _variables(code: CodeType, loads: list[tuple[str, int]], linkage: Linkage, *, everything: bool) -> set[int]:
    """Return which of the code's calls, by their order, are those of ``vars`` for what looks like a class."""
    if "vars" not in code.co_names or not linkage.is_no_definition("vars"):
        return set()
    calls = [at for at, (opname, _) in enumerate(loads) if opname == cpython.CALLS]
    found: set[int] = set()
    for at, (opname, arg) in enumerate(loads):
        if opname in _GLOBAL_LOADS and code.co_names[arg >> (opname == "LOAD_GLOBAL")] == "vars":
            call = _call_with_one(loads, at)
            if call and (everything or _pushes_class(code, loads, linkage, call - 1, names=_READ_AS_CLASSES)):
                found.add(calls.index(call))
    return found


def _call_with_one(loads: list[tuple[str, int]], at: int) -> int:
    """Return where what is loaded at `at` is called with one argument, of a simple form; 0 if it is not."""
    above = 0
    for place in range(at + 1, len(loads)):
        opname, arg = loads[place]
        if opname == cpython.CALLS:
            if above == arg:
                return place if arg == 1 else 0
            above -= arg
        elif opname in _GLOBAL_LOADS or opname.startswith(("LOAD_FAST", "LOAD_DEREF")):
            above += 1 + (opname.count("FAST") > 1)
        elif opname not in ("CALL", "LOAD_ATTR", "PUSH_NULL"):
            return 0
    return 0


def _pushes_class(
    code: CodeType,
    loads: list[tuple[str, int]],
    linkage: Linkage,
    at: int,
    *,
    first: bool = False,
    names: Collection[str] = _CLASS_NAMES,
) -> bool:
    """Tell whether the value that an instruction pushes looks like a class: the first or the last, if it pushes two."""
    opname, arg = loads[at]
    if opname in _GLOBAL_LOADS:
        definition = linkage.bound.get(code.co_names[arg >> (opname == "LOAD_GLOBAL")])
        return definition is not None and definition.kind == "class"
    if opname in ("LOAD_ATTR", "LOAD_DEREF"):
        return _asks_for_class(code, loads[at])
    if opname.startswith(("LOAD_FAST", "STORE_FAST")):
        two = opname.count("FAST") > 1 and "LOAD_FAST_AND" not in opname
        index = (arg >> 4 if first else arg & 15) if two else arg
        name = code.co_varnames[index] if index < len(code.co_varnames) else ""
        told = code.co_name in linkage.at_import and index < code.co_argcount and name != "self"
        return told or name in names
    return opname == "CALL" and arg == 1 and "type" in code.co_names


def _asks_for_class(code: CodeType, load: tuple[str, int]) -> bool:
    opname, arg = load
    attribute = opname == "LOAD_ATTR"
    return opname in ("LOAD_ATTR", "LOAD_DEREF") and "__class__" in (
        cpython.attribute_name(code, opname, arg) if attribute else _variable(code, arg)
    )


def _variable(code: CodeType, index: int) -> str:
    names = (*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames), *code.co_freevars)
    return names[index] if index < len(names) else ""


_FINDERS = MappingProxyType(
    {
        ASSIGN: _stores,
        UNASSIGN: _deletions,
        SETTER: _setters,
        DICTIONARY: _dictionaries,
        VARIABLES: _variables,
    }
)

_COUNTED = MappingProxyType(
    {"STORE_ATTR": ASSIGN, "DELETE_ATTR": UNASSIGN, "LOAD_GLOBAL": SETTER, cpython.CALLS: VARIABLES}
)  # the instructions among which a place is known by its order; `DICTIONARY` has the reads of one name
