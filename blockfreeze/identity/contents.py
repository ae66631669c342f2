"""What objects held when the bodies of a generation had run: what they hold beside that, others have put in since.

It is recorded for the containers that modules and classes hold, for objects of the block's own classes, and for what
is inside of those. A record keeps nothing alive but containers, functions, classes and values that hold nothing. So it
refers weakly to other objects, or knows only their ids.
"""

from __future__ import annotations

import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from itertools import chain
from types import BuiltinFunctionType, FunctionType, MappingProxyType, ModuleType
from typing import Any

from blockfreeze.core.filling import dispatches, filling
from blockfreeze.core.safe_access import ABSENT, ATOMS, is_a
from blockfreeze.identity.equality import attributes_of, is_transparent

CONTAINERS = (dict, list, set, deque, OrderedDict, defaultdict, Counter)

_ATOMS = frozenset(ATOMS)

_KEPT_AS_THEY_ARE = frozenset({*ATOMS, FunctionType, BuiltinFunctionType, ModuleType, type})

_ENOUGH = 100_000  # objects of one generation: what is beyond is compared with what it holds now


class _Reference(weakref.ref[Any]):
    """A weak reference of a record; a program's own are no such."""

    __slots__ = ()


class _Named:
    """An object to which nothing can refer weakly, known by its id."""

    __slots__ = ("at",)

    def __init__(self, at: int) -> None:
        self.at = at


_UNCERTAIN = frozenset({_Reference, _Named})


class _List(list[Any]):
    """The contents of an object as they were; searches for those who hold something pass its kind over."""

    __slots__ = ()


class Held:
    """What one object held: its items (of a mapping by turns the keys and values), and its attributes likewise."""

    __slots__ = ("attributes", "items", "size", "thing")

    def __init__(self, value: Any, attributes: dict[str, Any]) -> None:
        measured = filling(value)
        self.thing = value if type(value) in CONTAINERS else _mark(value)
        self.items = marked(items_of(value))
        self.attributes = marked(items_of(attributes))
        self.size = 0 if measured is None else measured.size

    def is_of(self, value: Any) -> bool:
        """Tell whether this is what `value` held, and not an object that had its place in memory before."""
        return meant(self.thing, value) is value


def _mark(value: Any) -> Any:
    if type(value) in _KEPT_AS_THEY_ARE or is_a(value, type) or type(value) in CONTAINERS:
        return value
    if type(value) is tuple and all(_mark(one) is one for one in value):
        return value
    try:
        return _Reference(value)
    except TypeError:
        return _Named(id(value))


def marked(values: Iterable[Any]) -> list[Any]:
    """Return what stands for values in a record."""
    found = _List(values)
    if set(map(type, found)) <= _KEPT_AS_THEY_ARE:
        return found
    return _List(_each_once(_mark, found))


def _each_once(function: Callable[[Any], Any], values: Collection[Any]) -> Iterator[Any]:
    """Return what a function makes of each value, called once for each object: large tables have few that differ."""
    once = dict(zip(map(id, values), values, strict=True))
    made = dict(zip(once, map(function, once.values()), strict=True))
    return map(made.__getitem__, map(id, values))


def meant(mark: Any, now: Any) -> Any:
    """Return the object that a record means, `now` if it is that one; `ABSENT` if it is not known any more."""
    if type(mark) is _Reference:
        found = mark()
        return ABSENT if found is None else found
    if type(mark) is _Named:
        return now if id(now) == mark.at else ABSENT
    return mark


def meant_by(marks: Collection[Any], now: Iterable[Any]) -> list[Any]:
    """Return the objects that a record means, in its order, given those that are there now."""
    if _UNCERTAIN.isdisjoint(map(type, marks)):
        return list(marks)
    known = {id(one): one for one in now}
    return list(
        _each_once(lambda mark: meant(mark, known.get(mark.at, ABSENT) if type(mark) is _Named else ABSENT), marks)
    )


