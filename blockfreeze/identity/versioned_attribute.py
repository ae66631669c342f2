"""A class attribute while it has more than one value: a descriptor that answers for the caller's generation.

Example: generations 1 and 2 have different methods ``Till.total``. While calls of both run, the dictionary of `Till`
holds a `VersionedAttribute` under ``total``, and ``till.total()`` calls the method of the generation that calls.

Each special method takes its caller's frame itself and hands it on: in a function further down, ``frame_of_caller()``
would be a frame of this file.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Mapping
from functools import partial
from types import FrameType
from typing import Any, ClassVar, TypeVar

from blockfreeze.core.safe_access import ABSENT, frame_of_caller, is_a
from blockfreeze.dispatch.accesses import Switch
from blockfreeze.dispatch.uncompiled import ANY
from blockfreeze.identity import no_method
from blockfreeze.identity.layout import set_attribute
from blockfreeze.identity.object_construction import OF_OBJECT
from blockfreeze.linking.under_way import asks_by_name
from blockfreeze.model.block import Block, Generation

S = TypeVar("S")

_OWN = frozenset({"block", "default", "inner", "kind", "name", "outward", "owner", "reference"})
"""The attributes of a `VersionedAttribute` itself."""


def outward_value(found: Any, generation: Generation) -> Any:
    """Return what an entry of a class's dictionary is for `generation`, as callers outside see it; maybe `ABSENT`."""
    # Written out, as below: each swap asks this of every attribute.
    return found.outward.get(generation, found.default) if issubclass(type(found), VersionedAttribute) else found


def outward_values(attributes: Mapping[str, Any], generation: Generation) -> dict[str, Any]:
    """Return what entries of a class's dictionary are for `generation`, without those that it does not have."""
    # A call may be setting one meanwhile.
    chosen = {name: outward_value(found, generation) for name, found in list(attributes.items())}
    return {name: value for name, value in chosen.items() if value is not ABSENT}


def versioned_in(cls: type) -> list[tuple[str, VersionedAttribute]]:
    """Return the attributes of a class that have more than one value now, by name."""
    # Another thread may be setting one. Written out, since a swap asks this of each class several times.
    return [(name, found) for name, found in list(cls.__dict__.items()) if issubclass(type(found), VersionedAttribute)]


def documented_by_value(cls: type[S]) -> type[S]:
    """Let instances have their value's ``__doc__`` and ``__module__``: doctest and inspect read class dictionaries."""
    for name in ("__doc__", "__module__"):
        setattr(cls, name, _of_value(name))
    return cls


def _of_value(name: str) -> property:
    def get(versioned: VersionedAttribute) -> Any:
        return getattr(versioned.choose(frame_of_caller()), name)

    return property(get)


def _with_value(operation: Callable[..., Any]) -> Callable[..., Any]:
    def operate(versioned: VersionedAttribute, *given: Any) -> Any:
        return operation(versioned.choose(frame_of_caller()), *given)

    return operate


def _has(cls: type, name: str) -> bool:
    """Tell whether a class, or a base of it, has a special method for the caller; those of `object` do not count."""
    frame = frame_of_caller()
    for base in cls.__mro__[:-1]:
        found = base.__dict__.get(name, ABSENT)
        if is_a(found, NoAttribute):
            return False
        if is_a(found, VersionedAttribute):
            found = found.choose(frame)
        if found is not ABSENT:
            return True
    return False


def _none(frame: FrameType | None, name: str, instance: Any, owner: type | None) -> Any:
    """Return what an access from `frame` gets where there is no attribute `name`; see `no_method`.

    Raises:
        AttributeError: it is no special method, or is asked for by its name.
    """
    table = no_method.AT_ONCE if name in no_method.AT_ONCE else no_method.STAND_INS
    if instance is not None and name in table and not asks_by_name(frame, name):
        found = partial(table[name], _has, instance)
        return found() if table is no_method.AT_ONCE else found
    holder = repr(type(instance).__name__) + " object" if instance is not None else f"type object {owner!r}"
    raise AttributeError(f"{holder} has no attribute {name!r}", name=name, obj=instance)


