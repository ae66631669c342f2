"""Module-level objects that keep their identity: what did not change is not made again for those who hold it.

A constant may be compared with ``is``, whatever its value. An object without contents (a sentinel, a lock) stands for
itself, and so does one of the block's own classes that holds exactly what the new version has put into it: nobody can
miss what the new one has, and whoever holds the old one holds the right one. So does one whose class its maker has made
for it alone, as factories of sentinels do, or whose class has lost its name to it, and one that a class has as an
attribute. An object that has been filled or changed since starts afresh, as every container of the module's own does;
but not a value that holds others made from it, as types of tokens do: what was asked for since is a value too.

What stands for itself is asked for where a statement stores it, before anything else in the body can take hold of it;
what the body of a class binds, like a lock of its instances, when the class is complete, whatever its methods say now.
Objects that may be filled are compared when the generation is complete: a body that finds the serving generation's
object would fill that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from blockfreeze.core.safe_access import ABSENT
from blockfreeze.identity.equality import IDENTITIES, counterparts, has_taken_its_class_name, made_alike, same
from blockfreeze.model.block import Generation, Member
from blockfreeze.versions.agreement import says_the_same
from blockfreeze.versions.outline import outline_of


def preserved(generation: Generation, member: Member, name: str, value: Any) -> Any:
    """Return the object that `name` meant in the generation before, where it can stand for `value`."""
    before = generation.before(member.name).members.get(member.name)
    existing = before.meaning(name) if before is not None else ABSENT
    if before is None:
        return value
    if same(existing, value):
        return existing
    may_stand = type(existing) is type(value) and type(value) in IDENTITIES
    may_stand = may_stand or made_alike(existing, value)
    return existing if may_stand and _is_unchanged(before, member, name) else value


def preserved_objects(generation: Generation, members: Iterable[Member], replace: Mapping[int, Any]) -> dict[int, Any]:
    """Return, by id, the objects that `members` have made again and filled as those are that there were before.

    What such an object is made of goes with it: others may hold a part, and it is to be the same one for all of them.

    Args:
        replace: what stands for the functions and classes that the generation has made, by their ids.
    """
    found: dict[int, Any] = {}
    own = generation.classes.values
    made: list[tuple[Any, Any]] = []
    apart: set[int] = set()  # what is no part of anything that lasts: it lasts by itself, or its statement has changed
    for after, binding, before, existing, value in _pairs_of_versions(generation, members):
        apart.add(id(existing))
        name = binding.partition(".")[0]
        if binding != name and type(existing) is type(value) and type(value) in IDENTITIES:
            if says_the_same(before.source, after.source, binding):
                found[id(value)] = existing
        elif type(value) in own and existing is not value:
            if type(existing) is type(value) and _is_unchanged(before, after, name):
                made.append((existing, value))
            elif name in after.namespace and after.namespace[name] is value and _has_changed(before, after, name):
                apart.add(id(value))
        elif made_alike(existing, value) or (
            after.made(type(value)) and has_taken_its_class_name(existing, value, name)
        ):
            if _is_unchanged(before, after, name):
                found[id(value)] = existing
    for existing, value in made:
        pairs = counterparts(existing, value, own, replace) if id(value) not in found else None
        if pairs is None or not apart.isdisjoint(pairs):
            continue
        if all(found.get(at, one) is one for at, one in pairs.items()):
            found.update(pairs)
    return found


def _pairs_of_versions(
    generation: Generation, members: Iterable[Member]
) -> Iterator[tuple[Member, str, Member, Any, Any]]:
    """Yield what a name of a module, or an attribute of one of its classes, was made as before and is made as now.

    Each with the member, the name of what the statement that makes it binds (of an attribute, with its class and a dot
    in front), and the member of before.
    """
    own = {member.name: member for member in members}
    for member in own.values():
        before = generation.before(member.name).members.get(member.name)
        if before is not None:
            for name, value in member.namespace.items():
                if name not in member.beneath:
                    yield member, name, before, before.meaning(name), value
    for (module, path), cls in list(generation.classes.named.items()):  # another module may be joining
        earlier = generation.before(module)
        before, attributes = earlier.members.get(module), earlier.classes.values.get(cls, {})
        if before is not None and module in own:
            for name, value in generation.classes.values.get(cls, {}).items():
                yield own[module], f"{path}.{name}", before, attributes.get(name), value


def _is_unchanged(before: Member, after: Member, name: str) -> bool:
    """Tell whether the statements that make an object, and say something to it, are what they were."""
    return says_the_same(before.source, after.source, name) and not _has_changed(before, after, name)


def _has_changed(before: Member, after: Member, name: str) -> bool:
    """Tell whether the statements that say something to what `name` means are others, or cannot be compared."""
    was, now = outline_of(before.source), outline_of(after.source)
    return was is None or now is None or was.texts.get(name) != now.texts.get(name)
