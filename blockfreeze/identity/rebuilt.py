"""Immutable objects made once more around something else: tuples, bound methods, weak references, wrappers."""

from __future__ import annotations

from types import BuiltinMethodType, MethodType
from typing import Any
from weakref import KeyedRef, ReferenceType, WeakMethod

from blockfreeze.core.safe_access import is_a

BOUND = (MethodType, BuiltinMethodType)

LEADING_ON = (ReferenceType, WeakMethod, *BOUND)

WEAK = (ReferenceType, KeyedRef)


def items_of(value: Any) -> list[Any]:
    """Return what a tuple or frozen set holds, however its class iterates over it."""
    kind: Any = tuple if is_a(value, tuple) else frozenset
    return list(kind.__iter__(value))


def rebuilt_with(value: Any, items: list[Any]) -> Any:
    """Return a tuple or frozen set of the type of `value` with other items."""
    base = tuple if is_a(value, tuple) else frozenset
    again = base.__new__(type(value), items)
    if hasattr(value, "__dict__"):
        again.__dict__.update(value.__dict__)
    return again


def rewrapped_around(value: Any, function: Any) -> Any:
    again = type(value)(function)
    own = dict(value.__dict__)  # what it says of itself is what the new version's function says, and not the old one's
    own.pop("__wrapped__", None)
    again.__dict__.update(own)
    return again


def referring_to(value: Any, referent: Any) -> Any:
    """Return a weak reference like `value`, which refers to another object: a weak dictionary's or set's, or alone."""
    if type(value) is KeyedRef:
        return KeyedRef(referent, value.__callback__, value.key)
    return ReferenceType(referent, value.__callback__)


def bound_to(value: Any) -> Any:
    """Return the object whose method `value` is, or refers to weakly; None if it is neither."""
    if type(value) is WeakMethod:
        value = value()
    return value.__self__ if type(value) in BOUND else None


def rebound_to(value: Any, holder: Any) -> Any:
    """Return a bound method like `value`, or a weak reference to one, of another object."""
    if type(value) is WeakMethod:
        told: Any = value.__callback__
        cells = dict(zip(told.__code__.co_freevars, told.__closure__, strict=True))
        return WeakMethod(rebound_to(value(), holder), cells["callback"].cell_contents)
    return MethodType(value.__func__, holder) if type(value) is MethodType else getattr(holder, value.__name__, value)
