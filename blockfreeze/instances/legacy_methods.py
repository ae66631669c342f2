"""Old classes at work: what stays on the methods that it was made for, beside a generation that has others.

Two kinds of class keep methods: one that another class has taken the place of (`SupersededClass`), and the twin of a class whose
instances wait for a converter. Their functions forward to the slots of their names, as those of every armed class do,
and the slot holds a choice: an instance of a class that keeps a method gets that one, any other the serving
generation's. So calls on old instances wait at a gate like all others, and follow their instance once that has moved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from types import FunctionType
from typing import Any

from blockfreeze.core.safe_access import is_a
from blockfreeze.dispatch.forwarders import copy_function, forward
from blockfreeze.dispatch.resolution import LATEST, LEGACY_METHODS, LegacyChoice
from blockfreeze.dispatch.vector import is_forwarder
from blockfreeze.identity.layout import delete_attribute, set_attribute
from blockfreeze.identity.methods import method_function, rewrapped
from blockfreeze.identity.versioned_attribute import VersionedAttribute
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import Entry


def make_methods_legacy(block: Block, generation: Generation, after: Generation, cls: type) -> None:
    """Let the methods of `cls`, which `generation` has and `after` has not, run as they did.

    Its functions forward already; a static method, which is called with nothing to choose by, gets its own code again.
    """
    kept: dict[Entry, dict[int, FunctionType]] = cls.__dict__.get(LEGACY_METHODS, {})
    for name, value, function, entry in _forwarding(block, generation, cls):
        own = working_method(block, generation, cls, name, entry)
        if own is None:
            continue
        if type(value) is staticmethod:
            function.__code__ = own.__code__
        else:
            # A copy that nobody else has: those of the generation forward as well, once it has served again.
            again = copy_function(own)
            kept[entry] = {**kept.get(entry, {}), after.number: again, LATEST: again}
    if kept:
        set_attribute(cls, LEGACY_METHODS, kept)
        block.instances.with_legacy_methods.add(cls)


def working_method(
    block: Block, generation: Generation, cls: type, name: str, entry: Entry | None = None
) -> FunctionType | None:
    """Return the function that does the work of a method of `cls` in `generation`, and not one that forwards."""
    entry = entry or _entry_named(block, generation, cls, name)
    there = None if entry is None else generation.locals.get(entry)
    found = (
        there.served if is_a(there, LegacyChoice) else there,
        method_function(generation.classes.copies.get(cls, {}).get(name)),
        method_function(generation.classes.values[cls].get(name)),
    )
    working = (one for one in found if is_a(one, FunctionType) and not is_forwarder(one.__code__, block.reference))
    return next(working, None)


def _outward(live: Any, generation: Generation) -> Any:
    # A swap that came to nothing while others were under way has left a switch that knows one value.
    return live.outward.get(generation, live.default) if is_a(live, VersionedAttribute) else live


def _forwarding(block: Block, generation: Generation, cls: type) -> Iterator[tuple[str, Any, FunctionType, Entry]]:
    for name, live in tuple(cls.__dict__.items()):
        value = _outward(live, generation)
        function = method_function(value)
        if is_a(function, FunctionType) and is_forwarder(function.__code__, block.reference):
            entry = _entry_named(block, generation, cls, name)
            if entry is not None:
                yield name, value, function, entry


def serve_superseded(block: Block, generation: Generation, key: tuple[str, str], cls: type) -> None:
    """Let `cls` serve the slots of the methods of the class whose place it has taken."""
    for name, live in list(cls.__dict__.items()):
        entry, function = block.entries.get((key[0], f"{key[1]}.{name}")), method_function(_outward(live, generation))
        if entry is None or not is_a(function, FunctionType):
            continue
        there = generation.locals.get(entry)
        if is_a(there, LegacyChoice) and there.served is None:
            there.served = function
        elif there is None:
            generation.locals[entry] = function


def release_legacy_methods(block: Block, generation: Generation, cls: type) -> None:
    """Let `cls` be a class like any other again, `generation` serves again; not yet, if others need its functions.

    A bound method of an instance that was converted to another class since, and not back, goes through them.
    """
    kept = cls.__dict__.get(LEGACY_METHODS)
    if kept is None or any(
        one is not cls and not kept.keys().isdisjoint(one.__dict__[LEGACY_METHODS])
        for one in block.instances.with_legacy_methods
    ):
        return
    for _, _, function, entry in _forwarding(block, generation, cls):
        if entry in kept:
            function.__code__ = kept[entry][LATEST].__code__
    delete_attribute(cls, LEGACY_METHODS)
    block.instances.with_legacy_methods.discard(cls)


def _entry_named(block: Block, generation: Generation, cls: type, name: str) -> Entry | None:
    keys = [key for key, one in list(generation.classes.named.items()) if one is cls]
    return next((block.entries[m, f"{p}.{name}"] for m, p in keys if (m, f"{p}.{name}") in block.entries), None)


def legacy_methods_of(
    block: Block, kind: type, values: dict[str, Any], others: Collection[Generation]
) -> dict[str, Any]:
    """Return methods for a twin of `kind` that forward, and under `LEGACY_METHODS` those of `values` that they lead to.

    Args:
        others: generations with calls under way that go on with their own methods.
    """
    made: dict[str, Any] = {}
    kept: dict[Entry, dict[int, FunctionType]] = {}
    current = block.current
    for name, value in values.items():
        function = method_function(value)
        owner = next((base for base in kind.__mro__ if name in current.classes.values.get(base, ())), None)
        entry = None if owner is None else _entry_named(block, current, owner, name)
        if entry is None or not is_a(function, FunctionType) or type(value) is staticmethod:
            continue
        forwarder = copy_function(function)
        forward(block, entry, forwarder)
        made[name] = rewrapped(value, forwarder)
        own = {
            one.number: working_method(block, one, owner, name, entry) for one in others if owner in one.classes.values
        }
        kept[entry] = {number: copy_function(method) for number, method in own.items() if method is not None}
        kept[entry][LATEST] = copy_function(function)
    return {**made, LEGACY_METHODS: kept} if kept else {}


def offer_legacy_methods(block: Block, generation: Generation) -> None:
    """Put the choice into the slots of `generation` for every method that some class keeps."""
    for cls in tuple(block.instances.with_legacy_methods):
        for entry in cls.__dict__.get(LEGACY_METHODS, ()):
            served = generation.locals.get(entry)
            if not is_a(served, LegacyChoice):
                generation.locals[entry] = LegacyChoice(entry, generation, served)
