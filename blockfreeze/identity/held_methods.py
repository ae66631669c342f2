"""Weak references to methods stay equal to new ones: a method that is referred to so keeps its function.

Example: ``signal.connect(till.ring)`` before a swap, ``signal.disconnect(till.ring)`` after it, with the weak
references of signals (`weakref.WeakMethod`). Two bound methods are equal if their functions are one and the same. A
function knows whether there are weak references to it. That is asked when a new version of a class is built, so that
its body finds the function that is referred to, and once more right before the commit. The class goes on to hand out
that function, which forwards. Any other method becomes the new generation's own function, as ever, and nothing is left
on its call path.

A bound method itself is not looked for: nothing but a walk over the whole heap finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any, NamedTuple
from weakref import getweakrefcount

from blockfreeze.dispatch.forwarders import function_kind
from blockfreeze.dispatch.frames import is_forwarder
from blockfreeze.identity.methods import method_function
from blockfreeze.identity.versioned_attribute import VersionedAttribute, versioned_in
from blockfreeze.model.block import Generation
from blockfreeze.model.entry import Entry


class _Method(NamedTuple):
    versioned: VersionedAttribute
    value: Any
    function: FunctionType
    other: FunctionType
    entry: Entry


def keep_held_methods(before: Generation, after: Generation, classes: Iterable[tuple[tuple[str, str], type]]) -> None:
    """Let classes keep the functions of methods that are referred to weakly: neutral until the commit of `after`.

    Args:
        classes: each with its module and path.
    """
    for versioned, value, function, other, entry in _methods(before, after, classes):
        # If the new generation has such references too, to its own function, they are to be equal to new ones.
        if not getweakrefcount(other):
            for generation in (before, after):
                versioned.inner[generation] = versioned.outward[generation] = value
            after.classes.values[versioned.owner][versioned.name] = value
            after.classes.held[versioned.owner, versioned.name] = function, entry


def _methods(
    before: Generation, after: Generation, classes: Iterable[tuple[tuple[str, str], type]]
) -> Iterator[_Method]:
    """Yield the methods in which both generations differ, where a function of `before` is referred to weakly."""
    block = after.block
    for (module, path), cls in list(classes):
        for name, versioned in versioned_in(cls):
            was = versioned.outward.get(before, versioned.default)
            function = was if type(was) is FunctionType else method_function(was)
            # Asked first: hardly any has such references.
            if type(function) is not FunctionType or not getweakrefcount(function):
                continue
            entry, now = block.entries.get((module, f"{path}.{name}")), versioned.outward.get(after)
            special = name.startswith("__") and name.endswith("__")  # what calls them does not compare them
            other = method_function(now)
            if entry is None or special or type(was) is not type(now) or type(other) is not FunctionType:
                continue
            forwards = is_forwarder(function.__code__, block.reference) and block.entry_of(function) in (None, entry)
            if forwards and entry in after.locals and function_kind(function.__code__) == function_kind(other.__code__):
                yield _Method(versioned, was, function, other, entry)
