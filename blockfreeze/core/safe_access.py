"""Looking at objects that others made: by their type, and past what their class makes of the question.

A module's namespace may hold anything, among it proxies that answer for another object (``flask.request``, lazy
settings and lazy modules). To ask one for its ``__class__``, as `isinstance` does, or for an attribute that it lacks is
to ask the other object: that fails where there is none, or loads what was to be loaded when it is needed.
"""

from __future__ import annotations

from functools import lru_cache
from types import CellType
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from typing_extensions import TypeIs

T = TypeVar("T")

ATOMS: Final = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented))
"""Immutable types that hold no other object."""

CACHE_TYPE: Final = type(lru_cache(maxsize=1)(len))
"""The type of what `functools.lru_cache` makes of a function."""

HEAP_TYPE: Final = 1 << 9
"""The flag of a class that a class statement, or a call, has made; those of static C code lack it."""


class _Absent:
    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Final = _Absent()
"""What stands for a value that there is not, where None may be one."""


def is_a(value: Any, kind: type[T] | tuple[type[T], ...]) -> TypeIs[T]:
    """Tell whether the type of `value` is `kind`, or one of them, or a sub-class; whatever `value` says of itself."""
    return issubclass(type(value), kind)


def is_our_own(module: str) -> bool:
    """Tell whether a module, by its name, is one of blockfreeze's: what it holds is none of a program's."""
    return module.partition(".")[0] == "blockfreeze"


def is_proxy(value: object) -> bool:
    """Tell whether `value` says of itself that it is of another class than it is."""
    return any("__class__" in cls.__dict__ for cls in type(value).__mro__[:-1])


def own_attribute(value: object, name: str, default: Any = None) -> Any:
    """Return an attribute that `value` has itself or from its class, but not one that its class looks up elsewhere.

    A proxy has none: its class may answer for another object by any of them.
    """
    if is_proxy(value):
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
