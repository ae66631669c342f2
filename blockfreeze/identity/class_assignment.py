"""Code of a generation sets or deletes an attribute of a class: for itself alone while several generations run."""

from __future__ import annotations

from typing import Any

from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.dispatch.vector import Plain
from blockfreeze.identity.adopt import new_versioned_attribute, version_attribute
from blockfreeze.identity.class_attributes import IN_THE_TYPE, is_shared, put, serve_entry
from blockfreeze.identity.enums import is_no_member
from blockfreeze.identity.layout import set_attribute
from blockfreeze.identity.versioned_attribute import VersionedAttribute
from blockfreeze.model.block import Block, Generation


def assign_class_attribute(block: Block, generation: Generation, cls: type, name: str, value: Any) -> None:
    """Let code of `generation` set an attribute of `cls`: during an overlap, or before it serves, for itself alone."""
    if is_a(
        value, VersionedAttribute
    ):  # read from the dictionary of a class, where it could not be told that it is one
        value = value.outward.get(generation, value.default)
    generation.classes.assigned.setdefault(cls, set()).add(name)
    if not generation.phase.has_served:
        _assign_while_built(block, generation, cls, name, value)
        return
    live = cls.__dict__.get(name, ABSENT)
    if not is_a(live, VersionedAttribute):
        steady = isinstance(block.reference.vector[0], Plain) or is_shared(cls, generation, block.current)
        if steady or is_a(getattr(type(cls), name, None), property):
            setattr(cls, name, value)
            return
        live = new_versioned_attribute(block, cls, name, live)
        live.inner[generation] = live.outward[generation] = value
        set_attribute(cls, name, live)
    live.inner[generation] = live.outward[generation] = value


def delete_class_attribute(block: Block, generation: Generation, cls: type, name: str) -> None:
    """Let code of `generation` delete an attribute of `cls`, in the same way.

    Raises:
        AttributeError: there is none.
    """
    live = cls.__dict__.get(name, ABSENT)
    switched = is_a(live, VersionedAttribute)
    has_none = live.outward.get(generation, live.default) is ABSENT if switched else live is ABSENT
    if has_none or not (switched or not generation.phase.has_served):
        delattr(cls, name)  # which knows what to say
        return
    assign_class_attribute(block, generation, cls, name, ABSENT)


def _assign_while_built(block: Block, generation: Generation, cls: type, name: str, value: Any) -> None:
    """Set an attribute in a generation that does not serve yet: it is born with it, and nobody else sees it."""
    sets_itself = type(cls).__setattr__ is not type.__setattr__ and not is_no_member(cls, name)
    if sets_itself and cls in generation.classes.carried:
        return  # the class was told of the same already, see `carry_over.can_be_carried`
    if sets_itself or is_a(getattr(type(cls), name, None), property) or name in IN_THE_TYPE:
        if value is ABSENT:
            delattr(cls, name)
        else:
            setattr(cls, name, value)
        return
    put(generation.classes.values[cls], name, value)
    if cls in generation.classes.carried:
        origin, names = generation.classes.carried[cls]
        generation.classes.carried[cls] = origin, names | {name}
    for (member, path), one in list(generation.classes.named.items()):
        entry = block.entries.get((member, f"{path}.{name}")) if one is cls else None
        if entry is not None:
            serve_entry(generation, entry, value)
    version_attribute(block, block.current, generation, cls, name, built=True)