def identity_of(value: Any) -> Hashable:
    """Return what two things have in common that count as one: the same object, or equal values that hold nothing."""
    return (type(value), value) if is_a(value, ATOMS) else id(value)


def items_of(value: Any) -> list[Any]:
    """Return what a container holds, of a mapping by turns the keys and values, by the methods of built-in classes."""
    if is_a(value, dict):
        return list(chain.from_iterable(list(dict.items(value))))
    if type(value) is MappingProxyType:
        return list(chain.from_iterable(list(value.items())))
    kinds: tuple[Any, ...] = (tuple, list, set, deque)
    return next((list(kind.__iter__(value)) for kind in kinds if is_a(value, kind)), [])


class Dispatch:
    """The registrations of a function that `functools.singledispatch` has made, whose code may be exchanged later."""

    __slots__ = ("register", "registry")

    def __init__(self, function: Any) -> None:
        self.registry = function.__dict__["registry"]
        self.register = function.__dict__["register"]


def container_of(value: Any) -> Any:
    """Return what has the items of a value: of a single-dispatch function its registry."""
    if type(value) is Dispatch:
        return value.registry
    return value.__dict__["registry"] if dispatches(value) else value


def record(left: dict[int, Held], before: dict[int, Held], roots: Iterable[Any], kinds: Collection[type]) -> None:
    """Enter into `left` what the roots hold, and what is inside of them.

    Args:
        before: what was recorded for the generation before: an object that is in there has its record already.
        kinds: the classes whose instances are entered.
    """
    todo = list(roots)
    seen: dict[int, Any] = {}  # many things are in a table more than once
    while todo and len(left) < _ENOUGH:
        value = todo.pop()
        if type(value) in (FunctionType, Dispatch):
            value = container_of(value)
        kind = type(value)
        if kind in _KEPT_AS_THEY_ARE or id(value) in seen:
            continue
        seen[id(value)] = value
        own = kind in kinds and "_member_map_" not in kind.__dict__ and is_transparent(kind)
        known = id(value) in left and left[id(value)].is_of(value)
        if known or not (own or kind in (*CONTAINERS, MappingProxyType) or filling(value) is not None):
            continue
        earlier = before.get(id(value))
        held = earlier if earlier is not None and earlier.is_of(value) else None
        left[id(value)] = held = held or Held(value, attributes_of(value) if own else {})
        for part in (held.items, held.attributes):
            if not set(map(type, part)) <= _KEPT_AS_THEY_ARE:
                todo += [meant(mark, None) for mark in _holding(part)]


def is_as_left(value: Any, left: Mapping[int, Held], known: set[int] | None = None) -> bool:
    """Tell whether an object, and what is inside of it, holds what was recorded; so does what is in no record.

    Args:
        known: the ids of what was found to do so just now; is given more of them.
    """
    seen = set(known or ())
    todo = [value]
    while todo:
        value = container_of(todo.pop())
        held = left.get(id(value))
        if id(value) in seen or held is None or not held.is_of(value):
            continue
        seen.add(id(value))
        measured = filling(value)
        own = items_of(attributes_of(value)) if held.attributes else []
        for was, now in ((held.items, items_of(value)), (held.attributes, own)):
            if len(was) != len(now) or not _are_meant(was, now):
                return False
            if not set(map(type, was)) <= _KEPT_AS_THEY_ARE:
                todo += _holding(now)
        if not held.items and measured is not None and measured.size != held.size:
            return False
    if known is not None:
        known |= seen
    return True


def _are_meant(marks: list[Any], now: list[Any]) -> bool:
    others = {(id(mark), id(one)): (mark, one) for mark, one in zip(marks, now, strict=True) if mark is not one}
    return all(meant(mark, one) is one for mark, one in others.values())


def _holding(values: Iterable[Any]) -> Iterable[Any]:
    """Return those of the values that may hold something, each once."""
    return {id(one): one for one in values if type(one) not in _ATOMS}.values()
