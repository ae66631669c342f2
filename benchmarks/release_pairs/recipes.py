"""What a package's own test suite needs, beside the package: read from ``recipes.json``, by distribution name.

A package without a recipe gets `Recipe()`: its suite is ``tests`` (or ``test``), its needs are those of its metadata.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from benchmarks.release_pairs.pairs import HERE


@dataclass(frozen=True)
class Recipe:
    """How to run one package's suite.

    `needs` are requirements to install, `tests` paths in the sdist, `plugins` pytest plugins to load by module name,
    `arguments` more words for pytest, `members` sub-modules that the foreign module imports from as well, `patchable`
    whether the suite rebinds definitions of the package; `why` gives the reason for what is unusual.
    """

    needs: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    patchable: bool = False
    why: str = ""


def read_recipes() -> dict[str, Recipe]:
    """Read every recipe, by the name of its distribution."""
    found = json.loads((HERE / "recipes.json").read_text(encoding="utf-8"))
    return {package: _recipe(fields) for package, fields in found.items()}


def _recipe(fields: dict[str, Any]) -> Recipe:
    # A keyword that no recipe has is a mistake in the file: `Recipe` refuses it.
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    return Recipe(**values)
