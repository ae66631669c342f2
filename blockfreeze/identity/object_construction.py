"""What makes an instance, and what initialises it, where a class has no method of its own for that: `object`'s.

These two refuse arguments, unless the other one is the class's own. They ask that of the slots ``tp_new`` and
``tp_init``. So where a slot is filled only for another generation, or was once, they have to be told.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any, Final

from blockfreeze.core.safe_access import ABSENT
from blockfreeze.identity.refusals import Find, StandIn

_REPLACING: Final = getattr(typing, "_no_init_or_replace_init", ABSENT)
"""The ``__init__`` of protocols, which replaces itself."""


def _made(find: Find, cls: Any, *args: Any, **kwargs: Any) -> Any:
    """Make an instance as `object` does, which refuses arguments if its own ``__init__`` would be given them."""
    if (args or kwargs) and not find(cls, "__init__"):
        raise TypeError(f"{cls.__name__}() takes no arguments")
    return object.__new__(cls)


def _initialised(find: Find, instance: Any, *args: Any, **kwargs: Any) -> None:
    if (args or kwargs) and not find(type(instance), "__new__"):
        raise TypeError(f"{type(instance).__name__}() takes no arguments")


def needs_new(cls: Any) -> bool:
    """Tell whether a class, which does not have a ``__new__`` any more, needs `object_new`."""
    return bool(cls.__new__ is object.__new__)


def object_new(cls: Any) -> Any:
    """Return a ``__new__`` for a class that does not have one any more.

    CPython never empties the slot ``tp_new`` again, and `object`'s own method refuses every argument if it is filled,
    even those that ``__init__`` takes.
    """

    def make(cls: Any, *args: Any, **kwargs: Any) -> Any:
        return _made(lambda cls, name: getattr(cls, name) is not getattr(object, name), cls, *args, **kwargs)

    make.__name__, make.__qualname__ = "__new__", f"{cls.__qualname__}.__new__"
    return staticmethod(update_wrapper(make, cls.__init__, (), ()))  # its signature is that of the class


def found_at_first_use(cls: type, meant: Callable[[Any], Any]) -> Any:
    """Return the ``__init__`` that `typing` gives a class that derives from a protocol when it is first instantiated.

    It looks for one in the dictionaries of the class and its bases, where it would find our switch and set that.

    Args:
        meant: returns what an entry of a class's dictionary means.

    Returns:
        `ABSENT` if the class gets none.
    """
    own = (meant(base.__dict__.get("__init__", ABSENT)) for base in cls.__mro__)
    found = [one for one in own if one is not ABSENT]
    if getattr(cls, "_is_protocol", True) or found[0] is not _REPLACING:
        return ABSENT
    return next((one for one in found if one is not _REPLACING), object.__init__)


OF_OBJECT: Final[Mapping[str, StandIn]] = {"__init__": _initialised, "__new__": _made}
"""By name: what stands for `object`'s own method."""
