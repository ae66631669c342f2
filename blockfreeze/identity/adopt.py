"""Classes across generations: a class keeps its identity wherever its shape allows, and its attributes switch.

The body of a new generation makes a *shadow* of each class in the ordinary way, metaclass and decorators included. If
the class existed before and the shape is the same (metaclass, bases, slots, layout), the shadow is taken apart: the
existing class stays the class, and its attributes become those of the shadow in three steps that no caller can see
the middle of. *Arm*: each attribute that differs becomes a `VersionedAttribute`, a descriptor that answers for the caller's
generation; this is neutral. Then the block's one store. *Settle*, after the drain: the plain attributes, and nothing
is left on the call path. A shape that differs gives a second class, which the report names with the reason.

The functions in class dictionaries are retired like entries: see `methods`.
"""

from __future__ import annotations

from types import (
    ClassMethodDescriptorType,
    GetSetDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
from typing import Any

from blockfreeze.core.safe_access import ABSENT, is_a, own_attribute
from blockfreeze.identity.class_attributes import METADATA, class_values, is_shared, serve_entry
from blockfreeze.identity.enums import merge_members
from blockfreeze.identity.equality import same
from blockfreeze.identity.layout import hand_down, set_attribute, shape_difference
from blockfreeze.identity.methods import is_patched
from blockfreeze.identity.redirect import redirect
from blockfreeze.identity.versioned_attribute import VersionedAttribute, VersionedConstructor, as_data
from blockfreeze.model.block import Block, Generation

_MADE_IN_C = (ClassMethodDescriptorType, GetSetDescriptorType, MethodDescriptorType, WrapperDescriptorType)


def adopt(block: Block, generation: Generation, key: tuple[str, str], old: type, new: type) -> None:
    """Let `old` stand for `new` in `generation`: record the new attributes, and switch those that differ.

    The caller has made sure that `shape_difference` finds none. Until the commit nothing changes for any caller but
    those inside `generation`.
    """
    values = class_values(new)
    if "_member_map_" in old.__dict__:
        # An enumeration, whichever copy of `enum` its metaclass is from: that module can be frozen too.
        merge_members(old, new, values)
    hand_down(new, old)
    member, path = key
    before = generation.before(member)
    generation.members[member].shadows.append((new, old))
    for name, value in values.items():
        if is_a(value, _MADE_IN_C) and own_attribute(value, "__objclass__") is new:
            # A descriptor that a metaclass written in C has made for instances of this one class (ctypes does).
            values[name] = old.__dict__.get(name, value)
            continue
        inner = before.classes.named.get((member, f"{path}.{name}"))
        nested = is_a(value, type) and inner is not None and value is not inner
        if nested and shape_difference(inner, value) is None:  # type: ignore[arg-type]
            adopt(block, generation, (member, f"{path}.{name}"), inner, value)  # type: ignore[arg-type]
            values[name] = inner
    # The rest of the generation is redirected once for all its classes, when it is complete.
    redirect([values], {id(new): old}, within=f"{new.__qualname__}.")
    generation.classes.named[key] = old
    generation.classes.values[old] = values
    for name, value in values.items():
        entry = block.entries.get((member, f"{path}.{name}"))
        if entry is not None:
            serve_entry(generation, entry, value)
    version_class(block, before, generation, old, built=True)


def version_class(block: Block, before: Generation, after: Generation, cls: type, *, built: bool = False) -> None:
    """Arm `cls`: each attribute in which two generations differ becomes a `VersionedAttribute` that knows the values of both.

    Args:
        built: the class statement of `after` has just run, maybe not for the first time; otherwise `after` comes back.
    """
    births, values = before.classes.values.get(cls, {}), after.classes.values[cls]
    switched = {name for name, value in list(cls.__dict__.items()) if is_a(value, VersionedAttribute)}
    names = {*births, *values, *switched, *before.classes.assigned.get(cls, ()), *after.classes.assigned.get(cls, ())}
    names.update((before.classes.assignable | after.classes.assignable).intersection(cls.__dict__))
    if not built and is_shared(cls, before, after):
        # A class that was carried over is not made by either: only its methods are each generation's own.
        names = switched.union(*(one.classes.carried[cls][1] for one in (before, after) if cls in one.classes.carried))
    for name in names:
        version_attribute(block, before, after, cls, name, built=built)


def version_attribute(
    block: Block, before: Generation, after: Generation, cls: type, name: str, *, built: bool
) -> None:
    births = before.classes.values.get(cls, {})
    live = cls.__dict__.get(name, ABSENT)
    value = after.classes.values[cls].get(name, ABSENT)
    if (name in METADATA and "__required_keys__" not in births) or is_patched(block, before, cls, name):
        return
    if "__required_keys__" in births:
        # A TypedDict has no behaviour, and typing reads its data from the class's dictionary: no switch there.
        if value is not ABSENT:
            set_attribute(cls, name, value)
        return
    versioned = live if is_a(live, VersionedAttribute) else None
    if versioned is not None:
        # A generation that comes back before it has drained: what it has used since it was left, not its births.
        value = value if built else versioned.inner.get(after, value)
    else:
        if same(live, value):
            return
        versioned = new_versioned_attribute(block, cls, name, live)
        versioned.outward[before] = live
    copies = before.classes.copies.get(cls, {})
    versioned.inner[before] = copies.get(
        name, versioned.inner.get(before, versioned.outward.get(before, versioned.default))
    )
    versioned.inner[after] = versioned.outward[after] = value
    known = [*versioned.inner.values(), *versioned.outward.values()]
    if any(hasattr(type(one), "__set__") or hasattr(type(one), "__delete__") for one in known):
        versioned = as_data(versioned)
    if cls.__dict__.get(name, ABSENT) is not versioned:
        set_attribute(cls, name, versioned)


def new_versioned_attribute(block: Block, cls: type, name: str, live: Any) -> VersionedAttribute:
    return (VersionedConstructor if name == "__init__" else VersionedAttribute)(block, cls, name, live)


def watch_construction(block: Block, cls: type) -> None:
    """Let generations be told of the instances that they make of `cls`, until the overlap ends."""
    live = cls.__dict__.get("__init__", ABSENT)
    if not is_a(live, VersionedAttribute):
        set_attribute(cls, "__init__", new_versioned_attribute(block, cls, "__init__", live))
