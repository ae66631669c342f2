"""The names of the decorators by which functions are marked, and whether a module has one. Nothing is taken apart."""

from __future__ import annotations

from types import CodeType

INLINE = "inline"
NOT_INLINE = "notinline"


def asks_for_inlining(code: CodeType) -> bool:
    """Tell whether a module may have a function that is marked with `INLINE`."""
    return INLINE in code.co_names or any(isinstance(one, tuple) and INLINE in one for one in code.co_consts)
