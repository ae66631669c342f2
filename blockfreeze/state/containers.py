"""What a generation's modules and classes hold that changes while it runs, and how much is in each.

That is looked for in the names of modules, in the attributes of classes, and one step further in: in the attributes of
objects, and in what functions that the body has made by calls keep in their closures. What is found there is measured
by one number, so that it can be told later whether it is as the body has left it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from functools import singledispatch, singledispatchmethod
from inspect import GEN_CREATED, getgeneratorstate
from itertools import count
from queue import SimpleQueue
from types import FunctionType, GeneratorType, ModuleType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from blockfreeze.core.safe_access import (
    ABSENT,
    ATOMS,
    CACHE_TYPE,
    HEAP_TYPE,
    cell_content,
    is_a,
    is_proxy,
    own_attribute,
)
from blockfreeze.identity.layout import own_slots
from blockfreeze.identity.versioned_attribute import outward_value
from blockfreeze.model.block import Generation, Member

_CONTAINERS: tuple[Any, ...] = (dict, list, set, bytearray, deque, WeakSet, WeakKeyDictionary, WeakValueDictionary)

_FIXED: tuple[Any, ...] = (tuple, frozenset)

_QUEUE_MODULES = ("queue", "asyncio.queues")

_DISPATCH = own_attribute(singledispatch(lambda value: value), "__code__")
"""The code of every function that `functools.singledispatch` makes."""


class Filling(NamedTuple):
    """Something that may be filled, and how much is in it, in units of a kind."""

    value: Any
    size: int
    unit: str = "items"


def fillings(generation: Generation, of: Collection[str] | None = None) -> Iterator[tuple[tuple[str, str], Filling]]:
    """Yield what the modules and classes of a generation hold that may be filled, by member and path.

    Args:
        of: the members that count; all if None.
    """
    slots = _Slots()
    for member in [one for name, one in generation.members.items() if of is None or name in of]:
        yield from (((member.name, path), found) for path, found in _in_module(generation, member, slots))
    for (module, path), cls in list(generation.classes.named.items()):
        if of is not None and module not in of:
            continue
        attributes = cls.__dict__.copy()
        for name in list(generation.classes.values.get(cls, ())):
            value = generation.own_value(outward_value(attributes.get(name, ABSENT), generation))
            if not _is_marked(name) and value is not ABSENT:
                for inner, found in _within(f"{path}.{name}", value, _inner_filling, slots):
                    yield (module, inner), found


def sizes_of(generation: Generation, of: Collection[str] | None = None) -> dict[tuple[str, str], int]:
    """Return how much is in what the modules and classes of a generation hold, by member and path; see `fillings`."""
    # Of what can only be replaced it is enough to know where there was nothing.
    return {key: found.size for key, found in fillings(generation, of) if found.unit != "set" or not found.size}


def _in_module(generation: Generation, member: Member, slots: _Slots) -> Iterator[tuple[str, Filling]]:
    for name, value in list(member.namespace.items()):
        definition = member.linkage.bound.get(name)
        imported = definition is not None and definition.kind == "import"
        if imported or _is_marked(name) or name in member.linkage.state:
            continue
        if (member.name, name) not in generation.variables:
            yield from _within(name, generation.own_value(value), _filling, slots)


def _is_marked(name: str) -> bool:
    """Tell whether a name is one that Python, or the class `enum.Enum`, keeps for itself."""
    return name.startswith("_") and name.endswith("_")


def _within(
    path: str, value: Any, measure: Callable[[Any], Filling | None], slots: _Slots
) -> Iterator[tuple[str, Filling]]:
    """Yield what may be filled in a value: the value itself, or its parts."""
    found = measure(value)
    if found is not None:
        yield path, found
    for name, part in _parts(value, slots) if found is None or found.unit == "set" else ():
        yield f"{path}.{name}", _inner_filling(part)


class _Slots(dict[type, list[str]]):
    """The names of the slots that instances of each class have, found once for each."""

    def __missing__(self, kind: type) -> list[str]:
        names = [name for cls in kind.__mro__ if cls.__flags__ & HEAP_TYPE for name in own_slots(cls)]
        self[kind] = names
        return names


def _parts(value: Any, slots: _Slots) -> list[tuple[str, Any]]:
    if is_a(value, (*ATOMS, type, ModuleType)) or is_proxy(value):
        return []
    if is_a(value, FunctionType):
        if "<locals>" not in value.__code__.co_qualname:
            return []
        cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=False)
        return [(name, cell_content(cell)) for name, cell in cells if "." not in name]  # our own have a dot
    own = own_attribute(value, "__dict__")
    found: dict[str, Any] = own.copy() if type(own) is dict else {}
    found.update((name, own_attribute(value, name)) for name in slots[type(value)])
    return [(name, part) for name, part in found.items() if not _is_marked(name)]


def _inner_filling(value: Any) -> Filling:
    """Measure an attribute: beside what can be filled, also what can only be replaced, such as a number."""
    if is_a(value, int):
        return Filling(value, int.__index__(value), "")
    for kind in _FIXED:
        if is_a(value, kind):
            return Filling(value, kind.__len__(value))
    return _filling(value) or Filling(value, int(value is not None), "set")


def _filling(value: Any) -> Filling | None:
    """Measure what can be filled, by the built-in methods: those of a class may load what is to be loaded later."""
    if is_proxy(value):
        return None
    if type(value) is CACHE_TYPE:
        return Filling(value, int(value.cache_info().currsize))
    for kind in _CONTAINERS:
        if is_a(value, kind):
            return Filling(value, kind.__len__(value))
    if is_a(value, SimpleQueue):
        return Filling(value, SimpleQueue.qsize(value))
    if any(cls.__qualname__ == "Queue" and cls.__module__ in _QUEUE_MODULES for cls in type(value).__mro__):
        return _queue_filling(value)
    if is_a(value, singledispatchmethod):
        value = own_attribute(value, "dispatcher")
    if is_a(value, FunctionType) and value.__code__ is _DISPATCH:
        return Filling(value, len(value.__dict__.get("registry", ())), "types")
    if type(value) is GeneratorType:
        return Filling(value, int(getgeneratorstate(value) != GEN_CREATED), "begun")
    return Filling(value, _reached(value), "") if type(value) is count else None


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
