"""Adopting the attributes of a changed class: the existing class stays the class, and its attributes switch.

The body of a new generation makes a *shadow* of each class in the ordinary way, metaclass and decorators included. If
the class existed before and has the same shape (metaclass, bases, slots, layout), the shadow is taken apart: the
existing class *adopts* its attributes, in three steps that no caller can see the middle of. *Arm*: each attribute that
differs becomes a `VersionedAttribute`, which answers for the caller's generation; this is neutral. Then the block's one
store. *Disarm*, after the drain: plain attributes again, and nothing is left on the call path. A class of another shape
is a second class, which the report names with the reason.

The functions among the attributes are retired as entries are: see `methods`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import (
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
from typing import Any

from blockfreeze.core.safe_access import ABSENT, ATOMS, is_a, own_attribute
from blockfreeze.identity.class_attributes import (
    METADATA,
    class_values,
    forget_slot_names,
    is_layout,
    is_shared,
    serve_entry,
    set_item,
)
from blockfreeze.identity.enums import merge_members
from blockfreeze.identity.equality import same
from blockfreeze.identity.held_methods import keep_held_methods
from blockfreeze.identity.layout import hand_down, set_attribute, shape_difference
from blockfreeze.identity.methods import is_patched, method_function
from blockfreeze.identity.object_construction import found_at_first_use
from blockfreeze.identity.redirect_class import redirect_class
from blockfreeze.identity.versioned_attribute import VersionedAttribute, outward_value, put_on, versioned_in
from blockfreeze.identity.versioned_kinds import VersionedConstructor, as_data
from blockfreeze.model.block import Block, Generation, Member

_MADE_IN_C = frozenset({ClassMethodDescriptorType, GetSetDescriptorType, MethodDescriptorType, WrapperDescriptorType})

_NEVER_SET = frozenset({FunctionType, staticmethod, classmethod, *ATOMS, tuple, dict, list, set, frozenset})
"""Types of values that do not take part when the attribute of an instance is set."""

_NO_COPIES: Mapping[str, Any] = MappingProxyType({})


def adopt(generation: Generation, key: tuple[str, str], cls: type, shadow: type) -> None:
    """Let `cls` stand for `shadow` in `generation`: record the shadow's attributes, and arm those that differ.

    The caller has made sure that `shape_difference` finds none. Until the commit nothing changes for any caller but
    those inside `generation`.
    """
    values = class_values(shadow)
    if "_member_map_" in cls.__dict__:
        # An enumeration, whichever copy of `enum` its metaclass is from: that module can be frozen too.
        merge_members(cls, shadow, values)
    hand_down(shadow, cls)
    member, path = key
    generation.members[member].shadows.append((shadow, cls))
    for name, value in values.items():
        kind = type(value)
        if kind in _MADE_IN_C and own_attribute(value, "__objclass__") is shadow:
            # A descriptor that a metaclass written in C has made for instances of this one class (ctypes does).
            values[name] = cls.__dict__.get(name, value)
        elif issubclass(kind, type):
            values[name] = _adopted(generation, (member, f"{path}.{name}"), value)
    if "__init__" not in values:
        set_item(values, "__init__", found_at_first_use(shadow, lambda found: outward_value(found, generation)))
    # The rest of the generation is redirected once for all its classes, when it is complete.
    redirect_class(values, shadow, cls)
    redirect_class(_other_raws(generation.members[member], f"{path}.", values), shadow, cls)
    generation.classes.named[key] = cls
    generation.classes.values[cls] = values
    entries = generation.block.entries
    for name, value in values.items():
        entry = entries.get((member, f"{path}.{name}"))
        if entry is not None:
            serve_entry(generation, entry, value)
    before = generation.before(member)
    version_class(before, generation, cls, built=True)
    keep_held_methods(before, generation, [(key, cls)])


def _other_raws(member: Member, within: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the functions of a class's body that decorators have made something else of."""
    # Most are what the class has under their names, and have been seen to.
    had = {id(method_function(value)) for value in values.values()}
    return {name: raw for name, raw in member.raws.items() if id(raw) not in had and name.startswith(within)}


