"""After an update: does what was taken before still stand for what the module has now?"""

from __future__ import annotations

import sys

from benchmarks.release_pairs.reach import FOREIGN
from benchmarks.release_pairs.workloads import Kept


def stale_names(places: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Return what the foreign module took that is no longer what the module holds: ``module.name`` → its kind.

    A name that means another definition now (or none) is a change of the package's, not a stale one.
    """
    foreign = sys.modules[FOREIGN]
    stale = {}
    for alias, (owner, name) in places.items():
        held, now = getattr(foreign, alias), getattr(sys.modules.get(owner), name, None)
        same_definition = getattr(held, "__qualname__", name) == getattr(now, "__qualname__", name)
        if held is not now and now is not None and same_definition:
            stale[f"{owner}.{name}"] = _kind(now)
    return stale


def kept_instances(module: str, kept: Kept) -> dict[str, bool]:
    """Tell, for each kept instance of a class of the package, whether it is one of the class that is there now."""
    found = {}
    for label, instance in kept.items():
        kind = type(instance)
        if f"{kind.__module__}.".startswith(f"{module}."):
            now = getattr(sys.modules.get(kind.__module__), kind.__qualname__, None)
            found[label] = isinstance(now, type) and isinstance(instance, now)
    return found


def _kind(value: object) -> str:
    if isinstance(value, type):
        return "class"
    return "callable" if callable(value) else "object"
