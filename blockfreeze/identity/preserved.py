"""Module-level objects that keep their identity: nobody is left with a sentinel or a lock that the block replaced.

What a statement of the new version has made is compared with what it made before. The existing object stands for the
new one in these cases:

==================================================  ================================================================
what the statement makes                            example
==================================================  ================================================================
an equal constant, whatever the statement says now  ``SIZES = (1, 2)`` (`same`)
an object that is nothing but an identity           ``lock = Lock()``, also in the body of a class (`IDENTITIES`)
an object whose class was made for it alone         ``MISSING = sentinel("MISSING")`` (`made_alike`)
an empty object under the name of its class         ``class Missing: ...`` and ``Missing = Missing()``
an instance of a class of the block that holds      ``default = Config(retries=3)``, as long as nobody has filled or
exactly what the existing one holds                 changed the existing one (`counterparts`)
==================================================  ================================================================

In all but the first case the statements that make the object, and those that say something to it, have not changed. A
plain list or dictionary starts afresh; a swap reports it.

`preserved` is called where a statement stores the object, before anything else in the body can take hold of it. The
body of a class, and objects that may have been filled, are compared when the generation is complete: a body that found
the serving generation's object would fill that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from blockfreeze.core.safe_access import ABSENT
from blockfreeze.identity.equality import IDENTITIES, counterparts, has_taken_its_class_name, made_alike, same
from blockfreeze.identity.methods import is_own
from blockfreeze.model.block import Generation, Member
from blockfreeze.versions.agreement import says_the_same
from blockfreeze.versions.outline import outline_of


@dataclass(frozen=True, slots=True)
class _Remade:
    """What a name of a module means in two versions of it, or an attribute that the body of a class binds.

    `binding` is the name; of an attribute, with the class and a dot in front.
    """

    before: Member
    after: Member
    binding: str
    existing: Any
    value: Any

    @property
    def name(self) -> str:
        """The name at the top level of the module: of an attribute, its class's."""
        return self.binding.partition(".")[0]

    @property
    def are_identities(self) -> bool:
        """Whether both are objects of one type that are nothing but an identity."""
        return type(self.existing) is type(self.value) and type(self.value) in IDENTITIES

    @property
    def stand_alone(self) -> bool:
        """Whether both are sentinels, each of a class of its own."""
        return made_alike(self.existing, self.value) or (
            self.after.made(type(self.value)) and has_taken_its_class_name(self.existing, self.value, self.name)
        )

    @property
    def binds_the_same(self) -> bool:
        """Whether the statement that makes the object has not changed."""
        return says_the_same(self.before.source, self.after.source, self.binding)

    @property
    def is_unchanged(self) -> bool:
        """Whether no statement that makes, or says something to, what the name means has changed."""
        return says_the_same(self.before.source, self.after.source, self.name) and not self.is_addressed_anew

    @property
    def is_addressed_anew(self) -> bool:
        """Whether other statements say something to what the name means, or they cannot be compared."""
        was, now = outline_of(self.before.source), outline_of(self.after.source)
        return was is None or now is None or was.texts.get(self.name) != now.texts.get(self.name)


def preserved(generation: Generation, member: Member, name: str, value: Any) -> Any:
    """Return the object that `name` meant in the generation before, where it can stand for `value`."""
    before = generation.before(member.name).members.get(member.name)
    if before is None:
        return value
    remade = _Remade(before, member, name, before.meaning(name), value)
    if same(remade.existing, value):
        return remade.existing
    may_stand = remade.are_identities or made_alike(remade.existing, value)
    return remade.existing if may_stand and remade.is_unchanged else value


def saved(generation: Generation, member: Member, name: str, value: Any) -> Any:
    """Return what a name that saves an attribute of something outside is to mean.

    A function that the body has called may have replaced what was there by one of the block: then it is what the same
    statement has saved before. What the body replaces itself is seen to by `replaced_outside`.
    """
    block, before = generation.block, generation.before(member.name).members.get(member.name)
    if before is None or (block.entry_of(value) is None and not is_own(block, value)):
        return value
    remade = _Remade(before, member, name, before.meaning(name), value)
    if remade.existing is ABSENT or not callable(remade.existing) or is_own(block, remade.existing):
        return value
    return remade.existing if remade.binds_the_same else value


def preserved_objects(generation: Generation, members: Iterable[Member], replace: Mapping[int, Any]) -> dict[int, Any]:
    """Return which existing objects stand for objects that the bodies of `members` have made, by the ids of the latter.

    What such an object is made of goes with it: others may hold a part, and it is to be the same one for all of them.

    Args:
        replace: what stands for the functions and classes that the generation has made, by their ids.
    """
    found: dict[int, Any] = {}
    own = generation.classes.values
    filled: list[_Remade] = []
    apart: set[int] = set()  # no part of another object that is preserved: preserved by itself, or changed
    for one in _all_remade(generation, members):
        apart.add(id(one.existing))
        if "." in one.binding and one.are_identities:
            if one.binds_the_same:
                found[id(one.value)] = one.existing
        elif type(one.value) in own and one.existing is not one.value:
            if type(one.existing) is type(one.value) and one.is_unchanged:
                filled.append(one)
            elif one.after.namespace.get(one.name, ABSENT) is one.value and one.is_addressed_anew:
                apart.add(id(one.value))
        elif one.stand_alone and one.is_unchanged:
            found[id(one.value)] = one.existing
    for one in filled:
        pairs = counterparts(one.existing, one.value, own, replace) if id(one.value) not in found else None
        if pairs and apart.isdisjoint(pairs) and all(found.get(at, part) is part for at, part in pairs.items()):
            found.update(pairs)
    return found


def _all_remade(generation: Generation, members: Iterable[Member]) -> Iterator[_Remade]:
    own = {member.name: member for member in members}
    for member in own.values():
        before = generation.before(member.name).members.get(member.name)
        if before is not None:
            for name, value in member.namespace.items():
                if name not in member.beneath:
                    yield _Remade(before, member, name, before.meaning(name), value)
    for (module, path), cls in list(generation.classes.named.items()):  # another module may be joining
        earlier = generation.before(module)
        before, attributes = earlier.members.get(module), earlier.classes.values.get(cls, {})
        if before is not None and module in own:
            for name, value in generation.classes.values.get(cls, {}).items():
                yield _Remade(before, own[module], f"{path}.{name}", attributes.get(name), value)