def _adopted(generation: Generation, key: tuple[str, str], value: Any) -> Any:
    """Return what an attribute of a shadow becomes: a class inside it, the existing one, which adopts in its turn."""
    inner = generation.before(key[0]).classes.named.get(key)
    if inner is None or value is inner or shape_difference(inner, value) is not None:
        return value
    adopt(generation, key, inner, value)
    return inner


def version_class(before: Generation, after: Generation, cls: type, *, built: bool = False) -> None:
    """Arm `cls`: each attribute in which two generations differ becomes a `VersionedAttribute` with the values of both.

    Args:
        built: the class statement of `after` has just run, maybe not for the first time; otherwise `after` comes back.
    """
    names = {name for name, _ in versioned_in(cls)}
    if not built and is_shared(cls, before, after):
        # A class that was carried over belongs to neither: only its methods are each generation's own.
        names.update(*(one.classes.carried[cls][1] for one in (before, after) if cls in one.classes.carried))
    else:
        names.update(before.classes.values.get(cls, ()), after.classes.values[cls])
        names.update(*(one.classes.assigned.get(cls, ()) for one in (before, after)))
        names.update((before.classes.assignable | after.classes.assignable).intersection(cls.__dict__))
    if after.block.patchable:
        patched = {name for name in names if is_patched(after.block, before, cls, name)}
        if patched:
            names -= patched
            after.classes.patched.setdefault(cls, set()).update(patched)
    if _is_typed_dict(before, cls):
        _set_values(after, cls, names)
    else:
        for name in names - METADATA:
            _version_attribute(before, after, cls, name, built=built)


def version_attribute(before: Generation, after: Generation, cls: type, name: str) -> None:
    """Arm one attribute of `cls`, if it differs in two generations or is armed already; `after` has been built."""
    if _is_typed_dict(before, cls):
        _set_values(after, cls, {name})
    elif name not in METADATA:
        _version_attribute(before, after, cls, name, built=True)


def _is_typed_dict(generation: Generation, cls: type) -> bool:
    return "__required_keys__" in generation.classes.values.get(cls, ())


def _set_values(generation: Generation, cls: type, names: Iterable[str]) -> None:
    """Set attributes of a typed dictionary: it has no behaviour, and typing reads them from the class's dictionary.

    They do not switch.
    """
    values = generation.classes.values[cls]
    for name in values.keys() & names:
        set_attribute(cls, name, values[name])


def _version_attribute(before: Generation, after: Generation, cls: type, name: str, *, built: bool) -> None:
    live, value = cls.__dict__.get(name, ABSENT), after.classes.values[cls].get(name, ABSENT)
    if live is value or (value is ABSENT and is_layout(name, live)):
        return  # of the latter: code sets another class's attribute of that name
    if issubclass(type(live), VersionedAttribute):
        versioned: VersionedAttribute = live
        if not built:
            # A generation comes back before it has drained: it has gone on to use, and maybe to set, what is there.
            value = versioned.inner.get(after, value)
        mine = versioned.inner.get(before, outward_value(versioned, before))
    elif type(live) is not FunctionType and same(live, value):
        return
    else:
        versioned = new_versioned_attribute(after.block, cls, name, live)
        versioned.outward[before] = mine = live
    versioned.inner[before] = before.classes.copies.get(cls, _NO_COPIES).get(name, mine)
    versioned.inner[after] = versioned.outward[after] = value
    known = [*versioned.inner.values(), *versioned.outward.values()]
    if not _NEVER_SET.issuperset(map(type, known)) and any(
        hasattr(type(one), "__set__") or hasattr(type(one), "__delete__") for one in known
    ):
        versioned = as_data(versioned)
    put_on(cls, versioned)
    if name == "__slots__":
        forget_slot_names(cls)


def new_versioned_attribute(block: Block, cls: type, name: str, live: Any) -> VersionedAttribute:
    """Return a `VersionedAttribute` that is `live` for every generation, to be put on `cls`."""
    return (VersionedConstructor if name == "__init__" else VersionedAttribute)(block, cls, name, live)


def watch_construction(block: Block, cls: type) -> None:
    """Note the instances of `cls` that calls of a generation make, until the overlap ends."""
    live = cls.__dict__.get("__init__", ABSENT)
    if not is_a(live, VersionedAttribute):
        set_attribute(cls, "__init__", new_versioned_attribute(block, cls, "__init__", live))
