"""Instances that calls of a generation make before it serves, or after it was left.

What a generation makes while it is being left, or after that, belongs to what it made before: it becomes an instance of
the same legacy class. What it makes before it comes to serve was not made before, and is not converted.
"""

from __future__ import annotations

import weakref

from blockfreeze.identity.layout import set_class
from blockfreeze.model.block import Block, Generation

LEGACY_OF = "blockfreeze_legacy_of"
"""The attribute of a legacy class that says of which class it is; see `blockfreeze.instances.legacy_classes`."""


def note_new_instance(generation: Generation, instance: object) -> None:
    """Note that `instance` is being made by a call in `generation`."""
    kind = type(instance)
    for legacy in reversed(generation.classes.legacy):
        if legacy.__dict__[LEGACY_OF] is kind:
            replace_class(generation.block, instance, kind, legacy)
            return
    phase, made = generation.phase, generation.classes.new_instances
    if phase.has_served or (phase.is_complete and generation.classes.converters.keys().isdisjoint(kind.__mro__)):
        return
    key = id(instance)
    try:
        made[key] = weakref.ref(instance, lambda _: made.pop(key, None))
    except TypeError:
        made[key] = instance


def is_new_instance(generation: Generation, instance: object) -> bool:
    """Tell whether a call in `generation`, which does not serve yet, has made `instance`."""
    return not generation.phase.has_served and id(instance) in generation.classes.new_instances


def replace_class(block: Block, instance: object, kind: type, cls: type) -> bool:
    """Make `instance` one of `cls` if it still is one of `kind`; tell whether it was.

    A thread that makes an instance and one that moves all of them may meet at the same one.

    Raises:
        TypeError: the layouts differ.
    """
    with block.locks.moving:
        still = type(instance) is kind
        if still:
            set_class(instance, cls)
        return still
