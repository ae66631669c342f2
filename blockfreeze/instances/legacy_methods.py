"""Legacy methods: those with which some class goes on, though the generation that had them was left.

There are two kinds of such classes: one that a second class has superseded (`SupersededClass`), and a legacy class
whose instances wait for a converter. Their functions forward to the slots of their names, as those of every armed class
do, and the slot holds a `LegacyChoice`: an instance of such a class gets its legacy method, any other instance that of
the generation that serves. So calls on old instances wait at a gate like all others, and once an instance has been
converted, bound methods of it call the new one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from inspect import CO_VARARGS
from types import FunctionType
from typing import Any

from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.dispatch.forwarders import copy_function, forward
from blockfreeze.dispatch.frames import is_forwarder
from blockfreeze.dispatch.resolution import LegacyChoice
from blockfreeze.identity.layout import set_attribute
from blockfreeze.identity.methods import method_function, rewrapped
from blockfreeze.identity.versioned_attribute import outward_value
from blockfreeze.identity.wrapped_methods import wrapped_functions
from blockfreeze.instances.attributes import assigned_in
from blockfreeze.instances.kinds import version_of
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.declared import SupersededClass
from blockfreeze.model.entry import Entry, wrapped
from blockfreeze.model.legacy_attributes import LATEST, LEGACY_METHODS


def supersede_classes(block: Block, before: Generation, after: Generation) -> None:
    """As part of a commit: note the classes that second classes supersede, and let their methods run as they did."""
    block.instances.superseded = [
        one for one in block.instances.superseded if one.reference() not in (None, *after.classes.values)
    ]
    for key, cls in list(before.classes.named.items()):
        if cls not in before.classes.values or cls in after.classes.values:
            continue
        if key in after.classes.named:
            block.instances.superseded.append(
                SupersededClass(cls, key, version_of(before, cls), assigned_in(before, cls))
            )
            _serve_superseded(block, after, key, after.classes.named[key])
        _make_methods_legacy(block, before, after, cls)
    offer_legacy_methods(block, after)


def _make_methods_legacy(block: Block, generation: Generation, after: Generation, cls: type) -> None:
    """Let the methods of `cls`, which `generation` has and `after` has not, run as they did.

    Its functions forward already. A static method is called with nothing to choose by, so it gets its own code again.
    """
    methods: dict[Entry, dict[int, FunctionType]] = cls.__dict__.get(LEGACY_METHODS, {})
    for name, value, function, entry in _forwarding(block, generation, cls):
        own = working_method(block, generation, cls, name, entry)
        if own is None:
            continue
        if type(value) is staticmethod or not _takes_an_owner(function):
            function.__code__ = own.__code__
        else:
            # A copy that nobody else has: those of the generation forward as well, once it has served again.
            again = copy_function(own)
            methods[entry] = {**methods.get(entry, {}), after.number: again, LATEST: again}
    if methods:
        set_attribute(cls, LEGACY_METHODS, methods)
        block.instances.with_legacy_methods.add(cls)


def working_method(
    block: Block, generation: Generation, cls: type, name: str, entry: Entry | None = None
) -> FunctionType | None:
    """Return the function that does the work of a method of `cls` in `generation`; not one that forwards."""
    entry = entry or _entry_named(block, generation, cls, name)
    there = None if entry is None else generation.locals.get(entry)
    found = [there.served if is_a(there, LegacyChoice) else there]
    if entry is None or not entry.where:
        found.append(method_function(generation.classes.copies.get(cls, {}).get(name)))
        found.append(method_function(generation.classes.values[cls].get(name)))
    working = (one for one in found if is_a(one, FunctionType) and not is_forwarder(one.__code__, block.reference))
    return next(working, None)


def _forwarding(block: Block, generation: Generation, cls: type) -> Iterator[tuple[str, Any, FunctionType, Entry]]:
    for name, live in tuple(cls.__dict__.items()):
        value = outward_value(live, generation)
        function = method_function(value)
        if is_a(function, FunctionType) and is_forwarder(function.__code__, block.reference):
            entry = _entry_named(block, generation, cls, name)
            if entry is not None:
                yield name, value, function, entry
        for inner, entry in _wrapped(block, generation, cls, name, value):
            if is_forwarder(inner.__code__, block.reference):
                yield name, inner, inner, entry


def _wrapped(
    block: Block, generation: Generation, cls: type, name: str, value: Any
) -> Iterator[tuple[FunctionType, Entry]]:
    """Yield the functions that an attribute of `cls` holds without being one, if they are entries."""
    for module, path in [key for key, one in list(generation.classes.named.items()) if one is cls]:
        for where, function in wrapped_functions(generation, path, value).items():
            entry = block.entries.get((module, wrapped(f"{path}.{name}", where)))
            if entry is not None:
                yield function, entry


def _takes_an_owner(function: FunctionType) -> bool:
    """Tell whether a call of the function has an instance, or a class, to choose by."""
    return bool(function.__code__.co_argcount or function.__code__.co_flags & CO_VARARGS)


def _serve_superseded(block: Block, generation: Generation, key: tuple[str, str], cls: type) -> None:
    """Let `cls`, which has superseded another class, serve the slots of its methods."""
    for name, live in list(cls.__dict__.items()):
        entry = block.entries.get((key[0], f"{key[1]}.{name}"))
        function = method_function(outward_value(live, generation))
        if entry is None or not is_a(function, FunctionType):
            continue
        there = generation.locals.get(entry)
        if is_a(there, LegacyChoice) and there.served is None:
            there.served = function
        elif there is None:
            generation.locals[entry] = function


def release_classes(block: Block, generation: Generation) -> None:
    """Once nothing but `generation` runs: take the legacy methods of its classes away.

    Not yet, if another class has legacy methods of the same names: a bound method of an instance that was converted to
    that class since goes through the functions of this one.
    """
    for cls in list(generation.classes.values):
        methods = cls.__dict__.get(LEGACY_METHODS)
        if methods is None or any(
            one is not cls and not methods.keys().isdisjoint(one.__dict__[LEGACY_METHODS])
            for one in block.instances.with_legacy_methods
        ):
            continue
        for _, _, function, entry in _forwarding(block, generation, cls):
            if entry in methods:
                function.__code__ = methods[entry][LATEST].__code__
        set_attribute(cls, LEGACY_METHODS, ABSENT)
        block.instances.with_legacy_methods.discard(cls)


def _entry_named(block: Block, generation: Generation, cls: type, name: str) -> Entry | None:
    keys = [key for key, one in list(generation.classes.named.items()) if one is cls]
    return next((block.entries[m, f"{p}.{name}"] for m, p in keys if (m, f"{p}.{name}") in block.entries), None)


def legacy_methods_of(
    block: Block, kind: type, values: dict[str, Any], others: Collection[Generation]
) -> dict[str, Any]:
    """Return methods for a legacy class of `kind` that forward, and under `LEGACY_METHODS` those that they forward to.

    Args:
        others: generations with calls under way that go on with their own methods.
    """
    forwarding: dict[str, Any] = {}
    methods: dict[Entry, dict[int, FunctionType]] = {}
    current = block.current
    for name, value in values.items():
        function = method_function(value)
        owner = next((base for base in kind.__mro__ if name in current.classes.values.get(base, ())), None)
        if owner is None:
            continue
        for inner, of_inner in _wrapped(block, current, owner, name, value):
            methods.update(_legacy_method(block, of_inner, owner, name, others, inner))
        entry = _entry_named(block, current, owner, name)
        if entry is None or not is_a(function, FunctionType) or type(value) is staticmethod:
            continue
        forwarder = copy_function(function)
        forward(block, entry, forwarder)
        forwarding[name] = rewrapped(value, forwarder)
        methods.update(_legacy_method(block, entry, owner, name, others, function))
    return {**forwarding, LEGACY_METHODS: methods} if methods else {}


def _legacy_method(
    block: Block, entry: Entry, owner: type, name: str, others: Collection[Generation], latest: FunctionType
) -> dict[Entry, dict[int, FunctionType]]:
    own = {one.number: working_method(block, one, owner, name, entry) for one in others if owner in one.classes.values}
    if is_forwarder(latest.__code__, block.reference):
        latest = working_method(block, block.current, owner, name, entry) or latest
    copies = {number: copy_function(method) for number, method in own.items() if method is not None}
    return {entry: {**copies, LATEST: copy_function(latest)}}


def offer_legacy_methods(block: Block, generation: Generation) -> None:
    """Put a `LegacyChoice` into the slot of every method of which some class has a legacy method."""
    for cls in tuple(block.instances.with_legacy_methods):
        for entry in cls.__dict__.get(LEGACY_METHODS, ()):
            served = generation.locals.get(entry)
            if not is_a(served, LegacyChoice):
                generation.locals[entry] = LegacyChoice(entry, generation, served)
