"""How lazy import statements are (PEP 810, CPython 3.15): what a statement says, and what the process asks for."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable
from types import CodeType

from blockfreeze.linking.cpython import SINCE_315


class Laziness(enum.Enum):
    """What an import statement says; the values are those of the low bits of IMPORT_NAME's argument."""

    AS_CONFIGURED = 0
    LAZY = 1
    EAGER = 2


def laziness(arg: int) -> Laziness:
    """Return how lazy the IMPORT_NAME with the argument `arg` is."""
    return Laziness(arg & 3) if SINCE_315 else Laziness.EAGER


def may_be_lazy(code: CodeType) -> bool:
    """Tell whether import statements at the top level of a module may be lazy that do not say so."""
    return imports_are_lazy() or (SINCE_315 and "__lazy_modules__" in code.co_names)


def imports_are_lazy() -> bool:
    """Tell whether imports at top levels are lazy in this process where nothing else is said."""
    mode: Callable[[], str] | None = getattr(sys, "get_lazy_imports", None)
    return mode is not None and mode() == "all"
