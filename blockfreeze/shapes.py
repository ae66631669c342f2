"""Whether a class can stay the class: what of its shape cannot be replaced, and which values are the same."""

from __future__ import annotations

from types import MemberDescriptorType
from typing import Any

from blockfreeze.asking import is_a
from blockfreeze.redirect import ATOMS

__all__ = ["can_change", "same", "shape_difference"]

_IMMUTABLE = 1 << 8


def can_change(cls: type) -> bool:
    """Tell whether attributes of `cls` can be set: not on a class that an extension module defines as immutable."""
    return not cls.__flags__ & _IMMUTABLE


def _is_alike(old: type, new: type) -> bool:
    """Tell whether a base can stay: the same class, or a named tuple that the class statement makes on the spot."""
    if old is new:
        return True
    made = old.__bases__ == new.__bases__ == (tuple,) and old.__qualname__ == new.__qualname__
    # Without a name of its own in the module, nobody but the class that inherits from it can have changed it.
    fields = ("__module__", "_fields", "_field_defaults")
    return made and all(name in vars(old) and vars(old)[name] == vars(new).get(name) for name in fields)


def _slot_names(cls: type) -> list[str]:
    return sorted(name for name, value in cls.__dict__.items() if is_a(value, MemberDescriptorType))


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


def same(before: Any, after: Any) -> bool:
    """Tell whether two class attributes are interchangeable: one object, or equal and immutable all through."""
    if before is after:
        return True
    if type(before) is not type(after):
        return False
    if is_a(before, ATOMS):
        return bool(before == after)
    if type(before) in (tuple, frozenset):
        return len(before) == len(after) and all(map(same, before, after)) and type(before) is tuple
    return False
