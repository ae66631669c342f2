"""The conversion of one instance to another version of its class: completely or not at all, and back.

What is the same for all instances of one class is found once, in a `Passage`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from types import MappingProxyType
from typing import Any

from blockfreeze.core.safe_access import HEAP_TYPE
from blockfreeze.identity.layout import own_slots, set_class
from blockfreeze.instances.attributes import has_attribute
from blockfreeze.instances.class_change import ClassChange
from blockfreeze.instances.kinds import full_name, is_legacy_class
from blockfreeze.model.legacy_attributes import LEGACY_ASSIGNED


class Passage:
    """How instances of `kind` become instances of `final`.

    Args:
        changes: those of the class and its bases.
        hook: what converts an instance; None if nothing does.
        obstacle: why none can be converted, or an empty text.
    """

    def __init__(
        self,
        kind: type,
        final: type,
        changes: Collection[ClassChange],
        hook: Callable[..., object] | None,
        obstacle: str,
    ) -> None:
        had = kind.__dict__.get(LEGACY_ASSIGNED) or {name for one in changes for name in one.assigned}
        wanted = {name for one in changes for name in one.assigned_now}
        self.kind = kind
        self.final = final
        self.hook = hook
        self.obstacle = obstacle
        self.added = tuple(sorted(wanted.difference(had)))  # what instances may lack
        self.discarded = tuple(sorted(set(had) - wanted))
        self.by_constructors = {name for one in changes for name in one.by_constructors}
        self.is_old = is_legacy_class(kind) or any(one.is_second for one in changes)  # every instance was made before
        # What an instance lacks that a call in flight has made as `kind` was before.
        self.lacked_by_old = {name for one in changes for name in one.by_constructors - one.assigned}
        self.name = full_name(final)
        self._slots = tuple(_slots(kind))

    @property
    def leads_nowhere(self) -> bool:
        """Whether instances of `kind` stay what they are: nothing converts them, and no second class has the name."""
        return self.hook is None and (self.final is self.kind or is_legacy_class(self.kind))

    def is_open_to(self, instance: Any) -> bool:
        """Tell whether `instance` is of the old version although the new one serves, which makes instances as well."""
        return self.is_old or any(not has_attribute(instance, name) for name in self.lacked_by_old)

    def bring(self, instance: Any, undo: list[Callable[[], object]]) -> str:
        """Convert one instance, and add to `undo` what gives it back what it had.

        Returns:
            why it stays as it is; an empty text if it does not.

        Raises:
            TypeError: the hook has not given it an attribute that constructors assign.
            BaseException: what the hook raises.
        """
        added = tuple([name for name in self.added if not has_attribute(instance, name)])
        if self.obstacle or (self.hook is None and added):
            return self.obstacle or f"lack {', '.join(added)}, which the methods of the new class assign"
        old = self._attributes(instance)
        if self.final is not self.kind:
            try:
                set_class(instance, self.final)
            except TypeError as error:
                return str(error)
        undo.append(partial(self.restore, instance, old))
        if self.hook is not None:
            discarded = tuple([name for name in self.discarded if name in old])
            self.hook(instance, added, discarded, MappingProxyType(old))
            for name in added:
                if name in self.by_constructors and not has_attribute(instance, name):
                    raise TypeError(f"the converter of {self.name} did not give an instance {name}")
        return ""

    def _attributes(self, instance: Any) -> dict[str, Any]:
        own = _dictionary(instance)
        found = {} if own is None else own.copy()
        for name in self._slots:
            if has_attribute(instance, name):
                found[name] = object.__getattribute__(instance, name)
        return found

    def restore(self, instance: Any, old: dict[str, Any]) -> None:
        """Give an instance back what it had, and its class."""
        if type(instance) is not self.kind:
            set_class(instance, self.kind)
        for name in self._slots:
            if name in old:
                object.__setattr__(instance, name, old[name])
            elif has_attribute(instance, name):
                object.__delattr__(instance, name)
        own = _dictionary(instance)
        if own is not None:
            own.clear()
            own.update({name: value for name, value in old.items() if name not in self._slots})


def broken_contract(kind: type, final: type) -> str:
    """Return what of an instance its construction has settled for good, so that it can be none of `final`; or nothing.

    The elements of a tuple are what its class has made them for, and a member is one of the enumeration that made it.
    """
    if issubclass(final, tuple) and getattr(kind, "_fields", None) != getattr(final, "_fields", None):
        return "a tuple keeps its fields, and those of the new class differ"
    if "_member_map_" in final.__dict__:
        return "an enumeration has the members that it has made"
    return ""


def refuse_broken_contract(kind: type, final: type) -> None:
    """Refuse to let classes derived from `kind` derive from `final` instead.

    Raises:
        TypeError: there is a `broken_contract`.
    """
    obstacle = broken_contract(kind, final)
    if obstacle:
        raise TypeError(obstacle)


def _slots(kind: type) -> Iterator[str]:
    for base in kind.__mro__:
        if base.__flags__ & HEAP_TYPE:
            yield from own_slots(base)


def _dictionary(instance: Any) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = object.__getattribute__(instance, "__dict__")
    except AttributeError:
        return None
    return found
