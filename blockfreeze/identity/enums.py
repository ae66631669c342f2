"""Enumerations across generations: a member keeps its identity as long as its value is the same."""

from __future__ import annotations

from typing import Any

from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.identity.equality import holds_the_same
from blockfreeze.model.block import Generation


def is_preserved_member(generation: Generation, target: Any) -> bool:
    """Tell whether `target` is a member of an enumeration, one that others have while `generation` is being built."""
    if generation.phase.has_served:  # it serves, or did: asked first, as code that serves sets attributes too
        return False
    known = generation.block.current.classes.values.get(type(target), {}).get("_member_map_")
    return is_a(known, dict) and any(one is target for one in known.values())


def is_no_member(cls: type, name: str) -> bool:
    """Tell whether `cls` is an enumeration, and `name` not one of its members, which it does not let be set."""
    members = cls.__dict__.get("_member_map_", ())
    return getattr(type(cls).__setattr__, "__module__", "") == "enum" and name not in members


def set_on_member(generation: Generation, member: Any, name: str, value: Any) -> None:
    """Let a body set an attribute of a member that others have, or delete it (`ABSENT`).

    There is one member, and the body may read what it has set: so everybody sees it, until the generation that does not
    come to serve, or is left, gives way to one that has another value, see `apply_to_members`.
    """
    key = id(member), name
    generation.block.current.classes.enum_values.setdefault(key, [member, vars(member).get(name, ABSENT)])
    _set(member, name, value)
    generation.classes.enum_values[key] = [member, value]


def apply_to_members(before: Generation, after: Generation) -> None:
    """Give members that are kept the attributes that the bodies of `after` have set, after those of `before`."""
    for key in {**before.classes.enum_values, **after.classes.enum_values}:
        member = (
            before.classes.enum_values[key][0]
            if key in before.classes.enum_values
            else after.classes.enum_values[key][0]
        )
        live = vars(member).get(key[1], ABSENT)
        before.classes.enum_values.setdefault(key, [member, live])
        _, wanted = after.classes.enum_values.get(key, [member, ABSENT])
        if wanted is not live:
            _set(member, key[1], wanted)


def _set(member: Any, name: str, value: Any) -> None:
    if value is ABSENT:
        delattr(member, name)
    else:
        setattr(member, name, value)


def merge_members(old: type[Any], new: type[Any], values: dict[str, Any]) -> None:
    """Keep the members that an enumeration had, and make the new ones members of the class that stays."""
    before: dict[str, Any] = dict(old._member_map_)
    kept: dict[int, Any] = {}
    for name, member in new._member_map_.items():
        existing = before.get(name)
        if existing is not None and holds_the_same(existing._value_, member._value_, {}):
            kept[id(member)] = existing
        else:
            member.__class__ = old
            kept[id(member)] = member

    def merged(value: Any) -> Any:
        return kept.get(id(value), value)

    for name, value in list(values.items()):
        if id(value) in kept:
            values[name] = merged(value)
        elif name in before and name in new._member_map_ and kept[id(new._member_map_[name])] is before[name]:
            values[name] = old.__dict__.get(name, value)
    members = new._member_map_.items()
    if before and before.keys() == dict(members).keys() and all(kept[id(one)] is before[name] for name, one in members):
        # The same members all through: so are the tables, and combinations of flags that were made stay in theirs.
        for name, value in values.items():
            table = getattr(old, name, None) if type(value) in (list, dict) else None
            if name == "_value2member_map_" or (table is not None and holds_the_same(table, value, kept)):
                values[name] = table
    for name in ("_member_map_", "_value2member_map_"):
        if name in values and values[name] is not old.__dict__.get(name):
            values[name] = type(values[name])({k: merged(v) for k, v in values[name].items()})
