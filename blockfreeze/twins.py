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
import dis
import gc
import sys
from collections.abc import Collection, Iterator
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from blockfreeze.asking import is_a
from blockfreeze.classes import watch_births
from blockfreeze.cpython import instructions
from blockfreeze.entries import KEPT
from blockfreeze.keeping import forwarding_methods, own_method, version_of
from blockfreeze.methods import method_function, rewrapped
from blockfreeze.shapes import set_attribute, set_class
from blockfreeze.switch import ABSENT, DataSwitch, Switch

if TYPE_CHECKING:
    from blockfreeze.generation import Block, Generation

__all__ = [
    "assigned_at_birth",
    "assigned_in",
    "has_attribute",
    "instances_of",
    "is_twin",
    "move_to_twins",
    "return_from_twins",
    "settle_twins",
    "with_subclasses",
]

_FIELDS = ("__dataclass_fields__", "__attrs_attrs__")
_CONSTRUCTORS = ("__new__", "__init__", "__post_init__", "__attrs_post_init__")
_SPECIAL = frozenset({"__init_subclass__", "__class_getitem__", "__new__", "__slots__", "__dict__", "__weakref__"})


def _assigned(values: dict[str, Any]) -> set[str]:
    """Return the attributes that the methods among `values` assign to their first argument, and declared fields."""
    names: set[str] = {
        *values.get("__dataclass_fields__", ()),
        *(one.name for one in values.get("__attrs_attrs__", ())),
    }
    for value in values.values():
        function = method_function(value)
        if is_a(function, FunctionType) and type(value) is not classmethod and function.__code__.co_argcount:
            names |= _assigned_to_first(function.__code__)
    return names


def _assigned_to_first(code: CodeType) -> set[str]:
    found: set[str] = set()
    before: tuple[str, int] = ("", 0)
    for opname, arg in instructions(code):
        if opname == "STORE_ATTR":
            name, local = before
            # Since 3.13 two loads may be one instruction, the second one in the lower four bits.
            index = local & 15 if name.count("FAST") > 1 and "AND_CLEAR" not in name else local
            if "LOAD_FAST" in name and index == 0:
                found.add(code.co_names[arg])
        if opname not in ("EXTENDED_ARG", dis.opname[0]):
            before = opname, arg
    return found


def assigned_in(generation: Generation, cls: type) -> set[str]:
    """Return the attributes that methods of `cls` assign to instances in `generation`, and that no class has."""
    # What a generation was born with forwards once it was armed; what it goes on with are its copies.
    values = {**generation.class_values[cls], **generation.class_copies.get(cls, {})}
    names = _assigned(values)
    return {name for name in names if name not in values and not any(name in one.__dict__ for one in cls.__mro__[1:])}


def assigned_at_birth(generation: Generation, cls: type) -> set[str]:
    """Return what of `assigned_in` the class's own constructor assigns, or a method that it may call."""
    values = {**generation.class_values[cls], **generation.class_copies.get(cls, {})}
    called, todo = set[str](), [name for name in _CONSTRUCTORS if name in values]
    while todo:
        name = todo.pop()
        called.add(name)
        function = method_function(values[name])
        names = function.__code__.co_names if is_a(function, FunctionType) else ()
        todo += [one for one in names if one in values and one not in called]
    called.update(name for name in _FIELDS if name in values)
    return assigned_in(generation, cls) & _assigned({name: values[name] for name in called})


def gained_attributes(before: Generation, after: Generation) -> dict[type, set[str]]:
    """Return, for each class of both generations, what instances made by `before` may lack in `after`."""
    gained: dict[type, set[str]] = {}
    for cls in list(after.class_values):
        if cls in before.class_values:
            old = {**before.class_values[cls], **before.class_copies.get(cls, {})}
            new = assigned_in(after, cls) - _assigned(old)
            if new:
                gained[cls] = new
    return gained


def with_subclasses(cls: type) -> Iterator[type]:
    """Yield a class and all of its sub-classes, whoever has defined them."""
    yield cls
    subclasses: list[type] = type.__subclasses__(cls)
    for one in subclasses:
        yield from with_subclasses(one)


