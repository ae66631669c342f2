"""Which attributes the methods of a class assign to instances, in one generation or in two."""

from __future__ import annotations

import dis
from types import CodeType, FunctionType
from typing import Any

from blockfreeze.core.safe_access import is_a
from blockfreeze.identity.methods import has_one_origin, method_function
from blockfreeze.linking.cpython import instructions
from blockfreeze.model.block import Generation

_FIELDS = ("__dataclass_fields__", "__attrs_attrs__")

_STORE_ATTR = dis.opmap["STORE_ATTR"]

_CONSTRUCTORS = ("__new__", "__init__", "__post_init__", "__attrs_post_init__")


def _values(generation: Generation, cls: type) -> dict[str, Any]:
    """Return the attributes of `cls` in `generation`, with the methods that do the work: once armed, its copies."""
    return {**generation.classes.values[cls], **generation.classes.copies.get(cls, {})}


def _assigned(values: dict[str, Any]) -> set[str]:
    """Return the attributes that the methods among `values` assign to their first argument, and declared fields."""
    names = _declared(values)
    for value in values.values():
        function = method_function(value)
        if is_a(function, FunctionType) and type(value) is not classmethod and function.__code__.co_argcount:
            names |= _assigned_to_first(function.__code__)
    return names


def _declared(values: dict[str, Any]) -> set[str]:
    return {*values.get("__dataclass_fields__", ()), *(one.name for one in values.get("__attrs_attrs__", ()))}


def _assigned_to_first(code: CodeType) -> set[str]:
    found: set[str] = set()
    if _STORE_ATTR not in code.co_code[::2]:  # as in most functions
        return found
    before: tuple[str, int] = ("", 0)
    for opname, arg in instructions(code):
        if opname == "STORE_ATTR":
            name, local = before
            # Since 3.13 two loads may be one instruction, the second one in the lower four bits.
            index = local & 15 if name.count("FAST") > 1 and "AND_CLEAR" not in name else local
            if "LOAD_FAST" in name and index == 0:
                found.add(code.co_names[arg])
        if opname not in ("EXTENDED_ARG", dis.opname[0]):
            before = opname, arg
    return found


def assigned_in(generation: Generation, cls: type) -> set[str]:
    """Return the attributes that methods of `cls` assign to instances in `generation`, and that no class has."""
    values = _values(generation, cls)
    return {
        name
        for name in _assigned(values)
        if name not in values and not any(name in one.__dict__ for one in cls.__mro__[1:])
    }


def assigned_by_constructors(generation: Generation, cls: type) -> set[str]:
    """Return what of `assigned_in` the class's own constructor assigns, or a method that it may call."""
    values = _values(generation, cls)
    called, todo = set[str](), [name for name in _CONSTRUCTORS if name in values]
    while todo:
        name = todo.pop()
        called.add(name)
        function = method_function(values[name])
        names = function.__code__.co_names if is_a(function, FunctionType) else ()
        todo += [one for one in names if one in values and one not in called]
    called.update(name for name in _FIELDS if name in values)
    return assigned_in(generation, cls) & _assigned({name: values[name] for name in called})


def gained_attributes(before: Generation, after: Generation) -> dict[type, set[str]]:
    """Return, for each class of both generations, what instances made by `before` may lack in `after`."""
    gained: dict[type, set[str]] = {}
    for cls in [cls for cls in list(after.classes.values) if cls in before.classes.values]:
        was = _values(before, cls)
        if not _is_written_alike(was, after.classes.values[cls]):
            names = assigned_in(after, cls) - _assigned(was)
            if names:
                gained[cls] = names
    return gained


def _is_written_alike(was: dict[str, Any], now: dict[str, Any]) -> bool:
    """Tell whether all methods of a class are as they were written before, so that they assign the same attributes."""
    for name, value in now.items():
        kind = type(value)
        if kind is staticmethod or kind is FunctionType:
            function, other = method_function(value), was.get(name)
            if kind is not type(other) or not has_one_origin(function, method_function(other)):
                return False
    return _declared(now) <= _declared(was)


def has_attribute(instance: Any, name: str) -> bool:
    """Tell whether `instance` has an attribute of its own or of its class, without asking its ``__getattr__``."""
    try:
        object.__getattribute__(instance, name)
    except AttributeError:
        return False
    return True
