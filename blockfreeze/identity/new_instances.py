"""Instances that calls of a generation make before it serves, or after it was left.

An instance that a call makes in a generation that is being left becomes an instance of the same legacy class as those
that the generation made earlier. An instance that a body makes, before its generation serves, is of the new version
already: it is noted, so that nothing converts it.
"""

from __future__ import annotations

import weakref

from blockfreeze.identity.layout import set_class
from blockfreeze.model.block import Generation
from blockfreeze.model.legacy_attributes import LEGACY_OF


def note_new_instance(generation: Generation, instance: object) -> None:
    """Note that `instance` is being made by a call in `generation`."""
    kind = type(instance)
    for legacy in reversed(generation.classes.legacy):
        if legacy.__dict__[LEGACY_OF] is kind:
            replace_class(generation, instance, kind, legacy)
            return
    phase, noted = generation.phase, generation.classes.new_instances
    if phase.has_served or (phase.is_complete and generation.classes.converters.keys().isdisjoint(kind.__mro__)):
        return
    key = id(instance)
    try:
        noted[key] = weakref.ref(instance, lambda _: noted.pop(key, None))
    except TypeError:
        noted[key] = instance


def is_new_instance(generation: Generation, instance: object) -> bool:
    """Tell whether a call in `generation`, which does not serve yet, has made `instance`."""
    return not generation.phase.has_served and id(instance) in generation.classes.new_instances


def replace_class(generation: Generation, instance: object, kind: type, legacy: type) -> bool:
    """Make `instance` an instance of a legacy class of `generation` if it still is one of `kind`; tell whether it was.

    A thread that makes an instance and one that moves all of them may meet at the same one.

    Raises:
        TypeError: the layouts differ.
    """
    with generation.block.locks.moving:
        still = type(instance) is kind
        if still:
            generation.classes.inhabited.add(legacy)
            set_class(instance, legacy)
        return still