def move_to_twins(
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
            if not is_twin(kind):
                lacking.setdefault(kind, set()).update(gained.get(cls, ()))
                held.update((kind,) if cls in waiting else ())
    others = [one for one in block.generations.values() if one not in (before, after) and not one.drained]
    twins: dict[type, type | None] = {}

    def twin_of(kind: type) -> type | None:
        if kind not in twins:
            made = twins[kind] = _make_twin(block, kind, before, others, gated=kind in held)
            before.twins += [] if made is None else [made]  # at once: a failure returns what was moved
        return twins[kind]

    # Those of classes that are waited for exist before the heap is searched: from here on, what `before` makes is told.
    for cls in waiting:
        watch_births(block, cls)
    for kind in held:
        twin_of(kind)
    moved: dict[str, int] = {}
    for one in instances_of(list(lacking)):
        kind = type(one)
        if kind not in lacking or after.has_made(one):
            continue
        if kind not in held and all(has_attribute(one, name) for name in lacking[kind]):
            continue
        twin = twin_of(kind)
        if twin is not None and block.replace_class(one, kind, twin):
            name = f"{kind.__module__}.{kind.__qualname__}"
            moved[name] = moved.get(name, 0) + 1
    return moved


def instances_of(kinds: list[type]) -> list[Any]:
    """Return the instances of exactly `kinds`, found in one walk through the heap, which holds up every thread."""
    return [one for one in gc.get_referrers(*kinds) if type(one) in kinds] if kinds else []


def has_attribute(instance: Any, name: str) -> bool:
    """Tell whether `instance` has an attribute of its own or of its class, without asking its ``__getattr__``."""
    try:
        object.__getattribute__(instance, name)
    except AttributeError:
        return False
    return True


def is_twin(kind: type) -> bool:
    """Tell whether `kind` is a twin of another class."""
    return "blockfreeze_twin_of" in kind.__dict__


def _make_twin(
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
    switches: list[Switch] = []
    for base in kind.__mro__:
        for name, value in before.class_values.get(base, {}).items():
            owner = next(one for one in kind.__mro__ if name in one.__dict__ or one is base)
            if owner is base and name not in namespace and name not in _SPECIAL:
                live = base.__dict__.get(name)
                kept = live.inner.get(before, value) if is_a(live, Switch) else value
                if is_a(method_function(kept), FunctionType):
                    kept = rewrapped(kept, own_method(block, before, base, name) or method_function(kept))
                if kept is not ABSENT:
                    namespace[name] = kept
                    before.lent.add(id(method_function(kept)))
                    if is_a(live, Switch) and not live.inner.keys().isdisjoint(others):
                        switches.append((DataSwitch if is_a(live, DataSwitch) else Switch)(block, kind, name, ABSENT))
                        switches[-1].inner.update({one: live.inner[one] for one in others if one in live.inner})
    if gated:
        namespace |= forwarding_methods(block, kind, namespace, others)
    for switch in switches:
        switch.default = namespace[switch.name]
        namespace[switch.name] = switch
    namespace["__doc__"] = kind.__doc__
    namespace["__class__"] = property(lambda self: kind, set_class)
    namespace["blockfreeze_twin_of"] = kind
    namespace["blockfreeze_version"] = version_of(before, kind)
    namespace["blockfreeze_assigned"] = frozenset(
        name for base in kind.__mro__ if base in before.class_values for name in assigned_in(before, base)
    )

    def reduce_as_class(self: Any, protocol: Any) -> Any:
        """Pickle an instance as one of the class that it says it is of; what is copied here stays what it is."""
        reduced = super(twin, self).__reduce_ex__(protocol)  # type: ignore[arg-type]
        if not is_a(reduced, tuple) or sys._getframe(1).f_globals is vars(copy):
            return reduced
        return (reduced[0], tuple(kind if one is twin else one for one in reduced[1]), *reduced[2:])

    namespace.setdefault("__reduce_ex__", reduce_as_class)
    try:
        twin = type.__new__(type(kind), kind.__name__, (kind,), namespace)
    except TypeError:
        return None
    for switch in switches:
        switch.owner = twin
    if KEPT in namespace:
        block.keepers.add(twin)
    return twin


def settle_twins(block: Block) -> None:
    """Once nothing runs in a generation that was left: a twin has one value of each attribute, as any class."""
    for generation in block.generations.values():
        for twin in generation.twins:
            for name, value in list(twin.__dict__.items()):
                if is_a(value, Switch):
                    set_attribute(twin, name, value.default)


def return_from_twins(generation: Generation, first: int = 0) -> None:
    """Let the instances that were moved when `generation` was left be of their class again: it serves again.

    Args:
        first: of the twins that the generation has, those from this one on.
    """
    for one in instances_of(generation.twins[first:]):
        set_class(one, type(one).__dict__["blockfreeze_twin_of"])
    del generation.twins[first:]
