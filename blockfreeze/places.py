"""Where a function works on a class itself: found by the form of its instructions, to be taken over by a hook.

What looks like a class: ``cls``, ``base`` and their usual other names, a class of the module, ``type(self)``,
``self.__class__``.
"""

from __future__ import annotations

from types import CodeType

from blockfreeze import cpython
from blockfreeze.names import Linkage

__all__ = ["class_dictionaries", "class_stores", "class_variables"]

_CLASS_NAMES = frozenset({"cls", "klass", "kls", "mcs", "owner", "class_", "base", "parent", "superclass", "tp", "typ"})
_GLOBAL_LOADS = ("LOAD_GLOBAL", "LOAD_NAME")


def class_stores(code: CodeType, loads: list[tuple[str, int]], linkage: Linkage) -> set[int]:
    """Return which of the code's STORE_ATTR, by their order, store to what looks like a class.

    A store cannot be caught on the class, whose metaclass is not ours, so it is caught where it is written.
    """
    found: set[int] = set()
    stores = [at for at, (opname, _) in enumerate(loads) if opname == "STORE_ATTR"]
    for order, at in enumerate(stores):
        origin = at - 1
        if origin >= 0 and loads[origin][0] == "SWAP":
            # An augmented assignment: the object was pushed before it was copied for the reading of the attribute.
            while origin > 0 and loads[origin] != ("COPY", 1):
                origin -= 1
            origin -= 1
        if origin >= 0 and _pushes_class(code, loads, linkage, origin):
            found.add(order)
    return found


def class_dictionaries(code: CodeType, loads: list[tuple[str, int]], linkage: Linkage) -> set[int]:
    """Return which of the code's reads of an attribute ``__dict__``, by their order, are of what looks like a class.

    Nor can a look into the dictionary of a class be caught on the class.
    """
    reads = [at for at, (opname, arg) in enumerate(loads) if cpython.loads_dictionary(code, opname, arg)]
    return {order for order, at in enumerate(reads) if at and _pushes_class(code, loads, linkage, at - 1)}


def class_variables(code: CodeType, loads: list[tuple[str, int]], linkage: Linkage) -> set[int]:
    """Return which of the code's calls, by their order, are those of ``vars`` for what looks like a class."""
    if "vars" not in code.co_names or "vars" in linkage.bound or "vars" in linkage.unbound:
        return set()
    calls = [at for at, (opname, _) in enumerate(loads) if opname == cpython.CALLS]
    found: set[int] = set()
    for at, (opname, arg) in enumerate(loads):
        if opname in _GLOBAL_LOADS and code.co_names[arg >> (opname == "LOAD_GLOBAL")] == "vars":
            call = _call_with_one(loads, at)
            if call and _pushes_class(code, loads, linkage, call - 1):
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


def _pushes_class(code: CodeType, loads: list[tuple[str, int]], linkage: Linkage, at: int) -> bool:
    opname, arg = loads[at]
    if opname in _GLOBAL_LOADS:
        definition = linkage.bound.get(code.co_names[arg >> (opname == "LOAD_GLOBAL")])
        return definition is not None and definition.kind == "class"
    if opname in ("LOAD_ATTR", "LOAD_DEREF"):
        return "__class__" in (
            cpython.attribute_name(code, opname, arg) if opname == "LOAD_ATTR" else _variable(code, arg)
        )
    if opname.startswith(("LOAD_FAST", "STORE_FAST")):
        last = arg & 15 if opname.count("FAST") > 1 and "LOAD_FAST_AND" not in opname else arg
        name = code.co_varnames[last] if last < len(code.co_varnames) else ""
        return name in _CLASS_NAMES
    return opname == "CALL" and arg == 1 and "type" in code.co_names


def _variable(code: CodeType, index: int) -> str:
    names = (*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames), *code.co_freevars)
    return names[index] if index < len(names) else ""
