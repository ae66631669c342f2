"""What serves an entry in one generation, where the vector has no slot for it or several callables share the slot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from blockfreeze.core.errors import EntryRemovedError
from blockfreeze.core.safe_access import is_a
from blockfreeze.model.block import Generation
from blockfreeze.model.entry import Entry

__all__ = ["LegacyChoice", "LEGACY_METHODS", "LATEST", "_removed", "has_another"]


def _removed(entry: Entry, generation: Generation) -> Callable[..., Any]:
    block, number = generation.block.name, generation.number

    def removed(*args: Any, **kwargs: Any) -> Any:
        if entry not in generation.locals:
            generation.block.load_member(generation, entry.member)  # which nothing in it may have imported yet
        found = generation.locals.get(entry)
        if found is not None:
            return found(*args, **kwargs)
        if "." in entry.path and args and has_another(entry, args[0]):
            return getattr(args[0], entry.path.rpartition(".")[2])(*args[1:], **kwargs)
        raise EntryRemovedError(
            f"{block}: the entry {entry.name!r} was called: generation {number} no longer defines it; "
            "call what replaced it, or roll back",
            block=block,
            entry=entry.name,
            generation=number,
        )

    return removed


LEGACY_METHODS: Final = "blockfreeze_kept"
"""The class attribute with the methods that a class keeps, by entry. It is there that they live, and die, with it.

Of each there may be several: by the number of the generation for which the class was left, and the latest one.
"""

LATEST: Final = 0
"""The number under which the method of a class is that was left last."""


class LegacyChoice:
    """What a slot holds while some class keeps the method of its name: that one for its instances, else `served`.

    It belongs to a generation: a class that this one has keeps nothing in it, and what another keeps may be one thing
    for calls that began before the class was left once more, and another for those that began later.
    """

    __slots__ = ("_entry", "_generation", "served")

    def __init__(self, entry: Entry, generation: Generation, served: Callable[..., Any] | None) -> None:
        self._entry = entry
        self._generation = generation
        self.served = served

    def __call__(self, owner: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call the method for `owner`, an instance or a class."""
        for cls in _classes_of(owner):
            kept = cls.__dict__.get(LEGACY_METHODS, {}).get(self._entry)
            if kept is not None and cls not in self._generation.class_values:
                return kept.get(self._generation.number, kept[LATEST])(owner, *args, **kwargs)
        if self.served is None:
            name = self._entry.path.rpartition(".")[2]
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
    name = entry.path.rpartition(".")[2]
    for cls in _classes_of(owner):
        if name in cls.__dict__:
            found = cls.__dict__[name]
            return getattr(found, "__func__", found) is not entry.function
    return False
