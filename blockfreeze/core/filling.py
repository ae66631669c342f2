"""How much is in what can be filled: measured by one number, so that it can be told later whether it has changed."""

from __future__ import annotations

from array import array
from collections import deque
from functools import singledispatch, singledispatchmethod
from inspect import GEN_CREATED, getgeneratorstate
from itertools import count
from operator import length_hint
from queue import SimpleQueue
from types import FunctionType, GeneratorType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from blockfreeze.core.safe_access import CACHE_TYPE, is_a, is_proxy, own_attribute

_WEAK: tuple[Any, ...] = (WeakSet, WeakKeyDictionary, WeakValueDictionary)

_CONTAINERS: tuple[Any, ...] = (dict, list, set, bytearray, array, deque, *_WEAK)

_SEQUENCES: tuple[Any, ...] = ([], (), "", "\u00e4", b"", bytearray(), range(0), range(1 << 64))

_ITERATORS = frozenset({type(reversed([])), *(type(iter(one)) for one in _SEQUENCES)})
"""Types of iterators that know how much is left, of what does not change meanwhile."""

_QUEUE_MODULES = ("queue", "asyncio.queues")

_DISPATCH = own_attribute(singledispatch(lambda value: value), "__code__")
"""The code of every function that `functools.singledispatch` makes."""


class Filling(NamedTuple):
    """Something that may be filled, and how much is in it, in units of a kind."""

    value: Any
    size: int
    unit: str = "items"


def filling(value: Any) -> Filling | None:
    """Measure what can be filled, by the built-in methods: those of a class may load what is to be loaded later."""
    kind = type(value)
    if kind is FunctionType:  # most are
        return Filling(value, len(value.__dict__.get("registry", ())), "types") if dispatches(value) else None
    if is_proxy(value):
        return None
    if kind is CACHE_TYPE:
        return Filling(value, int(value.cache_info().currsize))
    for container in _CONTAINERS if issubclass(kind, _CONTAINERS) else ():
        if issubclass(kind, container):
            return Filling(value, container.__len__(value))
    if issubclass(kind, SimpleQueue):
        return Filling(value, SimpleQueue.qsize(value))
    if _is_queue(kind):
        return _queue_filling(value)
    if issubclass(kind, singledispatchmethod):
        return filling(own_attribute(value, "dispatcher"))
    if kind is GeneratorType:
        return Filling(value, int(getgeneratorstate(value) != GEN_CREATED), "begun")
    if kind in _ITERATORS:
        return Filling(value, length_hint(value), "left")
    return Filling(value, _reached(value), "") if kind is count else None


def dispatches(value: Any) -> bool:
    """Tell whether `value` is a function that `functools.singledispatch` has made."""
    return is_a(value, FunctionType) and value.__code__ is _DISPATCH


def is_told_by_size(kind: type) -> bool:
    """Tell whether two objects of a class that are empty, or two counts that have come as far, are interchangeable."""
    return kind is count or kind in _WEAK or kind is bytearray or kind is SimpleQueue or _is_queue(kind)


def _is_queue(kind: type) -> bool:
    return any(cls.__qualname__ == "Queue" and cls.__module__ in _QUEUE_MODULES for cls in kind.__mro__)


def _queue_filling(value: Any) -> Filling:
    """Measure a queue without its lock, which a thread may hold that a signal has interrupted to swap."""
    waiting = [*own_attribute(value, "_getters", ()), *own_attribute(own_attribute(value, "not_empty"), "_waiters", ())]
    if waiting:
        return Filling(value, len(waiting), "waiting")
    return Filling(value, len(own_attribute(value, "queue", own_attribute(value, "_queue", ()))))


def _reached(value: count[Any]) -> int:
    """Return the number that a count is about to give, rounded if need be; only its text tells without taking it."""
    text = repr(value)[len("count(") : -1].partition(",")[0]
    try:
        return int(float(text))
    except (OverflowError, ValueError):
        return hash(text)
