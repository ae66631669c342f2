"""The shape of classes: whether an existing class can take the attributes of a new one, and how they are set on it.

The shape is what Python does not let be replaced: the metaclass, the bases, the slots, the layout of instances.
"""

from __future__ import annotations

import contextlib
import gc
from types import MemberDescriptorType
from typing import Any

from blockfreeze.core.safe_access import ABSENT, is_a

_IMMUTABLE = 1 << 8

_CHANGED = "blockfreeze.changed"

IN_THE_TYPE = frozenset({"__name__", "__qualname__", "__bases__", "__base__", "__mro__"})
"""What a class has by its type: what its dictionary has under such a name is an attribute of its instances."""


def can_change(cls: type) -> bool:
    """Tell whether attributes of `cls` can be set: not on a class that an extension module defines as immutable."""
    return not cls.__flags__ & _IMMUTABLE


def is_made_in_c(metaclass: type) -> bool:
    """Tell whether an extension module defines a metaclass: it makes more of a class than can be seen."""
    return any(not can_change(one) for one in metaclass.__mro__ if one not in (type, object))


def set_attribute(cls: type, name: str, value: Any) -> None:
    """Set an attribute of a class, or delete it (`ABSENT`), past its metaclass: an Enum's refuses, others do more.

    Raises:
        AttributeError: there is none to delete.
    """
    if (name in IN_THE_TYPE and name in cls.__dict__) or (type(cls) is not type and _is_intercepted(type(cls), name)):
        _set_past(cls, name, value)
        return
    try:
        if value is ABSENT:
            type.__delattr__(cls, name)
        else:
            type.__setattr__(cls, name, value)
    except TypeError:  # a metaclass that is made in C and sets attributes itself is not to be passed by
        set_or_delete(cls, name, value)


def _is_intercepted(metaclass: type, name: str) -> bool:
    """Tell whether a metaclass has a descriptor that takes what is set on its classes under a name."""
    if name in type.__dict__ or name in object.__dict__:
        return False
    for base in metaclass.__mro__:
        if name in base.__dict__:
            kind = type(base.__dict__[name])
            return hasattr(kind, "__set__") or hasattr(kind, "__delete__")
    return False


def _set_past(cls: type, name: str, value: Any) -> None:
    """Set an attribute of a class where CPython would hand it to the metaclass's descriptor, as a class body does."""
    own: dict[str, Any] = gc.get_referents(cls.__dict__)[0]
    # What is set by the rules tells CPython that the class has changed.
    type.__setattr__(cls, _CHANGED, None)
    if value is ABSENT:
        own.pop(name, None)
    else:
        own[name] = value
    type.__delattr__(cls, _CHANGED)


def set_or_delete(target: Any, name: str, value: Any) -> None:
    """Set an attribute as any code would, or delete it (`ABSENT`).

    Raises:
        BaseException: whatever the class of `target` makes of it.
    """
    if value is ABSENT:
        delattr(target, name)
    else:
        setattr(target, name, value)


def set_class(instance: Any, cls: type) -> None:
    """Make `instance` an instance of `cls`, whatever its class says of such an assignment.

    Raises:
        TypeError: the layouts differ.
    """
    object.__dict__["__class__"].__set__(instance, cls)


def hand_down(new: type, old: type) -> None:
    """Let the classes that a body has derived from the shadow `new` derive from `old` instead.

    There are some where a class body defines one class and derives the next from it: both are shadows until the body
    is complete.
    """
    derived: list[type] = type.__subclasses__(new)
    for cls in derived:
        bases = tuple(old if base is new else base for base in cls.__bases__)
        with contextlib.suppress(TypeError):  # it has a layout of its own: it goes on to inherit from the shadow
            type.__setattr__(cls, "__bases__", bases)


def _is_its_own_metaclass(cls: type) -> bool:
    """Tell whether a class is an instance of itself: a sentinel that is its own type."""
    return type(cls) is cls


def _is_same_base(old: type, new: type) -> bool:
    """Tell whether two bases are one class, or say the same: ``class Point(namedtuple("Point", "x y"))`` makes one."""
    if old is new:
        return True
    on_the_spot = old.__bases__ == new.__bases__ == (tuple,) and old.__qualname__ == new.__qualname__
    # Without a name of its own in the module, nobody but the class that inherits from it can have changed it.
    fields = ("__module__", "_fields", "_field_defaults")
    return on_the_spot and all(name in vars(old) and vars(old)[name] == vars(new).get(name) for name in fields)


def own_slots(cls: type) -> list[str]:
    """Return the names of the slots that a class itself adds to its instances, in order."""
    return sorted(name for name, value in list(cls.__dict__.items()) if is_a(value, MemberDescriptorType))


def shape_difference(old: type, new: type) -> str | None:
    """Return what about the shape of `new` differs from that of `old`; None if `old` can take its attributes."""
    if type(old) is not type(new) and not (_is_its_own_metaclass(old) and _is_its_own_metaclass(new)):
        return f"its metaclass was {type(old).__name__} and is {type(new).__name__}"
    if len(old.__bases__) != len(new.__bases__) or not all(map(_is_same_base, old.__bases__, new.__bases__)):
        before, after = (", ".join(base.__name__ for base in cls.__bases__) for cls in (old, new))
        return f"its bases were ({before}) and are ({after})"
    if own_slots(old) != own_slots(new):
        return f"its slots were {own_slots(old)} and are {own_slots(new)}"
    layouts = [(c.__basicsize__, c.__itemsize__, c.__dictoffset__, c.__weakrefoffset__) for c in (old, new)]
    if layouts[0] != layouts[1]:
        return "the layout of its instances differs"
    if issubclass(old, tuple) and getattr(old, "_fields", None) != getattr(new, "_fields", None):
        return "the fields of the tuple differ"
    return None
