"""Modules that the program may have imported, or may be importing at this moment."""

from __future__ import annotations

import sys
from types import ModuleType


def is_being_imported(module: object) -> bool:
    """Tell whether a thread is running the body of a module; it lacks what that has yet to define."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def imported(name: str) -> ModuleType | None:
    """Return the module of that name; None if there is none, or if a thread is importing it.

    An ``import`` would wait for that thread, which may itself wait for us.

    Threads: any.
    """
    module = sys.modules.get(name)
    return None if is_being_imported(module) else module
