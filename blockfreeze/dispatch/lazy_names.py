"""Names that a module has imported lazily (PEP 810, CPython 3.15) and nobody has used: read as a module reads them.

Whoever looks into a namespace himself finds the promise of an import, where code of the module finds the object.
"""

from __future__ import annotations

import sys
import types
from typing import Any, Final

from blockfreeze.core.safe_access import ABSENT
from blockfreeze.dispatch.caller_view import skipped

LAZY: Final = getattr(types, "LazyImportType", ABSENT)
"""The type of a promised import; no object has it before 3.15."""


@skipped
def resolved(namespace: dict[str, Any], name: str) -> Any:
    """Return what a namespace has under a name, or `ABSENT`; what is promised is imported, and stored there.

    Raises:
        BaseException: whatever importing it raises.
    """
    value = namespace.get(name, ABSENT)
    if type(value) is not LAZY:
        return value
    found = value.resolve()
    if namespace.get(name) is value:
        namespace[name] = found
    return found


@skipped
def shown(namespace: dict[str, Any], name: str) -> Any:
    """Return the same as a module shows it: `ABSENT` where it is asked by what imports the name at this moment."""
    try:
        return resolved(namespace, name)
    except ImportError as error:
        if type(error).__name__ != "ImportCycleError":
            raise
        return ABSENT


def is_pending(module: str) -> bool:
    """Tell whether `module` has been imported lazily and is not loaded: its package imports it when asked for it."""
    return module in getattr(sys, "lazy_modules", ())
