"""Legacy classes: what the instances of a class that has gained attributes become, so that they stay whole.

A class that keeps its identity gets the new generation's methods. Where those assign attributes to ``self`` that the
old ones did not, an instance made before lacks them, and a new method that reads one would fail. Such an instance
becomes an instance of a *legacy class*: a sub-class of its class with the attributes of the old generation, under the
same name, whose instances say that they are of the class itself. ``isinstance`` and ``except`` hold, pickles are those
of the class. A rollback brings the instances back.

Where a converter waits for the block to be at rest (`conversion`), every instance made before becomes one of a legacy
class, whether or not it lacks something. The methods of that one go through the vector, so that a gate can stop them.
"""

from __future__ import annotations

import copy
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from types import FunctionType
from typing import Any

from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.identity.adopt import watch_construction
from blockfreeze.identity.layout import set_attribute, set_class
from blockfreeze.identity.methods import method_function, rewrapped
from blockfreeze.identity.new_instances import is_new_instance, replace_class
from blockfreeze.identity.versioned_attribute import (
    NoAttribute,
    VersionedAttribute,
    outward_value,
)
from blockfreeze.identity.versioned_kinds import VersionedDataAttribute
from blockfreeze.instances.attributes import assigned_in, gained_attributes, has_attribute
from blockfreeze.instances.kinds import full_name, instances_of, is_legacy_class, version_of, with_subclasses
from blockfreeze.instances.legacy_methods import legacy_methods_of, working_method
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.legacy_attributes import LEGACY_ASSIGNED, LEGACY_METHODS, LEGACY_OF, LEGACY_VERSION
from blockfreeze.model.phase import Phase

_SPECIAL = frozenset(
    {"__init_subclass__", "__class_getitem__", "__new__", "__slots__", "__dict__", "__weakref__"}
    | {"__module__", "__qualname__"}
)


def move_to_legacy_classes(
    block: Block, before: Generation, after: Generation, waiting: Collection[type] = (), done: Collection[type] = ()
) -> dict[str, int]:
    """Move every instance that lacks an attribute which `after` assigns, and count them by the names of their classes.

    It is neutral while `before` serves, and done before the commit only: afterwards an instance that lacks an attribute
    may be one of `after` whose ``__init__`` is still at work. What calls of `before` make from here on, before the
    commit and after it, is moved as it is made.

    Args:
        waiting: classes all of whose instances are to be moved, because a converter waits for them.
        done: classes whose instances a converter has seen to.
    """
    _hide_added(before)
    lacking, all_moved = _lacking(before, after, set(waiting), done)
    others = [
        one for one in block.generations.values() if one not in (before, after) and one.phase is not Phase.DRAINED
    ]
    legacy_classes: dict[type, type | None] = {}

    def legacy_class_of(kind: type) -> type | None:
        if kind not in legacy_classes:
            legacy = legacy_classes[kind] = _make_legacy_class(block, kind, before, others, gated=kind in all_moved)
            before.classes.legacy += [] if legacy is None else [legacy]  # at once: a failure returns what was moved
        return legacy_classes[kind]

    # The classes are there before the heap is searched: from here on, new instances of `before` are moved as they are
    # made.
    for kind in lacking:
        if kind in before.classes.values:
            watch_construction(block, kind)
        legacy_class_of(kind)
    moved: Counter[str] = Counter()
    for one, kind in _to_be_moved(after, lacking, all_moved):
        legacy = legacy_class_of(kind)
        if legacy is not None and replace_class(before, one, kind, legacy):
            moved[full_name(kind)] += 1
    return moved


def _lacking(
    before: Generation, after: Generation, waiting: Collection[type], done: Collection[type]
) -> tuple[dict[type, set[str]], set[type]]:
    """Return what instances of which classes may lack, and those classes all of whose instances are to be moved."""
    gained = gained_attributes(before, after)
    lacking: dict[type, set[str]] = {}
    all_moved: set[type] = set()
    for cls in (gained.keys() | waiting).difference(done):
        for kind in with_subclasses(cls):
            if not is_legacy_class(kind):
                lacking.setdefault(kind, set()).update(gained.get(cls, ()))
                all_moved.update((kind,) if cls in waiting else ())
    return lacking, all_moved


