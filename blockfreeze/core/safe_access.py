"""Safe ways to look at objects that others made: by their real type, without running code of their classes.

A module's namespace may hold anything, among it proxies that answer for another object (``flask.request``, lazy
settings and lazy modules). A look at the ``__class__`` of a proxy, as `isinstance` takes it, or at an attribute that it
lacks, is passed on to that object. This fails where there is none, or loads what was to be loaded on first use.
"""

from __future__ import annotations

import builtins
import sys
from functools import lru_cache
from types import CellType, FrameType
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from typing_extensions import TypeIs

T = TypeVar("T")

_getframe = sys._getframe  # taken now: a program may delete it from sys, as a test of other interpreters does

ATOMS: Final = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented))
"""Immutable types that hold no other object."""

FROZEN_DICTS: Final[tuple[Any, ...]] = tuple(filter(None, [getattr(builtins, "frozendict", None)]))
"""The type of mappings that cannot be changed, which is a built-in since 3.15; none before."""

FROZEN: Final[tuple[Any, ...]] = (tuple, frozenset, *FROZEN_DICTS)
"""Containers that cannot be changed."""

CACHE_TYPE: Final = type(lru_cache(maxsize=1)(len))
"""The type of what `functools.lru_cache` makes of a function."""

HEAP_TYPE: Final = 1 << 9
"""The flag of a class that a class statement, or a call, has made; those of static C code lack it."""


class _Absent:
    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Final = _Absent()
"""Stands for a missing value where None may be a value."""


def is_a(value: Any, kind: type[T] | tuple[type[T], ...]) -> TypeIs[T]:
    """Tell whether the real type of `value` is `kind`, or one of them, or a sub-class."""
    return issubclass(type(value), kind)


_MODULE: Final[Any] = type.__dict__["__module__"]


def module_of(cls: type) -> str:
    """Return the name of the module that a class says it is of; nothing if it says something else there.

    A proxy's class has a property, and so may a metaclass.
    """
    found = _MODULE.__get__(cls)
    return found if type(found) is str else ""


def frame_of_caller() -> FrameType | None:
    """Return the frame that has called the calling function; None if none has: C code began a thread with that call."""
    try:
        return _getframe(2)
    except ValueError:
        return None


def is_our_own(module: str) -> bool:
    """Tell whether the module of a name is one of blockfreeze's, and so not the program's."""
    return module.partition(".")[0] == "blockfreeze"


_COMPILERS: Final = frozenset({"numba"})


def compiles_bytecode(kind: type) -> bool:
    """Tell whether instances of a class compile the bytecode of a function that they hold, when they are called.

    A forwarder would be nothing to compile. So such an object has each version's own function, and whoever goes on to
    hold one goes on with its version, whole.
    """
    return str(kind.__module__).partition(".")[0] in _COMPILERS


def is_proxy(value: object) -> bool:
    """Tell whether the class of `value` answers for ``__class__`` itself, as a proxy's does."""
    return makes_proxies(type(value))


def makes_proxies(kind: type) -> bool:
    """Tell whether instances of a class are proxies; see `is_proxy`."""
    if kind.__flags__ & HEAP_TYPE:  # otherwise none of its bases has a ``__class__`` of its own either
        for cls in kind.__mro__[:-1]:
            if "__class__" in cls.__dict__:
                return True
    return False


def own_attribute(value: object, name: str, default: Any = None) -> Any:
    """Return an attribute that `value` has itself or from its class, past any ``__getattr__``; else `default`.

    A proxy has none: any of its attributes may be another object's.
    """
    if makes_proxies(type(value)):
        return default
    find: Any = type.__getattribute__ if issubclass(type(value), type) else object.__getattribute__
    try:
        return find(value, name)
    except Exception:  # a descriptor of the class may raise anything; then there is no answer
        return default


def cell_content(cell: CellType) -> Any:
    """Return what a closure's cell holds; `ABSENT` if it is empty."""
    try:
        return cell.cell_contents
    except ValueError:
        return ABSENT
