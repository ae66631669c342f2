"""Whether a class can stay the class: what of its shape cannot be replaced, and which values are the same."""

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

# What has no contents of its own, or whose contents are who holds it or waits for it: old calls and new ones must mean
# the same one.
IDENTITIES = frozenset(
    {
        *(object, ContextVar, threading.local, type(threading.Lock()), type(threading.RLock())),
        *(threading.Barrier, threading.BoundedSemaphore, threading.Condition, threading.Event, threading.Semaphore),
        *(TypeVar, TypeVarTuple, ParamSpec, NewType),
    }
)


def same(before: Any, after: Any) -> bool:
    """Tell whether two class attributes are interchangeable: one object, or equal and immutable all through."""
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

    So factories of sentinels work: what they hand out has a class of its own, and nothing but names in it.
    """
    one, other = type(before), type(after)
    if one is other or "<locals>" not in one.__qualname__ or not (_is_plain(one) and _is_plain(other)):
        return False
    if type(one) is not type(other) or one.__bases__ != other.__bases__:
        return False
    ignored = {"__dict__", "__weakref__"}
    pairs = [({k: v for k, v in vars(kind).items() if k not in ignored}, _contents(it)) for kind, it in
             ((one, before), (other, after))]  # fmt: skip
    return all(
        list(was) == list(now) and all(map(_says_the_same, was.values(), now.values()))
        for was, now in zip(*pairs, strict=True)
    )


def has_taken_its_class_name(before: Any, after: Any, name: str) -> bool:
    """Tell whether two objects without contents have taken the name of their classes, and are all of their kinds."""
    one, other = type(before), type(after)
    alike = one.__qualname__ == other.__qualname__ == name and one.__module__ == other.__module__
    return alike and _is_plain(one) and _is_plain(other) and not _holds(before) and not _holds(after)


def _holds(value: Any) -> bool:
    return bool(_contents(value)) or (is_a(value, _CONTAINERS) and len(value) > 0)


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
    """Tell whether nothing but identity distinguishes two objects: all that they hold is the same, all through.

    Args:
        before: the object that is there already.
        after: the other one.
        kinds: the classes whose instances are entered; of other objects only containers are.
        replace: what stands for an object that `after` may hold, by its id.

    Returns:
        by their ids, the objects with an identity that `after` is made of, and what `before` has in their places;
        None if something distinguishes the two.
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
        parts = _parts(one, other, kinds)
        if parts is None:
            return None
        todo += parts
    return None if todo else found


def holds_the_same(before: Any, after: Any, replace: Mapping[int, Any]) -> bool:
    """Tell whether two values, or containers of such, hold the same, all through; see `counterparts`."""
    return counterparts(before, after, (), replace) is not None


def _parts(one: Any, other: Any, kinds: Collection[type]) -> list[tuple[Any, Any]] | None:
    """Pair what two objects of one type hold; None if it is not the same, or cannot be seen."""
    kind, pairs = type(one), list[tuple[Any, Any]]()
    if kind in IDENTITIES:
        return pairs
    if kind in kinds and _is_plain(kind):
        was, now = _contents(one), _contents(other)
        if list(was) != list(now) and not (_is_value(kind) and was.keys() >= now.keys()):
            return None
        pairs += ((was[name], value) for name, value in now.items())
    elif kind not in _CONTAINERS:
        return None
    if is_a(one, set):
        inside = _paired(one, other, kinds)
        if inside is None:
            return None
        pairs += inside
    held, holds = _items(one), _items(other)
    return [*pairs, *zip(held, holds, strict=True)] if len(held) == len(holds) else None


def _is_value(kind: type) -> bool:
    """Tell whether instances are told apart by a value: what they hold besides are others that were made from them."""
    return issubclass(kind, tuple) and kind.__eq__ is tuple.__eq__ and kind.__hash__ is tuple.__hash__


def _paired(one: set[Any], other: set[Any], kinds: Collection[type]) -> list[tuple[Any, Any]] | None:
    """Pair the elements of two sets of constants, or of values; of the latter the first set may have more."""
    found = {item: item for item in set.__iter__(other) if type(item) in ATOMS or type(item) in kinds}
    if len(found) < set.__len__(other) or not all(type(item) in ATOMS or _is_value(type(item)) for item in found):
        return None
    mine = {item: item for item in set.__iter__(one) if type(item) in ATOMS or _is_value(type(item))}
    more = set.__len__(one) > len(found) and any(type(item) in ATOMS for item in mine)
    if more or not mine.keys() >= found.keys() or len(mine) < set.__len__(one):
        return None
    return [(mine[item], item) for item in found]


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
