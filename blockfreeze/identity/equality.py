"""Which values are the same: interchangeable, or distinguished by nothing but their identity."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from types import FunctionType, MemberDescriptorType
from typing import Any, NewType, ParamSpec, TypeVar, TypeVarTuple

from blockfreeze.core.safe_access import ABSENT, ATOMS, HEAP_TYPE, cell_content, is_a, own_attribute

_CONTAINERS = (tuple, list, dict, set)

_ENOUGH = 10_000  # pairs of objects: to compare more costs more than an identity is worth

# Objects that are nothing but an identity: they have no contents, or only who holds them or waits for them. Old calls
# and new ones must mean the same one.
IDENTITIES = frozenset(
    {
        *(object, ContextVar, threading.local, type(threading.Lock()), type(threading.RLock())),
        *(threading.Barrier, threading.BoundedSemaphore, threading.Condition, threading.Event, threading.Semaphore),
        *(TypeVar, TypeVarTuple, ParamSpec, NewType),
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
    return type(before) is tuple and len(before) == len(after) and all(map(same, before, after))


def made_alike(before: Any, after: Any) -> bool:
    """Tell whether each of two objects is of a class that one function has made for it alone, and holds the same.

    Factories of sentinels do that: ``MISSING = sentinel("MISSING")`` defines a class in `sentinel` and instantiates it.
    """
    one, other = type(before), type(after)
    if one is other or "<locals>" not in one.__qualname__ or not (_is_plain(one) and _is_plain(other)):
        return False
    if type(one) is not type(other) or one.__bases__ != other.__bases__:
        return False
    classes = [{k: v for k, v in vars(kind).items() if k not in ("__dict__", "__weakref__")} for kind in (one, other)]
    return all(
        list(was) == list(now) and all(map(_says_the_same, was.values(), now.values()))
        for was, now in (classes, (_contents(before), _contents(after)))
    )


def has_taken_its_class_name(before: Any, after: Any, name: str) -> bool:
    """Tell whether two empty objects have the name of their class: ``class Missing: ...; Missing = Missing()``."""
    one, other = type(before), type(after)
    if not one.__qualname__ == other.__qualname__ == name or one.__module__ != other.__module__:
        return False
    return _is_plain(one) and _is_plain(other) and not _holds_any(before) and not _holds_any(after)


def _holds_any(value: Any) -> bool:
    in_dictionary = bool(own_attribute(value, "__dict__"))  # asked first: the search for slots goes through its classes
    return in_dictionary or bool(_contents(value)) or (is_a(value, _CONTAINERS) and len(value) > 0)


def _says_the_same(one: Any, other: Any) -> bool:
    if not (is_a(one, FunctionType) and is_a(other, FunctionType)):
        return same(one, other)
    if one.__code__ is not other.__code__ or one.__globals__ is not other.__globals__:
        return False
    was, now = ([cell_content(cell) for cell in function.__closure__ or ()] for function in (one, other))
    if any(one is ABSENT for one in (*was, *now)):  # a variable that was not set
        return False
    return all(map(same, was, now)) and same(one.__defaults__, other.__defaults__)


def counterparts(before: Any, after: Any, kinds: Collection[type], replace: Mapping[int, Any]) -> dict[int, Any] | None:
    """Compare two objects, and all that they hold: does anything but identity distinguish them?

    Example: ``Currency("EUR", [Coin(1), Coin(2)])`` from two versions, whose classes have not changed.

    Args:
        before: the object that is there already.
        after: the other one.
        kinds: the classes whose instances are entered; of other objects only containers are.
        replace: what stands for an object that `after` may hold, by its id.

    Returns:
        by the ids of the objects that `after` is made of, those that `before` is made of in the same way; None if
        something distinguishes the two.
    """
    found: dict[int, Any] = {}
    taken: dict[int, Any] = {}  # the other way round: what is one object here has to be one there
    seen: set[tuple[int, int]] = set()
    todo: list[tuple[Any, Any]] = [(before, after)]
    while todo and len(seen) < _ENOUGH:
        one, other = todo.pop()
        other = replace.get(id(other), other)
        if (id(one), id(other)) in seen or same(one, other):
            continue
        seen.add((id(one), id(other)))
        if type(one) is not type(other) or id(other) in found or id(one) in taken:
            return None
        if type(one) is not tuple:
            found[id(other)], taken[id(one)] = one, other
        pairs = _pairs(one, other, kinds)
        if pairs is None:
            return None
        todo += pairs
    return None if todo else found


def holds_the_same(before: Any, after: Any, replace: Mapping[int, Any]) -> bool:
    """Tell whether two values, or containers of such, hold the same, all through; see `counterparts`."""
    return counterparts(before, after, (), replace) is not None


def _pairs(one: Any, other: Any, kinds: Collection[type]) -> list[tuple[Any, Any]] | None:
    """Pair what two objects of one type hold; None if they differ already, or cannot be looked into."""
    kind = type(one)
    if kind in IDENTITIES:
        return []
    is_entered = kind in kinds and _is_plain(kind)
    if not is_entered and kind not in _CONTAINERS:
        return None
    attributes = _paired_attributes(one, other) if is_entered else []
    items = _paired_elements(one, other, kinds) if is_a(one, set) else _paired_items(one, other)
    return None if attributes is None or items is None else attributes + items


def _paired_attributes(one: Any, other: Any) -> list[tuple[Any, Any]] | None:
    was, now = _contents(one), _contents(other)
    if list(was) != list(now) and not (_is_value(type(one)) and was.keys() >= now.keys()):
        return None
    return [(was[name], value) for name, value in now.items()]


def _is_value(kind: type) -> bool:
    """Tell whether instances are told apart by their items, like types of tokens: ``Token("a", "b")``.

    Attributes that such an object has beside them are others that were made from it since; the old one may have more.
    """
    return issubclass(kind, tuple) and kind.__eq__ is tuple.__eq__ and kind.__hash__ is tuple.__hash__


def _paired_elements(one: set[Any], other: set[Any], kinds: Collection[type]) -> list[tuple[Any, Any]] | None:
    """Pair the elements of two sets of constants, or of values; of the latter the first set may have more."""
    was, now = list(set.__iter__(one)), list(set.__iter__(other))
    if not all(type(item) in ATOMS or _is_value(type(item)) for item in (*was, *now)):
        return None
    if not all(type(item) in ATOMS or type(item) in kinds for item in now):
        return None
    if len(was) > len(now) and any(type(item) in ATOMS for item in was):
        return None
    known = {item: item for item in was}
    return [(known[item], item) for item in now] if all(item in known for item in now) else None


def _paired_items(one: Any, other: Any) -> list[tuple[Any, Any]] | None:
    was, now = _items(one), _items(other)
    return list(zip(was, now, strict=True)) if len(was) == len(now) else None


def _items(value: Any) -> list[Any]:
    if is_a(value, dict):
        return [*dict.keys(value), *dict.values(value)]
    if is_a(value, list):
        return list(list.__iter__(value))
    return list(tuple.__iter__(value)) if is_a(value, tuple) else []


def _is_plain(kind: type) -> bool:
    """Tell whether all that instances hold can be seen: in a dictionary, in slots, and as items of a container."""
    return all(base is object or base in _CONTAINERS or base.__flags__ & HEAP_TYPE for base in kind.__mro__)


def _contents(instance: Any) -> dict[str, Any]:
    found = dict(own_attribute(instance, "__dict__", {}))
    for base in type(instance).__mro__[:-1]:
        for name, slot in list(base.__dict__.items()):
            if is_a(slot, MemberDescriptorType):
                with contextlib.suppress(AttributeError):  # a slot that was not filled
                    found[f"{base.__qualname__}.{name}"] = slot.__get__(instance)
    return found
