"""What happens when code of a block sets or deletes an attribute of one of its classes, and its hooks are called.

While several generations run, the attribute is set for the generation of that code alone. In the body of a generation
that does not serve yet, it becomes one of the attributes that the generation has of the class.

In a patchable block it does so whenever it is set, so that it is not taken for a patch: a patch is what differs from
that. What is set while bodies are executed counts likewise, whatever code does it; see `own_while_executed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.dispatch.vector import Plain
from blockfreeze.identity.adopt import new_versioned_attribute, version_attribute
from blockfreeze.identity.class_attributes import is_shared, serve_entry, set_item
from blockfreeze.identity.enums import is_no_member
from blockfreeze.identity.equality import same
from blockfreeze.identity.layout import IN_THE_TYPE, set_or_delete
from blockfreeze.identity.methods import can_be_patched
from blockfreeze.identity.versioned_attribute import VersionedAttribute, outward_value, put_on
from blockfreeze.model.block import Block, Generation


def assign_class_attribute(block: Block, generation: Generation, cls: type, name: str, value: Any) -> None:
    """Let code of `generation` set an attribute of `cls`: during an overlap, or before it serves, for itself alone."""
    value = outward_value(value, generation)  # it may come out of the dictionary of a class, past any hook
    generation.classes.assigned.setdefault(cls, set()).add(name)
    if not generation.phase.has_served:
        _assign_while_built(block, generation, cls, name, value)
        return
    with block.locks.moving:  # until it is done, no other thread disarms the attribute
        versioned = _versioned(block, generation, cls, name, value)
        if versioned is not None:
            versioned.inner[generation] = versioned.outward[generation] = value
    if versioned is None:
        set_or_delete(cls, name, value)
    _take_as_own(generation, cls, name)


def _take_as_own(generation: Generation, cls: type, name: str) -> None:
    block = generation.block
    if block.patchable:
        with block.locks.moving:  # what is there now: another thread may have set it since
            live = cls.__dict__.get(name, ABSENT)
            set_item(generation.classes.values[cls], name, outward_value(live, generation))


def _versioned(block: Block, generation: Generation, cls: type, name: str, value: Any) -> VersionedAttribute | None:
    """Return the `VersionedAttribute` in which `generation` sets an attribute; None if it sets it for everybody."""
    live = cls.__dict__.get(name, ABSENT)
    if is_a(live, VersionedAttribute):
        return live
    steady = isinstance(block.reference.vector[0], Plain) or is_shared(cls, generation, block.current)
    if steady or is_a(getattr(type(cls), name, None), property):
        return None
    versioned = new_versioned_attribute(block, cls, name, live)
    versioned.inner[generation] = versioned.outward[generation] = value  # before anybody can find it on the class
    put_on(cls, versioned)
    return versioned


def delete_class_attribute(block: Block, generation: Generation, cls: type, name: str) -> None:
    """Let code of `generation` delete an attribute of `cls`, in the same way.

    Raises:
        AttributeError: there is none.
    """
    live = cls.__dict__.get(name, ABSENT)
    if not is_a(live, VersionedAttribute) and (generation.phase.has_served or live is ABSENT):
        delattr(cls, name)  # which raises if there is none
        _take_as_own(generation, cls, name)
    elif outward_value(live, generation) is ABSENT:
        # Another generation has one, which `delattr` would take.
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}", name=name, obj=cls)
    else:
        assign_class_attribute(block, generation, cls, name, ABSENT)


@contextmanager
def own_while_executed(generation: Generation) -> Iterator[None]:
    """While a body is executed: what is set on classes of a patchable block is the version's own, and no patch.

    Code that is not linked may set it (a foreign decorator), or code in which nothing shows that it works on a class.
    """
    block, classes = generation.block, generation.classes
    was = {cls: cls.__dict__.copy() for cls in list(classes.values)} if block.patchable else {}
    yield
    for cls, own in list(classes.values.items()) if block.patchable else ():
        for name, live in cls.__dict__.copy().items():
            if name not in own:
                continue
            if cls in was:
                is_set = live is not was[cls].get(name, ABSENT)
            else:  # it has been recorded since
                is_set = not same(live, own[name]) and name not in classes.patched.get(cls, ())
            if is_set and can_be_patched(block, name, live):
                own[name] = live


def _assign_while_built(block: Block, generation: Generation, cls: type, name: str, value: Any) -> None:
    """Set an attribute in a generation that does not serve yet: no other generation sees it."""
    is_carried = cls in generation.classes.carried
    metaclass_sets = type(cls).__setattr__ is not type.__setattr__ and not is_no_member(cls, name)
    if metaclass_sets and is_carried:
        return  # the generation before has set the same, see `carry_over.can_be_carried`
    if metaclass_sets or is_a(getattr(type(cls), name, None), property) or name in IN_THE_TYPE:
        set_or_delete(cls, name, value)
        if value is not ABSENT and cls.__dict__.get(name, ABSENT) is value:
            generation.classes.values[cls][name] = value
        return
    set_item(generation.classes.values[cls], name, value)
    if is_carried:
        origin, names = generation.classes.carried[cls]
        generation.classes.carried[cls] = origin, names | {name}
    for (member, path), one in list(generation.classes.named.items()):
        entry = block.entries.get((member, f"{path}.{name}")) if one is cls else None
        if entry is not None:
            serve_entry(generation, entry, value)
    version_attribute(block.current, generation, cls, name)
