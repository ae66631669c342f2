"""The functions of a class's body that its attributes hold without being them: in objects, tables and wrappers.

A decorator has put them there, and a registry outside may hold what it made. So they are entries, as methods are.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping
from functools import WRAPPER_ASSIGNMENTS, cached_property, partial
from types import FunctionType, ModuleType
from typing import Any

from blockfreeze.core.safe_access import (
    ATOMS,
    HEAP_TYPE,
    cell_content,
    compiles_bytecode,
    is_a,
    is_our_own,
    module_of,
    own_attribute,
)
from blockfreeze.identity.layout import own_slots
from blockfreeze.identity.methods import is_own, is_patched, method_function
from blockfreeze.identity.versioned_attribute import outward_value
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import wrapped

_HELD_IN = ("__func__", "__wrapped__", "fget", "fset", "fdel", "func", "args")

_IN_PROPERTIES = ("/fget", "/fset", "/fdel", "/func")

_CONSTANTS = frozenset({*ATOMS, type, ModuleType})
"""Types of what holds no function that would count."""

_OF_ANY_FUNCTION = frozenset(WRAPPER_ASSIGNMENTS) | {"__annotate__", "__annotations__"}
"""What a static or class method has from its function, whatever that is."""

_COLLECTIONS = frozenset({tuple, list, dict, set, frozenset})

_LEVELS = 3
"""How far into objects and containers a method is looked for; into functions, without a limit."""


def wrapped_functions(generation: Generation, path: str, value: Any) -> dict[str, FunctionType]:
    """Return the functions of a class's body that an attribute holds without being one, by where it holds them.

    A decorator has put them there: into an object (a command, a property), a table, or the closure of a wrapper.

    Args:
        path: that of the class.
    """
    block, by_globals, found = generation.block, generation.block.by_globals, dict[str, FunctionType]()
    if holds_none(by_globals, value):
        return found
    seen = {id(value)}
    todo = [("", value, _LEVELS)]
    while todo:
        where, one, levels = todo.pop()
        if is_a(one, FunctionType):
            home, is_method = by_globals.get(id(one.__globals__)), _is_method_of(path, one)
            # What makers have wrapped for an earlier generation, maybe one that is gone, is an entry.
            is_entry = is_method and block.entry_of(one) is not None
            if where and is_method and (home is generation or is_entry):
                found[where] = one
            if home is not None or is_entry:
                continue
        levels -= not is_a(one, (FunctionType, staticmethod, classmethod, property))
        for name, part in _held_in(one) if levels >= 0 else ():
            if not _holds_constants(part) and id(part) not in seen:
                seen.add(id(part))
                todo.append((f"{where}/{name}", part, levels))
    return found


def holds_none(by_globals: Mapping[int, Generation], value: Any) -> bool:
    """Tell whether an attribute is a plain method of a block, or holds constants: no other function."""
    if type(value) is FunctionType:
        return id(value.__globals__) in by_globals
    return _holds_constants(value)


def _holds_constants(value: Any) -> bool:
    kind = type(value)
    return kind in _CONSTANTS or (kind in _COLLECTIONS and _CONSTANTS.issuperset(map(type, gc.get_referents(value))))


def _is_method_of(path: str, function: FunctionType) -> bool:
    return function.__code__.co_qualname.rpartition(".")[0] == path


def _held_in(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an object holds, by name; nothing of classes, modules and our own objects."""
    kind = type(value)
    if issubclass(kind, (*ATOMS, type, ModuleType)) or is_our_own(module_of(kind)) or compiles_bytecode(kind):
        return
    if kind in (list, tuple):
        yield from ((str(at), one) for at, one in enumerate(list(value)))
    elif kind is dict:
        yield from ((str(key), one) for key, one in list(value.items()) if type(key) in ATOMS)
    elif is_a(value, FunctionType):
        yield from zip(value.__code__.co_freevars, map(cell_content, value.__closure__ or ()), strict=True)
    elif module_of(kind) == "typing":  # in annotations: what else such an object has are names, and typing's own
        yield from ((name, own_attribute(value, name)) for name in ("__args__", "__metadata__"))
        return
    if kind not in (list, tuple, dict):
        own = own_attribute(value, "__dict__")
        yield from list(own.items()) if is_a(own, dict) else ()
        # Only where there are any: an enumeration has as many attributes as there are members to be asked for theirs.
        names = [name for cls in kind.__mro__ if "__slots__" in cls.__dict__ for name in own_slots(cls)]
        if issubclass(kind, (staticmethod, classmethod, property, partial)) or not kind.__flags__ & HEAP_TYPE:
            names += _HELD_IN
        yield from ((name, own_attribute(value, name)) for name in names)


