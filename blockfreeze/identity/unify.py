"""One identity for each definition: what others hold takes the place of what a new body has made for the same name.

Shadows have been taken apart while the body ran, functions have their entries, and objects are compared here. Whatever
the new namespaces reach is redirected to the class, entry or object that existed before.
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
    """Give the functions, classes and objects of `members`, whose bodies have run, the identities that others know.

    Args:
        objects: compare objects that the bodies have filled as well; only for a whole generation, since such an object
            may hold one of another member.
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
        unredirected = {cls: dict(generation.classes.values[cls]) for cls in own if cls in generation.classes.values}
        new = [cls for module, cls in classes if cls not in generation.before(module).classes.values]
        redirect(roots, replace, tuple(new))
        _redirect_versioned(generation, unredirected)
    for shadow, _ in shadows:
        discard_shadow(shadow)
    for member in members:
        member.shadows.clear()
        member.remade.clear()
        generation.compared.pop(member.name, None)


def _redirect_versioned(generation: Generation, unredirected: dict[type, dict[str, Any]]) -> None:
    """Put what has replaced an attribute of `generation` into its `VersionedAttribute` as well."""
    for cls, values in unredirected.items():
        for name, value in values.items():
            now, live = generation.classes.values[cls].get(name), cls.__dict__.get(name)
            if now is not value and is_a(live, VersionedAttribute) and live.inner.get(generation) is value:
                live.inner[generation] = live.outward[generation] = now
