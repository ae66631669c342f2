"""Classes across generations: a class keeps its identity wherever its shape allows, and its attributes switch.

The body of a new generation makes a *shadow* of each class in the ordinary way, metaclass and decorators included. If
the class existed before and the shape is the same (metaclass, bases, slots, layout), the shadow is taken apart: the
existing class stays the class, and its attributes become those of the shadow in three steps that no caller can see
the middle of. *Arm*: each attribute that differs becomes a `Switch`, a descriptor that answers for the caller's
generation; this is neutral. Then the block's one store. *Settle*, after the drain: the plain attributes, and nothing
is left on the call path. A shape that differs gives a second class, which the report names with the reason.

The functions in class dictionaries are retired like entries: see `methods`.
"""

from __future__ import annotations

from abc import ABCMeta, update_abstractmethods
from collections.abc import Mapping
from types import (
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any

from blockfreeze.asking import is_a, own_attribute
from blockfreeze.assignments import assign_directly
from blockfreeze.enumerations import is_no_member, merge_members
from blockfreeze.methods import is_patched, method_function
from blockfreeze.redirect import redirect
from blockfreeze.shapes import delete_attribute, hand_down, same, set_attribute, shape_difference
from blockfreeze.switch import ABSENT, BirthSwitch, Switch, as_data
from blockfreeze.vector import Plain

if TYPE_CHECKING:
    from blockfreeze.entries import Entry
    from blockfreeze.generation import Block, Generation

__all__ = [
    "METADATA",
    "adopt",
    "apply_metadata",
    "assign_class_attribute",
    "class_values",
    "delete_class_attribute",
    "generation_dictionary",
    "retire_shadow",
    "settle",
]

_MADE_IN_C = (ClassMethodDescriptorType, GetSetDescriptorType, MethodDescriptorType, WrapperDescriptorType)
_NEVER = frozenset({"__dict__", "__weakref__", "__slots__", "__slotnames__", "__class__", "_abc_impl"})
_IN_THE_TYPE = frozenset({"__name__", "__qualname__", "__bases__"})  # not in the dictionary of the class
METADATA = frozenset(
    {
        "__module__",
        "__annotations__",
        "__annotate_func__",
        "__annotations_cache__",
        "__firstlineno__",
        "__static_attributes__",
        "__abstractmethods__",
        "__type_params__",
        "__orig_bases__",
        "__parameters__",
    }
)
"""Attributes that only inspection reads: they are set right after the commit, for all callers at once."""


def class_values(cls: type) -> dict[str, Any]:
    """Return the attributes of `cls` that make a version of it: not its layout, not its identity."""
    return {
        name: value
        for name, value in list(cls.__dict__.items())  # a call may be setting one
        if name not in _NEVER and not is_a(value, MemberDescriptorType)
    }


class _Retired:
    """The base of shadows that have been taken apart: no class that anybody asks lists them among its sub-classes."""


def retire_shadow(shadow: type) -> None:
    """Take a shadow whose attributes have been adopted out of the sub-classes of its bases."""
    if type.__subclasses__(shadow):
        return  # one that could not be handed down still reads its attributes here
    try:
        shadow.__bases__ = (_Retired,)
    except TypeError:
        # Its layout does not allow it (a direct sub-class of object, or of a built-in type): the collector takes it.
        return


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
        inner = before.classes.get((member, f"{path}.{name}"))
        nested = is_a(value, type) and inner is not None and value is not inner
        if nested and shape_difference(inner, value) is None:  # type: ignore[arg-type]
            adopt(block, generation, (member, f"{path}.{name}"), inner, value)  # type: ignore[arg-type]
            values[name] = inner
    # The rest of the generation is redirected once for all its classes, when it is complete.
    redirect([values], {id(new): old}, within=f"{new.__qualname__}.")
    generation.classes[key] = old
    generation.class_values[old] = values
    for name, value in values.items():
        entry = block.entries.get((member, f"{path}.{name}"))
        if entry is not None:
            _serve(generation, entry, value)
    switch_class(block, before, generation, old, built=True)


def switch_class(block: Block, before: Generation, after: Generation, cls: type, *, built: bool = False) -> None:
    """Arm `cls`: each attribute in which two generations differ becomes a `Switch` that knows the values of both.

    Args:
        built: the class statement of `after` has just run, maybe not for the first time; otherwise `after` comes back.
    """
    births, values = before.class_values.get(cls, {}), after.class_values[cls]
    switched = {name for name, value in list(cls.__dict__.items()) if is_a(value, Switch)}
    names = {*births, *values, *switched, *before.assigned.get(cls, ()), *after.assigned.get(cls, ())}
    names.update((before.assigns | after.assigns).intersection(cls.__dict__))
    if not built and is_shared(cls, before, after):
        # A class that was carried over is not made by either: only its methods are each generation's own.
        names = switched.union(*(one.carried[cls][1] for one in (before, after) if cls in one.carried))
    for name in names:
        _switch_attribute(block, before, after, cls, name, built=built)


def _switch_attribute(
    block: Block, before: Generation, after: Generation, cls: type, name: str, *, built: bool
) -> None:
    births = before.class_values.get(cls, {})
    live = cls.__dict__.get(name, ABSENT)
    value = after.class_values[cls].get(name, ABSENT)
    if (name in METADATA and "__required_keys__" not in births) or is_patched(block, before, cls, name):
        return
    if "__required_keys__" in births:
        # A TypedDict has no behaviour, and typing reads its data from the class's dictionary: no switch there.
        if value is not ABSENT:
            set_attribute(cls, name, value)
        return
    switch = live if is_a(live, Switch) else None
    if switch is not None:
        # A generation that comes back before it has drained: what it has used since it was left, not its births.
        value = value if built else switch.inner.get(after, value)
    else:
        if same(live, value):
            return
        switch = _new_switch(block, cls, name, live)
        switch.outward[before] = live
    copies = before.class_copies.get(cls, {})
    switch.inner[before] = copies.get(name, switch.inner.get(before, switch.outward.get(before, switch.default)))
    switch.inner[after] = switch.outward[after] = value
    known = [*switch.inner.values(), *switch.outward.values()]
    if any(hasattr(type(one), "__set__") or hasattr(type(one), "__delete__") for one in known):
        switch = as_data(switch)
    if cls.__dict__.get(name, ABSENT) is not switch:
        set_attribute(cls, name, switch)


def _new_switch(block: Block, cls: type, name: str, live: Any) -> Switch:
    return (BirthSwitch if name == "__init__" else Switch)(block, cls, name, live)


def watch_births(block: Block, cls: type) -> None:
    """Let generations be told of the instances that they make of `cls`, until the overlap ends."""
    live = cls.__dict__.get("__init__", ABSENT)
    if not is_a(live, Switch):
        set_attribute(cls, "__init__", _new_switch(block, cls, "__init__", live))


def generation_dictionary(generation: Generation, cls: type) -> Mapping[str, Any]:
    """Return the dictionary of `cls` as `generation` knows it: its own, or while it has switches, a copy without."""
    own = cls.__dict__
    if not any(is_a(value, Switch) for value in list(own.values())):
        return own
    chosen = {
        # As who asks the class for one: the function that others have, see `Switch.__get__`.
        name: value.outward.get(generation, value.default) if is_a(value, Switch) else value
        for name, value in list(own.items())
    }
    return MappingProxyType({name: value for name, value in chosen.items() if value is not ABSENT})


def is_shared(cls: type, one: Generation, other: Generation) -> bool:
    """Tell whether a class was carried over from one generation to the other, or to both from a third."""
    origins = [found.carried[cls][0] if cls in found.carried else found.number for found in (one, other)]
    return origins[0] == origins[1]


def assign_class_attribute(block: Block, generation: Generation, cls: type, name: str, value: Any) -> None:
    """Let code of `generation` set an attribute of `cls`: during an overlap, or before it serves, for itself alone."""
    if is_a(value, Switch):  # read from the dictionary of a class, where it could not be told that it is one
        value = value.outward.get(generation, value.default)
    generation.assigned.setdefault(cls, set()).add(name)
    if generation.births is not None:
        _assign_at_birth(block, generation, cls, name, value)
        return
    live = cls.__dict__.get(name, ABSENT)
    if not is_a(live, Switch):
        steady = isinstance(block.reference.vector[0], Plain) or is_shared(cls, generation, block.current)
        if steady or is_a(getattr(type(cls), name, None), property):
            setattr(cls, name, value)
            return
        live = _new_switch(block, cls, name, live)
        live.inner[generation] = live.outward[generation] = value
        set_attribute(cls, name, live)
    live.inner[generation] = live.outward[generation] = value


def delete_class_attribute(block: Block, generation: Generation, cls: type, name: str) -> None:
    """Let code of `generation` delete an attribute of `cls`, in the same way.

    Raises:
        AttributeError: there is none.
    """
    live = cls.__dict__.get(name, ABSENT)
    switched = is_a(live, Switch)
    has_none = live.outward.get(generation, live.default) is ABSENT if switched else live is ABSENT
    if has_none or not (switched or generation.births is not None):
        delattr(cls, name)  # which knows what to say
        return
    assign_class_attribute(block, generation, cls, name, ABSENT)


def _assign_at_birth(block: Block, generation: Generation, cls: type, name: str, value: Any) -> None:
    """Set an attribute in a generation that does not serve yet: it is born with it, and nobody else sees it."""
    sets_itself = type(cls).__setattr__ is not type.__setattr__ and not is_no_member(cls, name)
    if sets_itself and cls in generation.carried:
        return  # the class was told of the same already, see `carry.can_be_carried`
    if sets_itself or is_a(getattr(type(cls), name, None), property) or name in _IN_THE_TYPE:
        if value is ABSENT:
            delattr(cls, name)
        else:
            setattr(cls, name, value)
        return
    _put(generation.class_values[cls], name, value)
    if cls in generation.carried:
        origin, names = generation.carried[cls]
        generation.carried[cls] = origin, names | {name}
    for (member, path), one in list(generation.classes.items()):
        entry = block.entries.get((member, f"{path}.{name}")) if one is cls else None
        if entry is not None:
            _serve(generation, entry, value)
    _switch_attribute(block, block.current, generation, cls, name, built=True)


def _serve(generation: Generation, entry: Entry, value: Any) -> None:
    """Let the function in a class attribute serve the entry of its name, or nothing if it is none."""
    if is_a(method_function(value), FunctionType):
        generation.locals[entry] = method_function(value)
    else:
        generation.locals.pop(entry, None)


def settle(generation: Generation) -> None:
    """Replace every `Switch` of the classes of a block by what it holds for `generation`, for good.

    What a switch holds for another generation is what that one gets back if it should serve again. From then on the
    code of `generation` sets class attributes by itself.
    """
    for cls, values in list(generation.class_values.items()):
        for name, switch in list(cls.__dict__.items()):
            if "__required_keys__" in values and name in values:
                set_attribute(cls, name, values[name])
            if not is_a(switch, Switch):
                continue
            for other, value in switch.inner.items():
                if other is not generation:
                    _put(other.class_values.setdefault(cls, {}), name, value)
            value = switch.outward.get(generation, switch.default)
            if value is ABSENT:
                delete_attribute(cls, name)
            else:
                set_attribute(cls, name, value)
    assign_directly(generation)


def withdraw(generation: Generation, abandoned: Generation) -> None:
    """Take the values of an abandoned generation out of every `Switch`, while older ones still need them."""
    for cls in list(generation.class_values):
        for value in list(cls.__dict__.values()):
            if is_a(value, Switch):
                value.inner.pop(abandoned, None)
                value.outward.pop(abandoned, None)


def _put(values: dict[str, Any], name: str, value: Any) -> None:
    if value is ABSENT:
        values.pop(name, None)
    else:
        values[name] = value


def apply_metadata(generation: Generation) -> None:
    """Give the classes what inspection reads of them in `generation`; done right after the commit."""
    for cls, values in list(generation.class_values.items()):
        for name in ("__module__", "__firstlineno__", "__static_attributes__", "__type_params__", "__orig_bases__"):
            if name in values and cls.__dict__.get(name, ABSENT) is not values[name]:
                set_attribute(cls, name, values[name])
        if "__annotate_func__" in values:
            cls.__annotate__ = values["__annotate_func__"]  # type: ignore[attr-defined, unused-ignore]
        elif "__annotations__" in values:
            set_attribute(cls, "__annotations__", values["__annotations__"])
        if is_a(cls, ABCMeta):
            # What an abstract base class remembers of the old version: answers, and which methods are abstract.
            cls._abc_caches_clear()  # type: ignore[attr-defined]
            if "__abstractmethods__" in cls.__dict__:
                update_abstractmethods(cls)  # type: ignore[arg-type]
