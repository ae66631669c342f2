"""One identity for each definition: what others hold takes the place of what a new body has made for the same name.

Shadows have been taken apart while the body ran, functions have their entries, and objects are compared here. Whatever
the new namespaces reach is redirected to the class, entry or object that existed before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from blockfreeze.core.safe_access import is_a
from blockfreeze.identity.class_attributes import discard_shadow
from blockfreeze.identity.preserved import preserved_objects
from blockfreeze.identity.redirect import redirect
from blockfreeze.identity.versioned_attribute import VersionedAttribute
from blockfreeze.identity.wrapped_methods import serve_wrapped
from blockfreeze.model.block import Generation, Member


def unify(generation: Generation, members: Collection[Member], *, objects: bool = True) -> None:
    """Give the functions, classes and objects of `members`, whose bodies have run, the identities that others know.

    Args:
        objects: compare objects that the bodies have filled as well; only for a whole generation, since such an object
            may hold one of another member.
    """
    replace: dict[int, Any] = {}
    for member in members:
        replace.update({id(shadow): cls for shadow, cls in member.shadows})
        replace.update({at: entry for at, (_, entry) in member.remade.items()})
    if objects:
        replace.update(preserved_objects(generation, members, replace))
    if replace:
        _redirect(generation, members, replace)
    serve_wrapped(generation, {member.name for member in members})
    for member in members:
        for shadow, _ in member.shadows:
            discard_shadow(shadow)
        member.shadows.clear()
        member.remade.clear()
        generation.compared.pop(member.name, None)


def _redirect(generation: Generation, members: Collection[Member], replace: Mapping[int, Any]) -> None:
    names, tables = {member.name for member in members}, generation.classes
    classes = [(module, cls) for (module, _), cls in list(tables.named.items()) if module in names]
    values = {cls: tables.values[cls] for _, cls in classes if cls in tables.values}
    before = {cls: dict(own) for cls, own in values.items()}
    roots: list[Any] = [*(member.namespace for member in members), *values.values(), *tables.enum_values.values()]
    new = [cls for module, cls in classes if cls not in generation.before(module).classes.values]
    redirect(roots, replace, tuple(new))
    for cls, own in values.items():
        for name, value in before[cls].items():
            live = cls.__dict__.get(name)
            if own.get(name) is not value and is_a(live, VersionedAttribute) and live.inner.get(generation) is value:
                live.inner[generation] = live.outward[generation] = own.get(name)
