"""Bound methods that others hold stay equal to new ones: a method that somebody holds keeps its function.

Example: ``signal.connect(till.ring)`` before a swap, ``signal.disconnect(till.ring)`` after it. Two bound methods are
equal if their functions are one and the same. So right before the commit it is looked up who holds a bound method, or
refers weakly to its function (`weakref.WeakMethod`). The classes go on to hand out that function, which forwards. Any
other method becomes the new generation's own function, as ever, and nothing is left on its call path.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any, NamedTuple
from weakref import getweakrefcount

from blockfreeze.core.safe_access import is_a
from blockfreeze.dispatch.forwarders import function_kind
from blockfreeze.dispatch.vector import is_forwarder
from blockfreeze.identity.methods import method_function
from blockfreeze.identity.versioned_attribute import VersionedAttribute
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import Entry


class _Method(NamedTuple):
    versioned: VersionedAttribute
    value: Any
    function: FunctionType
    entry: Entry


def keep_held_methods(block: Block, before: Generation, after: Generation) -> None:
    """Right before the commit of `after`: let classes keep the functions of methods that others hold; neutral."""
    found = list(_methods(block, before, after))
    bound = {id(one.__func__) for one in gc.get_objects() if type(one) is MethodType} if found else set()
    for versioned, value, function, entry in found:
        if id(function) in bound or getweakrefcount(function):
            for generation in (before, after):
                versioned.inner[generation] = versioned.outward[generation] = value
            after.classes.values[versioned.owner][versioned.name] = value
            after.classes.held[versioned.owner, versioned.name] = function, entry


def _methods(block: Block, before: Generation, after: Generation) -> Iterator[_Method]:
    """Yield the methods that both generations have, and in which they differ, if their functions forward."""
    for (module, path), cls in list(after.classes.named.items()):
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
                yield _Method(versioned, was, function, entry)