def _to_be_moved(
    after: Generation, lacking: Mapping[type, set[str]], all_moved: Collection[type]
) -> Iterator[tuple[Any, type]]:
    for one in instances_of(list(lacking)):
        kind = type(one)  # read once: a call in flight may be moving it
        if kind in lacking and not is_new_instance(after, one):
            if kind in all_moved or not all(has_attribute(one, name) for name in lacking[kind]):
                yield one, kind


def _make_legacy_class(
    block: Block, kind: type, before: Generation, others: Collection[Generation], *, gated: bool
) -> type | None:
    """Return a sub-class of `kind` that has the attributes of `before`; None if Python does not allow one.

    Args:
        others: generations left earlier, in which calls may be under way. Instances of `kind` that these have made
            since are moved as well, so each of them finds on the legacy class what it has found on the class.
        gated: let calls of its methods go through the vector, where a gate can stop them.
    """
    if any("__init_subclass__" in base.__dict__ for base in kind.__mro__[:-1]):
        return None  # making a sub-class would register it
    attributes, versioned_attributes = _working_attributes(block, before, kind, others)
    if gated:
        attributes |= legacy_methods_of(block, kind, attributes, others)
    for versioned in versioned_attributes:
        versioned.default = attributes[versioned.name]
        attributes[versioned.name] = versioned
    legacy = _subclass(kind, attributes | _marks(before, kind), _found(before, kind, "__reduce_ex__")[1])
    if legacy is None:
        return None
    for versioned in versioned_attributes:
        versioned.owner = legacy
    if LEGACY_METHODS in attributes:
        block.instances.with_legacy_methods.add(legacy)
    return legacy


def _working_attributes(
    block: Block, before: Generation, kind: type, others: Collection[Generation]
) -> tuple[dict[str, Any], list[VersionedAttribute]]:
    """Return the attributes of `kind` in `before`, and a `VersionedAttribute` for each that `others` have as well."""
    attributes: dict[str, Any] = _added(before, kind)
    versioned_attributes: list[VersionedAttribute] = []
    for base, name, value in _attributes_in(before, kind):
        live = base.__dict__.get(name)
        inner = live.inner if is_a(live, VersionedAttribute) else {}
        own = _working(block, before, base, name, inner.get(before, value))
        if own is ABSENT:
            continue
        attributes[name] = own
        before.drain.lent.add(id(method_function(own)))
        if is_a(live, VersionedAttribute) and not inner.keys().isdisjoint(others):
            versioned_attributes.append(_versioned_for(others, live, kind))
    return attributes, versioned_attributes


def _marks(before: Generation, kind: type) -> dict[str, Any]:
    """Return the attributes by which a legacy class says of which class it is, and of which version."""
    return {
        "__slots__": (),
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        "__class__": property(lambda self: kind, set_class),
        LEGACY_OF: kind,
        LEGACY_VERSION: version_of(before, kind),
        LEGACY_ASSIGNED: frozenset(
            name for base in kind.__mro__ if base in before.classes.values for name in assigned_in(before, base)
        ),
    }


def _attributes_in(before: Generation, kind: type) -> Iterator[tuple[type, str, Any]]:
    """Yield the attributes that `kind` has from classes of `before`, each with the class that has it."""
    names = {name for base in kind.__mro__ for name in list(before.classes.values.get(base, ()))}
    for name in names - _SPECIAL:
        base, value = _found(before, kind, name)
        if base in before.classes.values:
            yield base, name, value


def _found(before: Generation, kind: type, name: str) -> tuple[type, Any]:
    """Return the class in which `before` finds an attribute of `kind`, and what it finds there; maybe `ABSENT`."""
    for base in kind.__mro__:
        value = before.classes.values.get(base, base.__dict__).get(name, ABSENT)
        if value is not ABSENT:
            return base, value
    return object, ABSENT


