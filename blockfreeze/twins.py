"""Old instances of a class that gained attributes: they stay whole, on the methods that they were made for.

A class that keeps its identity gets the new generation's methods. Where those assign attributes to ``self`` that the
old ones did not, an instance made before lacks them, and a new method that reads one would fail. Such an instance
becomes one of a *twin*: a sub-class of its class, with the old generation's attributes, that calls itself what its
class is called and says that it is of that class. ``isinstance`` and ``except`` hold, pickles are those of the class.
A rollback brings the instances back.
"""

from __future__ import annotations

import dis
import gc
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from blockfreeze.asking import is_a
from blockfreeze.classes import method_function
from blockfreeze.cpython import instructions
from blockfreeze.switch import ABSENT, Switch

if TYPE_CHECKING:
    from blockfreeze.generation import Block, Generation

__all__ = ["move_to_twins", "return_from_twins"]

_SPECIAL = frozenset({"__init_subclass__", "__class_getitem__", "__new__", "__slots__", "__dict__", "__weakref__"})


def _assigned(values: dict[str, Any]) -> set[str]:
    """Return the attributes that the methods among `values` assign to their first argument."""
    names: set[str] = set()
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


def gained_attributes(before: Generation, after: Generation) -> dict[type, set[str]]:
    """Return, for each class of both generations, what instances made by `before` may lack in `after`."""
    gained: dict[type, set[str]] = {}
    for cls, values in after.class_values.items():
        if cls not in before.class_values:
            continue
        # What the generation was born with forwards by now; what it goes on with are its copies.
        old = {**before.class_values[cls], **before.class_copies.get(cls, {})}
        new = _assigned(values) - _assigned(old)
        new -= {name for name in new if name in values or any(name in base.__dict__ for base in cls.__mro__[1:])}
        if new:
            gained[cls] = new
    return gained


def _with_subclasses(cls: type) -> Iterator[type]:
    yield cls
    subclasses: list[type] = type.__subclasses__(cls)
    for one in subclasses:
        yield from _with_subclasses(one)


def move_to_twins(block: Block, before: Generation, after: Generation) -> dict[str, int]:
    """Move every instance that lacks an attribute which `after` assigns; neutral while `before` serves.

    It is done before the commit only: afterwards an instance that lacks an attribute may be one of `after` that its
    ``__init__`` is still at work on. What calls in flight make after the commit is not moved.

    Returns:
        how many instances of each class were moved, by the class's qualified name.
    """
    lacking: dict[type, set[str]] = {}
    for cls, names in gained_attributes(before, after).items():
        for kind in _with_subclasses(cls):
            if "blockfreeze_twin_of" not in kind.__dict__:
                lacking.setdefault(kind, set()).update(names)
    moved: dict[str, int] = {}
    twins: dict[type, type | None] = {}
    for one in _instances_of(list(lacking)):
        kind = type(one)
        if all(_has(one, name) for name in lacking[kind]):
            continue
        if kind not in twins:
            made = twins[kind] = _make_twin(kind, before)
            before.twins += [] if made is None else [made]  # at once: a failure returns what was moved
        twin = twins[kind]
        if twin is not None:
            _set_class(one, twin)
            name = f"{kind.__module__}.{kind.__qualname__}"
            moved[name] = moved.get(name, 0) + 1
    return moved


def _instances_of(kinds: list[type]) -> list[Any]:
    """Return the instances of exactly `kinds`, found in one walk through the heap, which holds up every thread."""
    return [one for one in gc.get_referrers(*kinds) if type(one) in kinds] if kinds else []


def _has(instance: Any, name: str) -> bool:
    try:
        object.__getattribute__(instance, name)
    except AttributeError:
        return False
    return True


def _set_class(instance: Any, cls: type) -> None:
    object.__dict__["__class__"].__set__(instance, cls)


def _make_twin(kind: type, before: Generation) -> type | None:
    """Return a sub-class of `kind` that has the attributes of `before`; None if Python does not allow one."""
    if any("__init_subclass__" in base.__dict__ for base in kind.__mro__[:-1]):
        return None  # making a sub-class would register it
    namespace: dict[str, Any] = {"__slots__": (), "__module__": kind.__module__, "__qualname__": kind.__qualname__}
    for base in kind.__mro__:
        for name, value in before.class_values.get(base, {}).items():
            owner = next(one for one in kind.__mro__ if name in one.__dict__ or one is base)
            if owner is base and name not in namespace and name not in _SPECIAL:
                live = base.__dict__.get(name)
                kept = live.inner.get(before, value) if is_a(live, Switch) else value
                if kept is not ABSENT:
                    namespace[name] = kept
                    before.lent.add(id(method_function(kept)))
    namespace["__doc__"] = kind.__doc__
    namespace["__class__"] = property(lambda self: kind, _set_class)
    namespace["blockfreeze_twin_of"] = kind

    def reduce_as_class(self: Any, protocol: Any) -> Any:
        """Pickle an instance as one of the class that it says it is of."""
        reduced = super(twin, self).__reduce_ex__(protocol)  # type: ignore[arg-type]
        if not is_a(reduced, tuple):
            return reduced
        return (reduced[0], tuple(kind if one is twin else one for one in reduced[1]), *reduced[2:])

    namespace.setdefault("__reduce_ex__", reduce_as_class)
    try:
        twin = type.__new__(type(kind), kind.__name__, (kind,), namespace)
    except TypeError:
        return None
    return twin


def return_from_twins(generation: Generation) -> None:
    """Let the instances that were moved when `generation` was left be of their class again: it serves again."""
    for one in _instances_of(generation.twins):
        _set_class(one, type(one).__dict__["blockfreeze_twin_of"])
    generation.twins.clear()
