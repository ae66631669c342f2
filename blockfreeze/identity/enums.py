"""Enumerations across generations: a member keeps its identity as long as its name and value are the same."""

from __future__ import annotations

from typing import Any

from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.identity.counterparts import holds_the_same
from blockfreeze.identity.layout import set_or_delete
from blockfreeze.model.block import Generation


def is_preserved_member(generation: Generation, target: Any) -> bool:
    """Tell whether `target` is a member of an enumeration that another generation serves with.

    That matters only while `generation` is being built: what code that serves sets on a member is set for everybody.
    """
    if generation.phase.has_served:
        return False
    known = generation.block.current.classes.values.get(type(target), {}).get("_member_map_")
    return is_a(known, dict) and any(one is target for one in known.values())


def is_no_member(cls: type, name: str) -> bool:
    """Tell whether `cls` is an enumeration, and `name` not one of its members, which it does not let be set."""
    members = cls.__dict__.get("_member_map_", ())
    return getattr(type(cls).__setattr__, "__module__", "") == "enum" and name not in members


def set_on_member(generation: Generation, member: Any, name: str, value: Any) -> None:
    """Let a body set an attribute of a member that others have, or delete it (`ABSENT`).

    There is one member, and the body may read what it has set. So everybody sees it, until another generation serves
    that has another value, or this one is abandoned: see `apply_to_members`.
    """
    key = id(member), name
    generation.block.current.classes.enum_values.setdefault(key, [member, vars(member).get(name, ABSENT)])
    set_or_delete(member, name, value)
    generation.classes.enum_values[key] = [member, value]


def apply_to_members(before: Generation, after: Generation) -> None:
    """Give members of enumerations the attributes that the bodies of `after` have set, for those of `before`."""
    was, now = before.classes.enum_values, after.classes.enum_values
    for key in {**was, **now}:
        member, name = (was if key in was else now)[key][0], key[1]
        live = vars(member).get(name, ABSENT)
        was.setdefault(key, [member, live])
        _, wanted = now.get(key, [member, ABSENT])
        if wanted is not live:
            set_or_delete(member, name, wanted)
    for cls, values in list(after.classes.values.items()):
        old = before.classes.values.get(cls, {})
        if "_flag_mask_" in values and values["_value2member_map_"] is not old.get("_value2member_map_"):
            _share_combinations(old, values)
            if values["_flag_mask_"] != old.get("_flag_mask_"):
                for one in values["_value2member_map_"].values():
                    one._inverted_ = None  # it was remembered, and has other flags now


def merge_members(old: type[Any], new: type[Any], values: dict[str, Any]) -> None:
    """Merge the members of an enumeration and of its shadow, in the attributes that the enumeration adopts.

    A member of the same name and value stays the one that others hold. Any other becomes a member of `old`.

    Args:
        values: the attributes of `new`, which are changed.
    """
    before: dict[str, Any] = dict(old._member_map_)
    after: dict[str, Any] = new._member_map_
    merged = {id(member): _merged(old, before.get(name), member) for name, member in after.items()}
    unchanged = {name for name, member in after.items() if merged[id(member)] is before.get(name)}
    for name, value in list(values.items()):
        if id(value) in merged:
            values[name] = merged[id(value)]
        elif name in unchanged:
            values[name] = old.__dict__.get(name, value)
    if before and unchanged == before.keys() == after.keys():
        _take_tables(old, values, merged)
    combined = dict(old._value2member_map_)
    for name in ("_member_map_", "_value2member_map_"):
        if name in values and values[name] is not old.__dict__.get(name):
            values[name] = type(values[name])({key: merged.get(id(one), one) for key, one in values[name].items()})
    if "_flag_mask_" in values and "_value2member_map_" in values:
        _share_combinations({"_member_map_": before, "_value2member_map_": combined}, values)


def _share_combinations(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Let a version of an enumeration have the combinations of flags that another one has made, of the same flags.

    They are members like any other: others hold them, and compare them. Each is made when it is first asked for.

    Args:
        old: the attributes that the enumeration has in the version that has made them.
        new: those that it has in the other one, whose table is added to.
    """
    table = new["_value2member_map_"]
    for value, one in list(old.get("_value2member_map_", {}).items()):  # a call may be making one
        is_named = any(member is one for member in old["_member_map_"].values())
        if not is_named and value not in table and _flags_in(value, old) == _flags_in(value, new):
            table[value] = one


def _flags_in(value: int, attributes: dict[str, Any]) -> set[int]:
    """Return the ids of the flags of an enumeration that `value` consists of."""
    flags = attributes["_member_map_"].values()
    return {id(flag) for flag in flags if flag._value_ & value and not flag._value_ & (flag._value_ - 1)}


def _take_tables(old: type[Any], values: dict[str, Any], merged: dict[int, Any]) -> None:
    """Where all members are the same, take the tables of `old`, with the combinations of flags that were made since."""
    for name, value in values.items():
        table = getattr(old, name, None) if type(value) in (list, dict) else None
        if name == "_value2member_map_" or (table is not None and holds_the_same(table, value, merged)):
            values[name] = table


def _merged(old: type[Any], existing: Any, member: Any) -> Any:
    if existing is not None and holds_the_same(existing._value_, member._value_, {}):
        return existing
    member.__class__ = old
    return member
