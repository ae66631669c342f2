"""Immutable objects made once more around something else: tuples, bound methods, weak references, wrappers."""

from __future__ import annotations

from types import BuiltinMethodType, MethodType
from typing import Any
from weakref import KeyedRef, ReferenceType, WeakMethod

from blockfreeze.core.safe_access import is_a

__all__ = [
    "_BOUND",
    "_LEADING_ON",
    "_WEAK",
    "_bound_again",
    "_bound_to",
    "_items",
    "_referring_again",
    "_remade",
    "_wrapped_again",
]

_BOUND = (MethodType, BuiltinMethodType)

_LEADING_ON = (ReferenceType, WeakMethod, *_BOUND)

_WEAK = (ReferenceType, KeyedRef)


def _items(value: Any) -> list[Any]:
    """Return what a tuple or frozen set holds, however its class iterates over it."""
    kind: Any = tuple if is_a(value, tuple) else frozenset
    return list(kind.__iter__(value))


def _remade(value: Any, items: list[Any]) -> Any:
    """Return a tuple or frozen set of the type of `value` with other items."""
    base = tuple if is_a(value, tuple) else frozenset
    again = base.__new__(type(value), items)
    if hasattr(value, "__dict__"):
        again.__dict__.update(value.__dict__)
    return again


def _wrapped_again(value: Any, function: Any) -> Any:
    again = type(value)(function)
    own = dict(value.__dict__)  # what it says of itself is what the new version's function says, and not the old one's
    own.pop("__wrapped__", None)
    again.__dict__.update(own)
    return again


def _referring_again(value: Any, referent: Any) -> Any:
    """Return a weak reference like `value`, which refers to another object: a weak dictionary's or set's, or alone."""
    if type(value) is KeyedRef:
        return KeyedRef(referent, value.__callback__, value.key)
    return ReferenceType(referent, value.__callback__)


def _bound_to(value: Any) -> Any:
    """Return the object whose method `value` is, or refers to weakly; None if it is neither."""
    if type(value) is WeakMethod:
        value = value()
    return value.__self__ if type(value) in _BOUND else None


def _bound_again(value: Any, holder: Any) -> Any:
    """Return a bound method like `value`, or a weak reference to one, of another object."""
    if type(value) is WeakMethod:
        told: Any = value.__callback__
        cells = dict(zip(told.__code__.co_freevars, told.__closure__, strict=True))
        return WeakMethod(_bound_again(value(), holder), cells["callback"].cell_contents)
    return MethodType(value.__func__, holder) if type(value) is MethodType else getattr(holder, value.__name__, value)