def leads_to(value: Any, wanted: Any) -> bool:
    """Tell whether `wanted` is held by `value`: by a wrapper around it, a bound method or the like."""
    seen, todo = {id(value)}, [(value, _LEVELS)]
    while todo:
        one, levels = todo.pop()
        levels -= not is_a(one, FunctionType)
        for _, part in _held_in(one) if levels >= 0 else ():
            if part is wanted:
                return True
            if id(part) not in seen:
                seen.add(id(part))
                todo.append((part, levels))
    return False


def serve_wrapped(generation: Generation, members: Collection[str]) -> None:
    """Let the functions that decorators have put into attributes of classes serve the entries of their names.

    A registry outside may hold what a decorator made of a method, and through it the function: that is an entry. Where
    the new version's decorator keeps its function elsewhere, the only one of the attribute serves.
    """
    classes = generation.classes
    for entry in tuple(generation.block.slots):
        if entry.where and entry.member in members and entry not in generation.locals:
            path, _, name = entry.plain_path.rpartition(".")
            cls = classes.named.get((entry.member, path))
            value = classes.values.get(cls, {}).get(name) if cls is not None else None
            found = wrapped_functions(generation, path, value)
            alone = {id(one): one for one in (found.values() or [method_function(value)])}
            serves: Any = found.get(entry.where) or (next(iter(alone.values())) if len(alone) == 1 else None)
            if serves is not entry.function and is_own(generation.block, serves):
                generation.locals[entry] = serves


def live_wrapped(block: Block, generation: Generation) -> Iterator[tuple[str, str, FunctionType]]:
    """Yield the functions that attributes of a generation's classes hold: the module, the path of the entry, and it.

    Not those of plain properties: whoever reads one reads it from the class, which has one of each version.

    Each once: as what is held in the attribute of its own name, if it is there too.
    """
    by_globals = block.by_globals
    for (module, path), cls in list(generation.classes.named.items()):  # another thread may be importing a module
        if cls not in generation.classes.values:
            continue
        values = {
            name: live if type(live) is FunctionType else outward_value(live, generation)
            for name, live in list(cls.__dict__.items())
            if name not in ("__dict__", "__weakref__")
            and not (block.patchable and is_patched(block, generation, cls, name))
        }
        found = [
            (where, function, name)
            for name, value in values.items()
            if not (type(value) is FunctionType and id(value.__globals__) in by_globals)  # most are methods
            and not _is_read_from_the_class(by_globals, value)
            for where, function in wrapped_functions(generation, path, value).items()
            if where not in _IN_PROPERTIES or type(value) not in (property, cached_property)
        ]
        passed = {id(method_function(value)) for value in values.values()} if found else set()
        for where, function, name in sorted(found, key=lambda one: one[1].__code__.co_name != one[2]):
            if id(function) not in passed:
                passed.add(id(function))
                yield module, wrapped(f"{path}.{name}", where), function


def _is_read_from_the_class(by_globals: Mapping[int, Generation], value: Any) -> bool:
    """Tell of most attributes that they hold no function of the block but in the usual way, or none at all."""
    kind = type(value)
    if kind is property:
        parts = [value.fget, value.fset, value.fdel]
    elif (kind is staticmethod or kind is classmethod) and value.__dict__.keys() <= _OF_ANY_FUNCTION:
        parts = [value.__func__]
    else:
        return holds_none(by_globals, value)
    return all(one is None or (type(one) is FunctionType and id(one.__globals__) in by_globals) for one in parts)