def _added(before: Generation, kind: type) -> dict[str, Any]:
    """Return the attributes that only other generations have in classes of `kind`, with what `before` finds instead."""
    names = {
        name
        for base in kind.__mro__
        if base in before.classes.values
        for name, live in list(base.__dict__.items())
        if is_a(live, VersionedAttribute) and outward_value(live, before) is ABSENT
    }
    found = {name: _found(before, kind, name) for name in names - _SPECIAL}
    return {
        name: NoAttribute(name) if value is ABSENT else value
        for name, (base, value) in found.items()
        if base not in before.classes.values
    }


def _hide_added(before: Generation) -> None:
    """Let the legacy classes that there are do without what the generation after `before` adds to their classes."""
    for cls in list(before.classes.values):
        for kind in with_subclasses(cls):
            if is_legacy_class(kind):
                for name, value in _added(before, kind).items():
                    if name not in kind.__dict__:
                        set_attribute(kind, name, value)


def _working(block: Block, before: Generation, cls: type, name: str, value: Any) -> Any:
    """Return an attribute of `cls`; of a method that forwards, the one that does its work in `before`."""
    function = method_function(value)
    if not is_a(function, FunctionType):
        return value
    return rewrapped(value, working_method(block, before, cls, name) or function)


def _versioned_for(others: Collection[Generation], live: VersionedAttribute, kind: type) -> VersionedAttribute:
    """Return a `VersionedAttribute` with the values of `others`; its default and its owner are still to be set."""
    versioned = (VersionedDataAttribute if is_a(live, VersionedDataAttribute) else VersionedAttribute)(
        live.block, kind, live.name, ABSENT
    )
    versioned.inner.update({one: live.inner[one] for one in others if one in live.inner})
    return versioned


def _subclass(kind: type, namespace: dict[str, Any], reduce_ex: Any) -> type | None:
    """Return a sub-class of `kind` that has its name; None if Python does not allow one.

    Args:
        reduce_ex: how its instances are pickled, unless a class of the block says so.
    """

    def reduce_as_class(self: Any, protocol: Any) -> Any:
        """Pickle an instance as one of the class that it says it is of; what is copied here stays what it is."""
        reduced = reduce_ex(self, protocol)
        if not is_a(reduced, tuple) or sys._getframe(1).f_globals is vars(copy):
            return reduced
        of_class = [kind if one is legacy else one for one in (reduced[0], *reduced[1])]
        return (of_class[0], tuple(of_class[1:]), *reduced[2:])

    if namespace.get("__reduce_ex__", reduce_ex) is reduce_ex:
        namespace["__reduce_ex__"] = reduce_as_class
    try:
        legacy = type.__new__(type(kind), kind.__name__, (kind,), namespace)
    except TypeError:
        return None
    return legacy


def disarm_legacy_classes(block: Block) -> None:
    """Once nothing runs in a generation that was left: let a legacy class have one value of each attribute.

    Those of which there never was an instance are let go of.
    """
    for generation in block.generations.values():
        classes = generation.classes
        classes.legacy = [one for one in classes.legacy if one in classes.inhabited]
        for legacy in classes.legacy:
            for name, value in list(legacy.__dict__.items()):
                if is_a(value, VersionedAttribute):
                    set_attribute(legacy, name, value.default)


def return_from_legacy_classes(generation: Generation, but: Collection[type] = ()) -> None:
    """Let the instances that were moved when `generation` was left be of their class again: it serves again.

    Args:
        but: the legacy classes of the generation that are left as they are.
    """
    classes = generation.classes
    for one in instances_of([legacy for legacy in classes.legacy if legacy not in but]):
        set_class(one, type(one).__dict__[LEGACY_OF])
    classes.legacy = [legacy for legacy in classes.legacy if legacy in but]
    classes.inhabited.intersection_update(but)
