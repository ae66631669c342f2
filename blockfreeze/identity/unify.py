"""One identity for each thing that a body has made again: what others hold takes the place of what was made now.

Classes have been taken apart while the body ran, functions have their entries, and objects are compared here. Whatever
the new namespaces reach is pointed at those who stay.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from blockfreeze.core.safe_access import is_a
from blockfreeze.identity.class_attributes import discard_shadow
from blockfreeze.identity.preserved import preserved_objects
from blockfreeze.identity.redirect import redirect
from blockfreeze.identity.versioned_attribute import VersionedAttribute
from blockfreeze.model.block import Generation, Member


def unify(generation: Generation, members: Collection[Member], *, objects: bool = True) -> None:
    """Give the functions, classes and objects of `members`, whose bodies have run, their lasting identities.

    Args:
        objects: compare those as well that the bodies have filled; for a whole generation, since what such an object is
            made of may be another member's.
    """
    names = {member.name for member in members}
    shadows = [pair for member in members for pair in member.shadows]
    replace: dict[int, Any] = {id(shadow): cls for shadow, cls in shadows}
    for member in members:
        replace.update({at: entry for at, (_, entry) in member.remade.items()})
    if objects:
        replace.update(preserved_objects(generation, members, replace))
    if replace:
        classes = [(module, cls) for (module, _), cls in list(generation.classes.named.items()) if module in names]
        own = [cls for _, cls in classes]
        roots: list[Any] = [member.namespace for member in members]
        roots += [generation.classes.values[cls] for cls in own if cls in generation.classes.values]
        roots += generation.classes.enum_values.values()
        made = {cls: dict(generation.classes.values[cls]) for cls in own if cls in generation.classes.values}
        new = [cls for module, cls in classes if cls not in generation.before(module).classes.values]
        redirect(roots, replace, tuple(new))
        _let_switches_follow(generation, made)
    for shadow, _ in shadows:
        discard_shadow(shadow)
    for member in members:
        member.shadows.clear()
        member.remade.clear()
        generation.compared.pop(member.name, None)


def _let_switches_follow(generation: Generation, made: dict[type, dict[str, Any]]) -> None:
    """Give the switches of classes that stay what has taken the place of the values that the new bodies had made."""
    for cls, values in made.items():
        for name, value in values.items():
            now, live = generation.classes.values[cls].get(name), cls.__dict__.get(name)
            if now is not value and is_a(live, VersionedAttribute) and live.inner.get(generation) is value:
                live.inner[generation] = live.outward[generation] = now
