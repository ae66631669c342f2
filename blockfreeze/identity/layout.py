"""Whether a class can stay the class: its shape, and how attributes and classes are set past a metaclass."""

from __future__ import annotations

import contextlib
from types import MemberDescriptorType
from typing import Any

from blockfreeze.core.safe_access import is_a

_IMMUTABLE = 1 << 8


def can_change(cls: type) -> bool:
    """Tell whether attributes of `cls` can be set: not on a class that an extension module defines as immutable."""
    return not cls.__flags__ & _IMMUTABLE


def is_made_in_c(metaclass: type) -> bool:
    """Tell whether an extension module defines a metaclass: it makes more of a class than can be seen."""
    return any(not can_change(one) for one in metaclass.__mro__ if one not in (type, object))


def set_attribute(cls: type, name: str, value: Any) -> None:
    """Set an attribute of a class past its metaclass, which may refuse (an Enum's does), or have side effects."""
    try:
        type.__setattr__(cls, name, value)
    except TypeError:  # a metaclass that is made in C and sets attributes itself is not to be passed by
        setattr(cls, name, value)


def set_class(instance: Any, cls: type) -> None:
    """Make `instance` one of `cls`, whatever its class says of such an assignment.

    Raises:
        TypeError: the layouts differ.
    """
    object.__dict__["__class__"].__set__(instance, cls)


def delete_attribute(cls: type, name: str) -> None:
    """Delete an attribute of a class as `set_attribute` sets it."""
    try:
        type.__delattr__(cls, name)
    except TypeError:
        delattr(cls, name)


def hand_down(new: type, old: type) -> None:
    """Let the classes that a body has derived from `new` before it was taken apart derive from `old` instead.

    Inside one class body, a class can be the base of the next: nothing stands for either before the body is complete.
    """
    derived: list[type] = type.__subclasses__(new)
    for cls in derived:
        bases = tuple(old if base is new else base for base in cls.__bases__)
        with contextlib.suppress(TypeError):  # it has made a layout of its own: it stays what it is
            set_attribute(cls, "__bases__", bases)


def _is_alike(old: type, new: type) -> bool:
    """Tell whether a base can stay: the same class, or a named tuple that the class statement makes on the spot."""
    if old is new:
        return True
    made = old.__bases__ == new.__bases__ == (tuple,) and old.__qualname__ == new.__qualname__
    # Without a name of its own in the module, nobody but the class that inherits from it can have changed it.
    fields = ("__module__", "_fields", "_field_defaults")
    return made and all(name in vars(old) and vars(old)[name] == vars(new).get(name) for name in fields)


def _slot_names(cls: type) -> list[str]:
    return sorted(name for name, value in list(cls.__dict__.items()) if is_a(value, MemberDescriptorType))


def shape_difference(old: type, new: type) -> str | None:
    """Return what about the shape of `new` differs from that of `old`; None if `old` can take its attributes."""
    if type(old) is not type(new):
        return f"its metaclass was {type(old).__name__} and is {type(new).__name__}"
    if len(old.__bases__) != len(new.__bases__) or not all(map(_is_alike, old.__bases__, new.__bases__)):
        before, after = (", ".join(base.__name__ for base in cls.__bases__) for cls in (old, new))
        return f"its bases were ({before}) and are ({after})"
    if _slot_names(old) != _slot_names(new):
        return f"its slots were {_slot_names(old)} and are {_slot_names(new)}"
    layouts = [(c.__basicsize__, c.__itemsize__, c.__dictoffset__, c.__weakrefoffset__) for c in (old, new)]
    if layouts[0] != layouts[1]:
        return "the layout of its instances differs"
    for name in ("__name__", "__qualname__"):
        if name in old.__dict__ or name in new.__dict__:
            return f"it defines {name} for its instances, which Python does not let be replaced on a class"
    if issubclass(old, tuple) and getattr(old, "_fields", None) != getattr(new, "_fields", None):
        return "the fields of the tuple differ"
    return None
