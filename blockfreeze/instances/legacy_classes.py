"""Old instances of a class that gained attributes: they stay whole, on the methods that they were made for.

A class that keeps its identity gets the new generation's methods. Where those assign attributes to ``self`` that the
old ones did not, an instance made before lacks them, and a new method that reads one would fail. Such an instance
becomes one of a *twin*: a sub-class of its class, with the old generation's attributes, that calls itself what its
class is called and says that it is of that class. ``isinstance`` and ``except`` hold, pickles are those of the class.
A rollback brings the instances back.

Where a converter waits for the block to be at rest (`conversion`), every instance made before becomes one of a twin,
whether or not it lacks something, and the twin's methods go through the vector, so that the gate can stop them.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Collection
from types import FunctionType
from typing import Any

from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.dispatch.resolution import LEGACY_METHODS
from blockfreeze.identity.adopt import watch_construction
from blockfreeze.identity.layout import set_attribute, set_class
from blockfreeze.identity.methods import method_function, rewrapped
from blockfreeze.identity.new_instances import LEGACY_OF, is_new_instance, replace_class
from blockfreeze.identity.versioned_attribute import VersionedAttribute, VersionedDataAttribute
from blockfreeze.instances.attributes import (
    assigned_in,
    gained_attributes,
    has_attribute,
    instances_of,
    with_subclasses,
)
from blockfreeze.instances.converter import version_of
from blockfreeze.instances.legacy_methods import legacy_methods_of, working_method
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.phase import Phase

_SPECIAL = frozenset({"__init_subclass__", "__class_getitem__", "__new__", "__slots__", "__dict__", "__weakref__"})


def move_to_legacy_classes(
    block: Block, before: Generation, after: Generation, waiting: Collection[type] = (), done: Collection[type] = ()
) -> dict[str, int]:
    """Move every instance that lacks an attribute which `after` assigns; neutral while `before` serves.

    It is done before the commit only: afterwards an instance that lacks an attribute may be one of `after` that its
    ``__init__`` is still at work on. What calls in flight make after the commit is not moved.

    Args:
        waiting: classes all of whose instances are to be moved, because a converter waits for them.
        done: classes whose instances a converter has seen to.

    Returns:
        how many instances of each class were moved, by the class's qualified name.
    """
    lacking: dict[type, set[str]] = {}
    held: set[type] = set()
    gained = gained_attributes(before, after)
    for cls in (gained.keys() | set(waiting)).difference(done):
        for kind in with_subclasses(cls):
            if not is_legacy_class(kind):
                lacking.setdefault(kind, set()).update(gained.get(cls, ()))
                held.update((kind,) if cls in waiting else ())
    others = [
        one for one in block.generations.values() if one not in (before, after) and one.phase is not Phase.DRAINED
    ]
    legacy_classes: dict[type, type | None] = {}

    def legacy_class_of(kind: type) -> type | None:
        if kind not in legacy_classes:
            made = legacy_classes[kind] = _make_legacy_class(block, kind, before, others, gated=kind in held)
            before.classes.legacy += [] if made is None else [made]  # at once: a failure returns what was moved
        return legacy_classes[kind]

    # Those of classes that are waited for exist before the heap is searched: from here on, what `before` makes is told.
    for cls in waiting:
        watch_construction(block, cls)
    for kind in held:
        legacy_class_of(kind)
    moved: dict[str, int] = {}
    for one in instances_of(list(lacking)):
        kind = type(one)
        if kind not in lacking or is_new_instance(after, one):
            continue
        if kind not in held and all(has_attribute(one, name) for name in lacking[kind]):
            continue
        legacy = legacy_class_of(kind)
        if legacy is not None and replace_class(block, one, kind, legacy):
            name = f"{kind.__module__}.{kind.__qualname__}"
            moved[name] = moved.get(name, 0) + 1
    return moved


def is_legacy_class(kind: type) -> bool:
    """Tell whether `kind` is a twin of another class."""
    return LEGACY_OF in kind.__dict__


def _make_legacy_class(
    block: Block, kind: type, before: Generation, others: Collection[Generation], *, gated: bool
) -> type | None:
    """Return a sub-class of `kind` that has the attributes of `before`; None if Python does not allow one.

    Args:
        others: generations left earlier, in which calls may be under way. What these have made of `kind` since they
            were left is moved as well, so each finds in the twin what it has found in the class.
        gated: let calls of its methods go through the vector, where a gate can stop them.
    """
    if any("__init_subclass__" in base.__dict__ for base in kind.__mro__[:-1]):
        return None  # making a sub-class would register it
    namespace: dict[str, Any] = {"__slots__": (), "__module__": kind.__module__, "__qualname__": kind.__qualname__}
    versioned_attributes: list[VersionedAttribute] = []
    for base in kind.__mro__:
        for name, value in before.classes.values.get(base, {}).items():
            owner = next(one for one in kind.__mro__ if name in one.__dict__ or one is base)
            if owner is base and name not in namespace and name not in _SPECIAL:
                live = base.__dict__.get(name)
                kept = live.inner.get(before, value) if is_a(live, VersionedAttribute) else value
                if is_a(method_function(kept), FunctionType):
                    kept = rewrapped(kept, working_method(block, before, base, name) or method_function(kept))
                if kept is not ABSENT:
                    namespace[name] = kept
                    before.drain.lent.add(id(method_function(kept)))
                    if is_a(live, VersionedAttribute) and not live.inner.keys().isdisjoint(others):
                        versioned_attributes.append(
                            (VersionedDataAttribute if is_a(live, VersionedDataAttribute) else VersionedAttribute)(
                                block, kind, name, ABSENT
                            )
                        )
                        versioned_attributes[-1].inner.update(
                            {one: live.inner[one] for one in others if one in live.inner}
                        )
    if gated:
        namespace |= legacy_methods_of(block, kind, namespace, others)
    for versioned in versioned_attributes:
        versioned.default = namespace[versioned.name]
        namespace[versioned.name] = versioned
    namespace["__doc__"] = kind.__doc__
    namespace["__class__"] = property(lambda self: kind, set_class)
    namespace[LEGACY_OF] = kind
    namespace["blockfreeze_version"] = version_of(before, kind)
    namespace["blockfreeze_assigned"] = frozenset(
        name for base in kind.__mro__ if base in before.classes.values for name in assigned_in(before, base)
    )

    def reduce_as_class(self: Any, protocol: Any) -> Any:
        """Pickle an instance as one of the class that it says it is of; what is copied here stays what it is."""
        reduced = super(legacy, self).__reduce_ex__(protocol)  # type: ignore[arg-type]
        if not is_a(reduced, tuple) or sys._getframe(1).f_globals is vars(copy):
            return reduced
        return (reduced[0], tuple(kind if one is legacy else one for one in reduced[1]), *reduced[2:])

    namespace.setdefault("__reduce_ex__", reduce_as_class)
    try:
        legacy = type.__new__(type(kind), kind.__name__, (kind,), namespace)
    except TypeError:
        return None
    for versioned in versioned_attributes:
        versioned.owner = legacy
    if LEGACY_METHODS in namespace:
        block.instances.with_legacy_methods.add(legacy)
    return legacy


def disarm_legacy_classes(block: Block) -> None:
    """Once nothing runs in a generation that was left: a twin has one value of each attribute, as any class."""
    for generation in block.generations.values():
        for legacy in generation.classes.legacy:
            for name, value in list(legacy.__dict__.items()):
                if is_a(value, VersionedAttribute):
                    set_attribute(legacy, name, value.default)


def return_from_legacy_classes(generation: Generation, first: int = 0) -> None:
    """Let the instances that were moved when `generation` was left be of their class again: it serves again.

    Args:
        first: of the twins that the generation has, those from this one on.
    """
    for one in instances_of(generation.classes.legacy[first:]):
        set_class(one, type(one).__dict__[LEGACY_OF])
    del generation.classes.legacy[first:]
