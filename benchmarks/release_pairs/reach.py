"""The foreign module: one that took from-imports of a block's definitions before the update, and how workloads call.

A workload is written once, against a `Reach`, and driven two ways: `Taken` answers with what the foreign module took
by ``from m import name`` when the old release was there, `Live` with what the module's attribute is at each call.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from types import FunctionType, ModuleType
from typing import Any, Protocol

FOREIGN = "release_pairs_foreign"


class Reach(Protocol):
    """How a workload reaches the package: ``api.name``, or ``api["member:name"]`` for a sub-module's."""

    def __getattr__(self, name: str) -> Any: ...

    def __getitem__(self, place: str) -> Any: ...


class Live:
    """Reach every name as an attribute of its module, at the moment of use."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.modules[self._module], name)

    def __getitem__(self, place: str) -> Any:
        member, _, name = place.partition(":")
        return getattr(sys.modules[f"{self._module}.{member}"], name)


class Taken:
    """Reach names through the from-imports of the foreign module; what it did not take is reached live."""

    def __init__(self, module: str) -> None:
        self._live = Live(module)
        self._taken = vars(sys.modules[FOREIGN])

    def __getattr__(self, name: str) -> Any:
        return self._taken[name] if name in self._taken else getattr(self._live, name)

    def __getitem__(self, place: str) -> Any:
        alias = alias_of(*place.split(":"))
        return self._taken[alias] if alias in self._taken else self._live[place]


def alias_of(member: str, name: str) -> str:
    """Return the name under which the foreign module takes ``from module.member import name``."""
    return f"{member.replace('.', '_')}__{name}" if member else name


def make_foreign(module: str, members: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Import the members, make the foreign module, and return what it took: alias → (module, name).

    It takes each public function and class that the package itself defines, and each public instance of such a class.
    """
    places: dict[str, tuple[str, str]] = {}
    lines = []
    for member in ("", *members):
        owner = f"{module}.{member}" if member else module
        for name in _own_names(importlib.import_module(owner), module):
            places[alias_of(member, name)] = (owner, name)
            lines.append(f"from {owner} import {name} as {alias_of(member, name)}")
    foreign = ModuleType(FOREIGN, "It took from-imports before the update.")
    sys.modules[FOREIGN] = foreign
    exec(compile("\n".join(lines), FOREIGN, "exec"), vars(foreign))
    return places


def _own_names(owner: ModuleType, module: str) -> list[str]:
    names = []
    for name, value in list(vars(owner).items()):
        maker = value if isinstance(value, FunctionType) or inspect.isclass(value) else type(value)
        home = getattr(maker, "__module__", None)
        if not name.startswith("_") and isinstance(home, str) and f"{home}.".startswith(f"{module}."):
            names.append(name)
    return names
