"""The attributes that a class has in one generation: read off it, put back on it, withdrawn from it."""

from __future__ import annotations

from abc import ABCMeta, update_abstractmethods
from collections.abc import Callable, Mapping
from types import FunctionType, MappingProxyType, MemberDescriptorType
from typing import Any

from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.identity.assignment_cells import assign_directly
from blockfreeze.identity.layout import set_attribute
from blockfreeze.identity.methods import method_function
from blockfreeze.identity.object_construction import needs_new, object_new
from blockfreeze.identity.versioned_attribute import outward_value, outward_values, versioned_in
from blockfreeze.model.block import Generation
from blockfreeze.model.entry import Entry

_NEVER = frozenset({"__dict__", "__weakref__", "__slotnames__", "__class__", "_abc_impl"})

METADATA = frozenset(
    {"__module__", "__annotations__", "__annotate_func__", "__annotations_cache__", "__firstlineno__"}
    | {"__static_attributes__", "__abstractmethods__", "__type_params__", "__orig_bases__", "__parameters__"}
)
"""Attributes that only inspection reads: they are set right after the commit, for all callers at once."""


def class_values(cls: type) -> dict[str, Any]:
    """Return the attributes of `cls` that make a version of it: not its layout, not its identity."""
    return {
        name: value
        for name, value in list(cls.__dict__.items())  # a call may be setting one
        if type(value) is FunctionType or not is_layout(name, value)
    }


def is_layout(name: str, value: Any) -> bool:
    """Tell whether an entry of a class's dictionary is part of its layout or identity: the same in all versions."""
    return name in _NEVER or is_a(value, MemberDescriptorType)


class _Retired:
    """The base of shadows that have been taken apart, so that no other class lists them among its sub-classes."""


def discard_shadow(shadow: type) -> None:
    """Take a shadow whose attributes have been adopted out of the sub-classes of its bases."""
    if shadow.__bases__ == (object,) or type.__subclasses__(shadow):
        return  # it never can be, as below; a class that could not be handed down still inherits its attributes
    try:
        type.__setattr__(shadow, "__bases__", (_Retired,))  # past its metaclass, which may do more
    except TypeError:
        # Its layout does not allow it (a direct sub-class of object, or of a built-in type): the collector takes it.
        return


def dictionary_in(generation: Generation, cls: type) -> Mapping[str, Any]:
    """Return the dictionary of `cls` for `generation`: its own, or while attributes are armed, a copy with the values.

    They are those that an access through the class gets, see `VersionedAttribute.__get__`.
    """
    own = cls.__dict__
    if not versioned_in(cls):
        return own
    return MappingProxyType(outward_values(own, generation))


def subclasses_in(generation: Generation, found: Callable[..., list[type]], *given: Any) -> list[type]:
    """Return what `found` lists, without the block's classes that `generation` does not have, or not yet."""
    others = [one.classes.values for one in tuple(generation.block.generations.values()) if one is not generation]
    shadows = [shadow for member in tuple(generation.members.values()) for shadow, _ in tuple(member.shadows)]
    own = generation.classes.values
    return [
        cls
        for cls in found(*given)
        if cls in own or not (any(cls in one for one in others) or any(cls is one for one in shadows))
    ]


def is_shared(cls: type, one: Generation, other: Generation) -> bool:
    """Tell whether a class was carried over from one generation to the other, or to both from a third."""
    first, second = (
        found.classes.carried[cls][0] if cls in found.classes.carried else found.number for found in (one, other)
    )
    return first == second


def serve_entry(generation: Generation, entry: Entry, value: Any) -> None:
    """Let the function in a class attribute serve the entry of its name, or nothing if it is none."""
    if is_a(method_function(value), FunctionType):
        generation.locals[entry] = method_function(value)
    else:
        generation.locals.pop(entry, None)


def disarm_classes(generation: Generation) -> None:
    """Replace every `VersionedAttribute` of the classes of a block by its value for `generation`.

    Its value for another generation is recorded there, in case that one serves again. From now on Python itself sets
    class attributes for the code of `generation`.
    """
    for cls, values in list(generation.classes.values.items()):
        if "__required_keys__" in values:
            for name in values.keys() & cls.__dict__.keys():
                set_attribute(cls, name, values[name])
        for name, versioned in versioned_in(cls):
            for other, value in list(versioned.inner.items()):  # a call may be setting one
                if other is not generation:
                    set_item(other.classes.values.setdefault(cls, {}), name, value)
            with generation.block.locks.moving:  # a value that is being set in the meantime is not lost
                value = outward_value(versioned, generation)
                set_attribute(cls, name, value)
                if name == "__new__" and value is ABSENT and needs_new(cls):
                    set_attribute(cls, name, object_new(cls))
            if name == "__slots__":
                forget_slot_names(cls)
    assign_directly(generation)


def forget_slot_names(cls: type) -> None:
    """Let `copyreg` find out anew which slots instances of a class have: ``__slots__`` was set or deleted."""
    if "__slotnames__" in cls.__dict__:
        set_attribute(cls, "__slotnames__", ABSENT)
    derived: list[type] = type.__subclasses__(cls)
    for one in derived:
        forget_slot_names(one)


def withdraw(generation: Generation, abandoned: Generation) -> None:
    """Take the values of an abandoned generation out of every `VersionedAttribute`, which an overlap still needs."""
    for cls in list(generation.classes.values):
        for _, versioned in versioned_in(cls):
            versioned.inner.pop(abandoned, None)
            versioned.outward.pop(abandoned, None)


def set_item(values: dict[str, Any], name: str, value: Any) -> None:
    """Set an item of a dictionary, or delete it (`ABSENT`) if it is there."""
    if value is ABSENT:
        values.pop(name, None)
    else:
        values[name] = value


def apply_metadata(generation: Generation) -> None:
    """Right after the commit: let inspection read of the classes what it would read in `generation`."""
    for cls, values in list(generation.classes.values.items()):
        for name in ("__module__", "__firstlineno__", "__static_attributes__", "__type_params__", "__orig_bases__"):
            if name in values and cls.__dict__.get(name, ABSENT) is not values[name]:
                set_attribute(cls, name, values[name])
        if "__annotate_func__" in values:
            cls.__annotate__ = values["__annotate_func__"]  # type: ignore[attr-defined, unused-ignore]
        elif "__annotations__" in values:
            set_attribute(cls, "__annotations__", values["__annotations__"])
        if is_a(cls, ABCMeta):
            # An abstract base class remembers the answers to `isinstance`, and which methods are abstract.
            cls._abc_caches_clear()  # type: ignore[attr-defined]
            if "__abstractmethods__" in cls.__dict__:
                update_abstractmethods(cls)  # type: ignore[arg-type]
