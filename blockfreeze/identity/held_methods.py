"""Bound methods that others hold stay equal to new ones: a method that somebody holds keeps its function.

Example: ``signal.connect(till.ring)`` before a swap, ``signal.disconnect(till.ring)`` after it. Two bound methods are
equal if their functions are one and the same. So it is looked up who holds a bound method, or refers weakly to its
function (`weakref.WeakMethod`): when a block is armed, so that the new bodies find the function that is held, and once
more right before the commit. The class goes on to hand out that function, which forwards. Any other method becomes the
new generation's own function, as ever, and nothing is left on its call path.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator
from itertools import compress, repeat
from operator import attrgetter, is_
from types import FunctionType, MethodType
from typing import Any, NamedTuple
from weakref import getweakrefcount

from blockfreeze.core.safe_access import is_a
from blockfreeze.dispatch.forwarders import function_kind
from blockfreeze.dispatch.vector import is_forwarder
from blockfreeze.identity.methods import method_function
from blockfreeze.identity.versioned_attribute import VersionedAttribute
from blockfreeze.model.block import Generation
from blockfreeze.model.entry import Entry


class _Method(NamedTuple):
    versioned: VersionedAttribute
    value: Any
    function: FunctionType
    other: FunctionType
    entry: Entry


def bound_functions() -> frozenset[int]:
    """Return the ids of all functions of which there are bound methods."""
    objects = gc.get_objects()
    # There may be millions: they are gone through by C code alone.
    methods = compress(objects, map(is_, map(type, objects), repeat(MethodType)))
    return frozenset(map(id, map(attrgetter("__func__"), methods)))


def keep_held_methods(
    before: Generation, after: Generation, classes: Iterable[tuple[tuple[str, str], type]], bound: Collection[int]
) -> None:
    """Let classes keep the functions of methods that others hold: neutral until the commit of `after`.

    Args:
        classes: each with its module and path.
        bound: the ids of functions of which there are bound methods.
    """
    for versioned, value, function, other, entry in _methods(before, after, classes):
        held = id(function) in bound or getweakrefcount(function)
        # If the new generation holds bound methods too, of its own function, they are to be equal to new ones.
        if held and id(other) not in bound and not getweakrefcount(other):
            for generation in (before, after):
                versioned.inner[generation] = versioned.outward[generation] = value
            after.classes.values[versioned.owner][versioned.name] = value
            after.classes.held[versioned.owner, versioned.name] = function, entry


def _methods(
    before: Generation, after: Generation, classes: Iterable[tuple[tuple[str, str], type]]
) -> Iterator[_Method]:
    """Yield the methods that both generations have, and in which they differ, if their functions forward."""
    block = after.block
    for (module, path), cls in classes:
        for name, versioned in list(cls.__dict__.items()):
            entry = block.entries.get((module, f"{path}.{name}"))
            special = name.startswith("__") and name.endswith("__")  # what calls them does not compare them
            if entry is None or special or not is_a(versioned, VersionedAttribute):
                continue
            was, now = versioned.outward.get(before, versioned.default), versioned.outward.get(after)
            function, other = method_function(was), method_function(now)
            if type(was) is not type(now) or not is_a(function, FunctionType) or not is_a(other, FunctionType):
                continue
            forwards = is_forwarder(function.__code__, block.reference) and block.entry_of(function) in (None, entry)
            if forwards and entry in after.locals and function_kind(function.__code__) == function_kind(other.__code__):
                yield _Method(versioned, was, function, other, entry)
