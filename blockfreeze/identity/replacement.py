"""Replacing one object by another, also inside of what cannot be changed.

Tuples, bound methods, weak references, views of mappings and wrappers are made once more around the other object.
"""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Mapping
from types import BuiltinMethodType, MappingProxyType, MethodType, MethodWrapperType
from typing import Any
from weakref import KeyedRef, ReferenceType, WeakMethod

from blockfreeze.core.safe_access import ATOMS, FROZEN, FROZEN_DICTS, is_a

BOUND = (MethodType, BuiltinMethodType, MethodWrapperType)

_VIEW_METHODS: Mapping[type, Any] = {
    type(method(kind())): method for kind in (dict, OrderedDict) for method in (kind.keys, kind.values, kind.items)
}
"""What makes a view of a dictionary, by the view's type."""

VIEWS: tuple[type, ...] = (MappingProxyType, *_VIEW_METHODS)
"""Types of what shows a mapping that changes, and has nothing of its own."""

_LEADING_ON = (ReferenceType, WeakMethod, *BOUND)

_WEAK = (ReferenceType, KeyedRef)

_ATOM_TYPES = frozenset(ATOMS)

_REBUILT_TYPES = (*FROZEN, staticmethod, classmethod, ReferenceType, WeakMethod, *BOUND, *VIEWS)


class Replacement:
    """Which objects are replaced by which, and what has been found on the way to them.

    Args:
        replace: the other object, by the id of the one that is to be replaced.
    """

    def __init__(self, replace: Mapping[int, Any]) -> None:
        self.replace = replace
        self.seen: dict[int, Any] = {}  # by id; held, so that no other object gets the id meanwhile
        self.todo: list[Any] = []  # what is to be entered; what was replaced too, since it serves in its generation
        self._views: dict[int, tuple[Any, Any]] = {}  # by the id of each: it, and what stands for it
        self._changeable: set[type] = set()  # types that are known not to be `_REBUILT_TYPES`

    def holds_none(self, values: list[Any]) -> bool:
        """Tell whether none of `values` is to be replaced, nor of a type that `new` may make once more."""
        if not self.replace.keys().isdisjoint(map(id, values)):
            return False
        kinds = set(map(type, values))
        if not kinds <= self._changeable:
            self._changeable.update(kind for kind in kinds if not issubclass(kind, _REBUILT_TYPES))
        return kinds <= self._changeable

    def new(self, value: Any) -> Any:
        """Return what replaces `value`; for what is frozen and holds something to be replaced, another one."""
        kind = type(value)
        if id(value) in self.replace:
            self.todo.append(value)
            return self.replace[id(value)]
        if kind in self._changeable:
            self.todo.append(value)
            return value
        if kind is tuple and _ATOM_TYPES.issuperset(map(type, value)):
            return value
        return self._new_by_kind(value, kind)

    def _new_by_kind(self, value: Any, kind: type) -> Any:
        if kind in (staticmethod, classmethod):
            function = self.new(value.__func__)
            if function is not value.__func__:
                return _rewrapped(value, function)
        elif not issubclass(kind, _REBUILT_TYPES):
            self._changeable.add(kind)
        bound = _bound_to(value)
        if bound is not None and id(bound) in self.replace:
            self.todo.append(value)
            return _rebound(value, self.replace[id(bound)])
        if kind in VIEWS:
            return self._new_view(value)
        if kind in _WEAK and id(value()) in self.replace:
            self.todo.append(value())
            return _referring_to(value, self.replace[id(value())])
        if issubclass(kind, FROZEN) and id(value) not in self.seen:
            old = items_of(value)
            changed = [self.new(one) for one in old]
            if any(new is not one for new, one in zip(changed, old, strict=True)):
                return _rebuilt(value, changed)
        self.todo.append(value)
        return value

    def _new_view(self, value: Any) -> Any:
        """Return a view of what replaces the mapping of a view; the same one for all who hold the same."""
        self.todo.append(value)
        if id(value) not in self._views:
            mapping = next(iter(gc.get_referents(value)), None)
            other = self._new_view(mapping) if type(mapping) in VIEWS else self.replace.get(id(mapping), mapping)
            make = _VIEW_METHODS.get(type(value), MappingProxyType)
            self._views[id(value)] = value, value if other is mapping else make(other)
        return self._views[id(value)][1]

    def new_key(self, key: Any) -> Any:
        """Return what replaces a key of a dictionary, or an element of a set."""
        return self.new(key) if type(key) in _LEADING_ON else self.replace.get(id(key), key)

    def changes_keys(self, keys: list[Any]) -> bool:
        """Tell whether a key is to be replaced, refers weakly to something that is, or is a method of it."""
        if not self.replace.keys().isdisjoint(map(id, keys)):
            return True
        if set(map(type, keys)).isdisjoint(_LEADING_ON):
            return False
        return any(type(key) in _LEADING_ON and self.new_key(key) is not key for key in keys)


def items_of(value: Any) -> list[Any]:
    """Return what a frozen container holds, however its class iterates over it; of a mapping keys, then values."""
    base = _base_of(value)
    found = list(base.__iter__(value))
    return [*found, *base.values(value)] if base in FROZEN_DICTS else found


def _base_of(value: Any) -> Any:
    return next(base for base in FROZEN if is_a(value, base))


def _rebuilt(value: Any, items: list[Any]) -> Any:
    """Return a frozen container of the type of `value` with other items."""
    base, half = _base_of(value), len(items) // 2
    again = base.__new__(type(value), zip(items[:half], items[half:], strict=True) if base in FROZEN_DICTS else items)
    if hasattr(value, "__dict__"):
        again.__dict__.update(value.__dict__)
    return again


def _rewrapped(value: Any, function: Any) -> Any:
    again = type(value)(function)
    own = dict(value.__dict__)  # what it says of itself is what the new version's function says, and not the old one's
    own.pop("__wrapped__", None)
    again.__dict__.update(own)
    return again


def _referring_to(value: Any, referent: Any) -> Any:
    """Return a weak reference like `value`, which refers to another object: a weak dictionary's or set's, or alone."""
    if type(value) is KeyedRef:
        return KeyedRef(referent, value.__callback__, value.key)
    return ReferenceType(referent, value.__callback__)


def _bound_to(value: Any) -> Any:
    """Return the object whose method `value` is, or refers to weakly; None if it is neither."""
    if type(value) is WeakMethod:
        value = value()
    return value.__self__ if type(value) in BOUND else None


def _rebound(value: Any, holder: Any) -> Any:
    """Return a bound method like `value`, or a weak reference to one, of another object."""
    if type(value) is WeakMethod:
        callback: Any = value.__callback__
        cells = dict(zip(callback.__code__.co_freevars, callback.__closure__, strict=True))
        return WeakMethod(_rebound(value(), holder), cells["callback"].cell_contents)
    if type(value) is MethodType:
        return MethodType(value.__func__, holder)
    if type(value) is MethodWrapperType:  # of a base, if `super` has found it
        return value.__objclass__.__dict__[value.__name__].__get__(holder)
    return getattr(holder, value.__name__, value)
