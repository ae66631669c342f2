"""Redirecting the attributes of one class, whose statement has just been executed, from its shadow to the class."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Final
from weakref import ReferenceType

from blockfreeze.core.safe_access import ABSENT, ATOMS, cell_content, is_a
from blockfreeze.identity.class_attributes import METADATA
from blockfreeze.identity.redirect import redirect

_ATOM_TYPES: Final = frozenset(ATOMS)

_COLLECTIONS: Final = frozenset({dict, frozenset, list, set, tuple})

_NOTHING_NEW: Final = (*ATOMS, ModuleType, type, type(ABSENT))
"""Types of what a walk does not enter."""

_NEVER_ENTERED: Final = (type, ModuleType, CodeType, FrameType)

_NEAR: Final = 1000
"""Objects: to look at more takes as long as the walk."""


def redirect_class(values: dict[str, Any], shadow: type, cls: type) -> None:
    """Replace `shadow` by `cls` in everything that the attributes of a class reach.

    Nearly all are functions that refer to their class by the cell for ``super()`` at most. Those need no walk.
    """
    within = f"{shadow.__qualname__}."
    others: dict[str, Any] = {}
    reached: list[Any] = []
    for name, value in values.items():
        # What only inspection reads can wait: the whole generation is redirected when it is complete.
        if name in METADATA or type(value) in _ATOM_TYPES or (type(value) in _COLLECTIONS and _is_flat(value, shadow)):
            continue
        functions = _functions_in(value)
        if functions is None or any(one.__dict__ for one in functions):
            others[name] = value
            continue
        for function in functions:
            reached += _replaced_in_cells(function, shadow, cls, within)
            for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
                if default is shadow or not is_a(default, _NOTHING_NEW):
                    others[name] = value
    if (others or reached) and _may_lead_to(shadow, [*others.values(), *reached]):
        redirect([others, reached], {id(shadow): cls}, within=within)
        values.update(others)


def _may_lead_to(shadow: type, objects: list[Any]) -> bool:
    """Tell whether `objects` lead to `shadow`, as far as the collector shows it; they may if it is far to look.

    What is on the way is what a walk enters, and more. The collector does not show what is referred to weakly.
    """
    seen: set[int] = set()
    level = objects
    while level:
        found: list[Any] = []
        plain: list[Any] = []
        for one in level:
            kind = type(one)
            if id(one) in seen or kind in _ATOM_TYPES or issubclass(kind, _NEVER_ENTERED):
                if one is shadow:
                    return True
                continue
            if issubclass(kind, ReferenceType):
                return True
            seen.add(id(one))
            if kind is FunctionType:
                found += (one.__closure__, one.__defaults__, one.__kwdefaults__, one.__dict__)
            else:
                plain.append(one)
        found += gc.get_referents(*plain)
        if len(seen) > _NEAR:
            return True
        level = found
    return False


def _is_flat(collection: Any, shadow: type) -> bool:
    """Tell whether a collection holds constants and classes alone, and not `shadow`: names, annotations."""
    return all(is_a(one, _NOTHING_NEW) and one is not shadow for one in gc.get_referents(collection))


def _functions_in(value: Any) -> list[FunctionType] | None:
    """Return the functions that an attribute is or holds in the usual way; None if it is something else."""
    kind = type(value)
    if kind is FunctionType:
        return [value]
    if kind is property:
        found = [one for one in (value.fget, value.fset, value.fdel) if one is not None]
    elif kind in (staticmethod, classmethod):
        found = [value.__func__]
    else:
        return None
    return found if all(type(one) is FunctionType for one in found) else None


def _replaced_in_cells(function: FunctionType, shadow: type, cls: type, within: str) -> Iterator[Any]:
    """Let the cells of a function that hold `shadow` hold `cls`; yield what they hold that may lead to it."""
    for cell in function.__closure__ or ():
        content = cell_content(cell)
        if content is shadow:
            cell.cell_contents = cls
        elif is_a(content, FunctionType):
            if content.__qualname__.startswith(within):
                yield content
        else:
            held = content.__self__ if type(content) is BuiltinFunctionType else content
            if held is shadow or not is_a(held, _NOTHING_NEW):
                yield content