class NoAttribute:
    """Stands, in the dictionary of a class, for an attribute that the class does not have, though a base has it."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return _none(frame_of_caller(), self.name, instance, owner)

    def __call__(self, descriptor: Any, instance: Any, owner: type | None) -> Any:
        """Serve as ``__get__``, which CPython calls unbound: there is none."""
        return descriptor


@documented_by_value
class VersionedAttribute(Switch):
    """A class attribute while it has more than one value: each access gets that of its own generation.

    `inner` serves frames of a generation, `outward` everybody else. They differ where a function was armed: outside
    callers get the one that forwards, the generation itself gets its own copy. For a generation that is in neither, as
    after a swap that came to nothing, the value is `default`.
    """

    __slots__ = ("block", "default", "name", "owner")

    kind_of_access: ClassVar[int] = ANY

    def __init__(self, block: Block, owner: type, name: str, default: Any) -> None:
        self.block = block
        self.reference = block.reference
        self.kind = self.kind_of_access
        self.owner = owner
        self.name = name
        self.default = default
        self.inner = {}
        self.outward = {}

    @property
    def __isabstractmethod__(self) -> bool:
        return bool(getattr(self.choose(frame_of_caller()), "__isabstractmethod__", False))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.choose(frame_of_caller()), name)

    # What takes an attribute out of a class's dictionary (``vars(cls)``) and works on it works on the value.

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self.choose(frame_of_caller()), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.choose(frame_of_caller()), name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self.choose(frame_of_caller()))

    __copy__ = _with_value(copy.copy)
    __deepcopy__ = _with_value(copy.deepcopy)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return operator.getitem, ((self.choose(frame_of_caller()),), 0)

    # A metaclass of the standard library takes its tables as it finds them in the class: `enum` does.
    __bool__ = _with_value(bool)
    __contains__ = _with_value(operator.contains)
    # `copyreg` does so with ``__slots__``, where it must find none if a version has deleted it.
    __iter__ = _with_value(lambda value: iter(() if value is ABSENT else value))
    __len__ = _with_value(len)
    __getitem__ = _with_value(operator.getitem)

    def choose(self, frame: FrameType | None) -> Any:
        """Return the value for an access from `frame`, or `ABSENT`."""
        generation, inside = self.reference.vector[0].locate(frame)
        return (self.inner if inside else self.outward).get(generation, self.default)

    def _get(self, frame: FrameType | None, instance: Any, owner: type | None) -> Any:
        generation, inside = self.reference.vector[0].locate(frame)
        # An access through the class gets the function that forwards: it may be compared with one that was read before
        # the versions overlapped.
        value = (self.inner if inside and instance is not None else self.outward).get(generation, self.default)
        if instance is not None and type(instance) is not owner and owner is not None:
            # It has become an instance of another class since this access began, before the value was chosen.
            return getattr(instance, self.name)
        if value is ABSENT:
            return self._bind(frame, value, instance, owner)
        get = getattr(type(value), "__get__", None)
        return value if get is None else get(value, instance, owner)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the value unbound: so CPython calls a descriptor's ``__get__``, and `enum` what it finds in a class."""
        frame = frame_of_caller()
        value = self.choose(frame)
        if value is ABSENT:
            bound = bool(args) and issubclass(type(args[0]), self.owner)
            value = self._inherited(frame, type(args[0]) if bound else self.owner)
        if self.name == "__get__" and args:
            return _described(frame, value, *args)
        return value(*args, **kwargs)

    def _bind(self, frame: FrameType | None, value: Any, instance: Any, owner: type | None) -> Any:
        if value is ABSENT:
            value = self._inherited(frame, owner if owner is not None else type(instance))
            if value is ABSENT and instance is None and owner is not None:
                # A class is an instance of its metaclass: an attribute that it does not have itself may be found there.
                value = self._inherited(frame, type(owner))
                if value is not ABSENT:
                    instance, owner = owner, type(owner)
            if value is ABSENT:
                return _none(frame, self.name, instance, owner)
            if self.name in OF_OBJECT and value is object.__dict__[self.name]:
                if not asks_by_name(frame, self.name):
                    bound = () if instance is None else (instance,)
                    return partial(OF_OBJECT[self.name], _has, *bound)
        get = getattr(type(value), "__get__", None)
        return value if get is None else get(value, instance, owner)

    def _inherited(self, frame: FrameType | None, owner: type) -> Any:
        order = owner.__mro__
        start = order.index(self.owner) + 1 if self.owner in order else 0
        for base in order[start:]:
            found = base.__dict__.get(self.name, ABSENT)
            if is_a(found, VersionedAttribute):
                found = found.choose(frame)
            if found is not ABSENT:
                return found
        return ABSENT


def _described(
    frame: FrameType | None, get: Any, descriptor: Any, instance: Any = None, owner: type | None = None
) -> Any:
    """Call the ``__get__`` of a class, or do without; the instance's own value precedes what is no data descriptor."""
    kind = type(descriptor)
    if instance is not None and not _has(kind, "__set__") and not _has(kind, "__delete__"):
        own = no_method.own_value(descriptor, instance, ABSENT)
        if own is not ABSENT:
            return own
    return descriptor if get is ABSENT else get(descriptor, instance, owner)


def put_on(cls: type, versioned: VersionedAttribute) -> None:
    """Put `versioned` on its class; if it stands for none as well, after what else CPython asks for then."""
    companions = no_method.COMPANIONS.get(versioned.name)
    known = (versioned.default, *versioned.inner.values(), *versioned.outward.values()) if companions else ()
    if companions and any(value is ABSENT for value in known):
        for name in companions:
            live = cls.__dict__.get(name, ABSENT)
            if not is_a(live, VersionedAttribute) and (live is not ABSENT or not _has(cls, name)):
                set_attribute(cls, name, VersionedAttribute(versioned.block, cls, name, live))
    if cls.__dict__.get(versioned.name, ABSENT) is not versioned:
        set_attribute(cls, versioned.name, versioned)
