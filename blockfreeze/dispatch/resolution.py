"""What serves an entry in one generation: its own function, one found by name, or one that says that there is none.

A vector's slots hold what `local_of` returns. While some class goes on with methods of a generation that was left, the
slot of such a method holds a `LegacyChoice`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blockfreeze.core.errors import EntryRemovedError
from blockfreeze.core.safe_access import is_a
from blockfreeze.dispatch.handed_out import HandedOut
from blockfreeze.model.block import Generation
from blockfreeze.model.entry import Entry, EntryKind
from blockfreeze.model.legacy_attributes import LATEST, LEGACY_METHODS


def own_of(generation: Generation, entry: Entry | HandedOut) -> Callable[..., Any] | None:
    """Return a generation's own callable for `entry`; None if it has none, or none yet."""
    return entry.own(generation) if type(entry) is HandedOut else generation.locals.get(entry)


def local_of(generation: Generation, entry: Entry | HandedOut) -> Callable[..., Any]:
    """Return a generation's own callable for `entry`, or one that raises `EntryRemovedError`."""
    if type(entry) is HandedOut:
        return entry.own(generation)
    found = generation.locals.get(entry)
    return _found_by_name(generation, entry) if found is None else found


def _found_by_name(generation: Generation, entry: Entry) -> Callable[..., Any]:
    member = generation.members.get(entry.member)
    value: Any = None
    if member is not None and entry.kind is not EntryKind.METHOD:
        value = member.namespace.get(entry.plain_path)
        other = generation.block.entry_of(value)
        if other is not None and other is not entry:
            return local_of(generation, other)
    if not callable(value) or value is entry.function:
        return _removed(generation, entry)
    found: Callable[..., Any] = value
    generation.locals[entry] = found
    return found


def _removed(generation: Generation, entry: Entry) -> Callable[..., Any]:
    block, number = generation.block.name, generation.number

    def removed(*args: Any, **kwargs: Any) -> Any:
        if entry not in generation.locals:
            generation.block.load_member(generation, entry.member)  # which nothing in it may have imported yet
        found = generation.locals.get(entry)
        if found is not None:
            return found(*args, **kwargs)
        if entry.kind is EntryKind.METHOD and not entry.where and args and has_another(entry, args[0]):
            return getattr(args[0], entry.attribute)(*args[1:], **kwargs)
        raise EntryRemovedError(
            f"{block}: the entry {entry.name!r} was called: generation {number} no longer defines it; "
            "call what replaced it, or roll back",
            block=block,
            entry=entry.name,
            generation=number,
        )

    return removed


class LegacyChoice:
    """What the slot of a method holds while some class goes on with an older one: that one for its instances.

    For all other instances it is `served`. A choice belongs to a generation: classes that this generation has are not
    chosen for. What another class goes on with may be one method for calls that began before the class was left once
    more, and another one for calls that began later.
    """

    __slots__ = ("_entry", "_generation", "served")

    def __init__(self, entry: Entry, generation: Generation, served: Callable[..., Any] | None) -> None:
        self._entry = entry
        self._generation = generation
        self.served = served

    def __call__(self, owner: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call the method for `owner`, an instance or a class."""
        for cls in _classes_of(owner):
            methods = cls.__dict__.get(LEGACY_METHODS, {}).get(self._entry)
            if methods is not None and cls not in self._generation.classes.values:
                return methods.get(self._generation.number, methods[LATEST])(owner, *args, **kwargs)
        if self.served is None:
            name = self._entry.attribute
            if has_another(self._entry, owner):
                return getattr(owner, name)(*args, **kwargs)
            raise AttributeError(f"{type(owner).__name__!r} object has no attribute {name!r}", name=name, obj=owner)
        return self.served(owner, *args, **kwargs)


def _classes_of(owner: object) -> tuple[type, ...]:
    return (owner if is_a(owner, type) else type(owner)).__mro__


def has_another(entry: Entry, owner: object) -> bool:
    """Tell whether the class of `owner` has another method of the name of `entry`, whose own class is gone.

    A bound method, or a call that has waited, is of the class that its instance had, which has since moved to another.
    """
    name = entry.attribute
    for cls in _classes_of(owner):
        if name in cls.__dict__:
            found = cls.__dict__[name]
            return getattr(found, "__func__", found) is not entry.function
    return False
