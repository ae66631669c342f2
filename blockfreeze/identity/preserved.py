"""Objects that keep their identity: what an unchanged statement makes survives, with what others have put in since.

What a statement of the new version has made is compared with what it made before. The existing object stands for the
new one in these cases:

==================================================  ================================================================
what the statement makes                            example
==================================================  ================================================================
an equal constant, whatever the statement says now  ``SIZES = (1, 2)`` (`same`)
an object that is nothing but an identity           ``lock = Lock()``, also in the body of a class (`IDENTITIES`)
an object whose class was made for it alone         ``MISSING = sentinel("MISSING")`` (`made_alike`)
an empty object under the name of its class         ``class Missing: ...`` and ``Missing = Missing()``
a container, queue or count, or an instance of a    ``known = {}``, ``ids = count()``, ``changed = Signal()``, if the
class of the block, with what is inside             new body leaves it as the old body left it (`counterparts`)
an object of a class outside                        ``pool = Pool(4)``, if no body uses it (`made_outside`)
==================================================  ================================================================

In all but the first case the statements that make the object have not changed. What functions of the block have
computed and remember in it must be what they would compute now (`memories`).

`preserved` is called where a statement stores the object, before anything else in the body can take hold of it. The
body of a class, and objects that may have been filled, are compared when the generation is complete: a body that found
the serving generation's object would fill that. They are compared with what `contents` has recorded of the existing
ones, so what has been put in since does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from blockfreeze.core.filling import is_told_by_size
from blockfreeze.core.safe_access import ABSENT, ATOMS, FROZEN, is_a, own_attribute
from blockfreeze.identity.contents import CONTAINERS, is_as_left
from blockfreeze.identity.counterparts import counterparts
from blockfreeze.identity.equality import IDENTITIES, attributes_of, has_taken_its_class_name, made_alike, same
from blockfreeze.identity.made_outside import is_foreign, is_made_outside
from blockfreeze.identity.memories import holds_old_results, says_all_the_same
from blockfreeze.identity.methods import is_own
from blockfreeze.model.block import Block, Generation, Member
from blockfreeze.versions.agreement import says_the_same
from blockfreeze.versions.outline import outline_of

_NEVER_PRESERVED = frozenset(
    {*ATOMS, *FROZEN, type, FunctionType, BuiltinFunctionType, ModuleType, classmethod, property, staticmethod}
)
"""Types of what is compared when it is stored, or has its identity by other means."""


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
    def may_be_filled(self) -> bool:
        """Whether both are containers of one type, or objects of one class outside."""
        kind = type(self.value)
        if self.existing is self.value or type(self.existing) is not kind:
            return False
        return kind in CONTAINERS or is_told_by_size(kind) or is_foreign(self.value)

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
    def imports_the_same(self) -> bool:
        """Whether both versions import the name, from the same place."""
        was, now = outline_of(self.before.source), outline_of(self.after.source)
        place = None if was is None else was.imports.get(self.name)
        return place is not None and now is not None and now.imports.get(self.name) == place

    @property
    def is_unchanged(self) -> bool:
        """Whether no statement that makes, or says something to, what the name means has changed."""
        return says_the_same(self.before.source, self.after.source, self.name) and not self.is_addressed_anew

    @property
    def is_addressed_anew(self) -> bool:
        """Whether other statements say something to what the name means, or they cannot be compared."""
        was, now = outline_of(self.before.source), outline_of(self.after.source)
        return was is None or now is None or not now.changes_alike(was, self.name)


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
    """Return what a name that saves something from outside is to mean, however the statement reads it.

    Example: ``_old = vars(lib)["f"]``, ``getattr(lib, "f")``, ``from lib import f as _old``. A version before may have
    put one of the block's functions there: then it is what the same statement has saved before. What is read and set as
    an attribute at the top level is seen to by `replaced_outside`, whatever the statement says now.
    """
    block, before = generation.block, generation.before(member.name).members.get(member.name)
    if before is None or (block.entry_of(value) is None and not is_own(block, value)):
        return value
    remade = _Remade(before, member, name, before.meaning(name), value)
    if remade.existing is ABSENT or not callable(remade.existing) or _is_made_inside(block, remade.existing):
        return value
    return remade.existing if remade.binds_the_same or remade.imports_the_same else value


def _is_made_inside(block: Block, value: Any) -> bool:
    """Tell whether a callable is the block's, also of a generation that is forgotten."""
    module = own_attribute(value, "__module__")
    return is_own(block, value) or block.entry_of(value) is not None or (is_a(module, str) and block.covers(module))


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
    for one in _all_remade(generation, members, apart):
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
        elif one.may_be_filled and one.binds_the_same:
            filled.append(one)
    _preserve_filled(generation, filled, apart, found, replace)
    return found


def _preserve_filled(
    generation: Generation, filled: list[_Remade], apart: set[int], found: dict[int, Any], replace: Mapping[int, Any]
) -> None:
    """Enter into `found` what may have been filled, if the body has left it as the body before has left it."""
    kinds, everything = generation.classes.values, {**replace, **found}
    settled: dict[int, Any] = {}  # a tree of objects may have a name for each of its nodes: it is compared once
    alike: dict[int, bool] = {}
    as_left: dict[int, set[int]] = {}
    for one in filled:
        before = generation.before(one.after.name)
        if id(one.value) in found:
            continue
        if is_made_outside(generation, one.before, one.after, one.binding, one.existing, one.value):
            found[id(one.value)] = one.existing
            continue
        pairs = counterparts(one.existing, one.value, kinds, everything, before.contents.left, settled)
        if (
            not pairs
            or not apart.isdisjoint(pairs)
            or any(found.get(at, part) is not part for at, part in pairs.items())
        ):
            continue
        if before.number not in alike:
            alike[before.number] = says_all_the_same(before, generation)
        known = as_left.setdefault(before.number, set())
        if alike[before.number] or not _is_old_memory(before, generation, one, known):
            found.update(pairs)
            settled.update(pairs)


def _is_old_memory(before: Generation, after: Generation, one: _Remade, known: set[int]) -> bool:
    if is_as_left(one.existing, before.contents.left, known):
        return False
    inside = attributes_of(one.existing) if type(one.existing) in after.classes.values else {}
    names = {f".{name.rpartition('.')[2]}" for name in inside}
    return holds_old_results(before, after, one.after.name, one.binding, names)


def _all_remade(generation: Generation, members: Iterable[Member], apart: set[int]) -> Iterator[_Remade]:
    """Yield what names mean that is another object now, and whose type may be preserved.

    Args:
        apart: is given the ids of all that the names have meant.
    """
    own = {member.name: member for member in members}
    for member in own.values():
        before = generation.before(member.name).members.get(member.name)
        if before is not None:
            for name, value in member.namespace.items():
                if name not in member.beneath:
                    existing = before.meaning(name)
                    apart.add(id(existing))
                    if existing is not value and type(value) not in _NEVER_PRESERVED:
                        yield _Remade(before, member, name, existing, value)
    for (module, path), cls in list(generation.classes.named.items()):  # another module may be joining
        earlier = generation.before(module)
        before, attributes = earlier.members.get(module), earlier.classes.values.get(cls, {})
        if before is not None and module in own:
            for name, value in generation.classes.values.get(cls, {}).items():
                existing = attributes.get(name)
                apart.add(id(existing))
                if existing is not value and type(value) not in _NEVER_PRESERVED:
                    yield _Remade(before, own[module], f"{path}.{name}", existing, value)
