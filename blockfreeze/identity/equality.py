"""Which values are the same: interchangeable, or distinguished by nothing but their identity."""

from __future__ import annotations

import builtins
import contextlib
import threading
from contextvars import ContextVar
from types import FunctionType, MemberDescriptorType
from typing import Any, NewType, ParamSpec, TypeVar, TypeVarTuple

from blockfreeze.core.safe_access import ABSENT, ATOMS, FROZEN_DICTS, HEAP_TYPE, cell_content, is_a, own_attribute

CONTAINERS = (tuple, list, dict, set)

# Objects that are nothing but an identity: they have no contents, or only who holds them or waits for them. Old calls
# and new ones must mean the same one.
IDENTITIES = frozenset(
    {
        *(object, ContextVar, threading.local, type(threading.Lock()), type(threading.RLock())),
        *(threading.Barrier, threading.BoundedSemaphore, threading.Condition, threading.Event, threading.Semaphore),
        *(TypeVar, TypeVarTuple, ParamSpec, NewType),
        *filter(None, [getattr(builtins, "sentinel", None)]),  # PEP 661, new in 3.15
    }
)


def same(before: Any, after: Any) -> bool:
    """Tell whether two values are interchangeable: one object, or equal and immutable all through."""
    if before is after:
        return True
    if type(before) is not type(after):
        return False
    if type(before) in (float, complex):
        return repr(before) == repr(after)  # zero has two signs, and NaN is what it is though it does not equal itself
    if is_a(before, ATOMS):
        return bool(before == after)
    if type(before) is frozenset:
        return before == after and all(type(one) in ATOMS for one in before)
    if type(before) in FROZEN_DICTS:
        return same(tuple(before.items()), tuple(after.items()))
    return type(before) is tuple and len(before) == len(after) and all(map(same, before, after))


def made_alike(before: Any, after: Any) -> bool:
    """Tell whether each of two objects is of a class that one function has made for it alone, and holds the same.

    Factories of sentinels do that: ``MISSING = sentinel("MISSING")`` defines a class in `sentinel` and instantiates it.
    """
    one, other = type(before), type(after)
    if one is other or "<locals>" not in one.__qualname__ or not (is_transparent(one) and is_transparent(other)):
        return False
    if type(one) is not type(other) or one.__bases__ != other.__bases__:
        return False
    classes = [{k: v for k, v in vars(kind).items() if k not in ("__dict__", "__weakref__")} for kind in (one, other)]
    return all(
        list(was) == list(now) and all(map(_says_the_same, was.values(), now.values()))
        for was, now in (classes, (attributes_of(before), attributes_of(after)))
    )


def has_taken_its_class_name(before: Any, after: Any, name: str) -> bool:
    """Tell whether two empty objects have the name of their class: ``class Missing: ...; Missing = Missing()``."""
    one, other = type(before), type(after)
    if not one.__qualname__ == other.__qualname__ == name or one.__module__ != other.__module__:
        return False
    return is_transparent(one) and is_transparent(other) and not _holds_any(before) and not _holds_any(after)


def _holds_any(value: Any) -> bool:
    in_dictionary = bool(own_attribute(value, "__dict__"))  # asked first: the search for slots goes through its classes
    return in_dictionary or bool(attributes_of(value)) or (is_a(value, CONTAINERS) and len(value) > 0)


def _says_the_same(one: Any, other: Any) -> bool:
    if not (is_a(one, FunctionType) and is_a(other, FunctionType)):
        return same(one, other)
    if one.__code__ is not other.__code__ or one.__globals__ is not other.__globals__:
        return False
    was, now = ([cell_content(cell) for cell in function.__closure__ or ()] for function in (one, other))
    if any(one is ABSENT for one in (*was, *now)):  # a variable that was not set
        return False
    return all(map(same, was, now)) and same(one.__defaults__, other.__defaults__)


def is_transparent(kind: type) -> bool:
    """Tell whether all that instances hold can be seen: in a dictionary, in slots, and as items of a container."""
    return all(base is object or base in CONTAINERS or base.__flags__ & HEAP_TYPE for base in kind.__mro__)


def attributes_of(instance: Any) -> dict[str, Any]:
    """Return the attributes of an instance, by name; of a slot, with the class in front."""
    found = dict(own_attribute(instance, "__dict__", {}))
    for base in type(instance).__mro__[:-1]:
        if base in CONTAINERS:
            continue  # the built-in ones have no slots; what they hold are items
        if base.__base__ is not None and base.__basicsize__ == base.__base__.__basicsize__:
            continue  # it has no slots of its own: they would take room
        for name, slot in list(base.__dict__.items()):
            if is_a(slot, MemberDescriptorType):
                with contextlib.suppress(AttributeError):  # a slot that was not filled
                    found[f"{base.__qualname__}.{name}"] = slot.__get__(instance)
    return found
