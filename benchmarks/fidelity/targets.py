"""What is tried: a target, and the two lists of them that come along.

``stdlib.json`` maps each module to its test modules below ``test``; those that a CPython version does not have are left
out, and so is a module without any. ``packages.json`` maps a distribution to the module it installs and its version.
"""

from __future__ import annotations

import importlib.util
import json
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from benchmarks.frame.command_line import chosen

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Target:
    """A module to freeze and its judges: `tests` of the standard library, or the `version` of a distribution."""

    name: str
    module: str
    tests: tuple[str, ...] = ()
    version: str = ""


def stdlib_targets() -> list[Target]:
    """Return the targets of the standard library that this CPython has, by name."""
    table: dict[str, str] = json.loads((HERE / "stdlib.json").read_text(encoding="utf-8"))
    folder = Path(sysconfig.get_path("stdlib"), "test")
    found = []
    for module, words in sorted(table.items()):
        tests = tuple(f"test.{word}" for word in words.split() if _exists(folder, word))
        if tests and _has(module):
            found.append(Target(module, module, tests))
    return found


def package_targets() -> list[Target]:
    """Return the packages from PyPI, by name."""
    table: dict[str, list[str]] = json.loads((HERE / "packages.json").read_text(encoding="utf-8"))
    return [Target(name, module, version=version) for name, (module, version) in sorted(table.items())]


def select(targets: list[Target], only: str | None) -> list[Target]:
    """Keep the targets whose name is one of the comma-separated names in `only` (all of them without it)."""
    return [target for target in targets if chosen(target.name, only)]


def _exists(folder: Path, dotted: str) -> bool:
    place = folder.joinpath(*dotted.split("."))
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def _has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False
