"""Modules that lie in no directory, but where a path hook finds them: in zip files above all.

Their loaders read them. `importlib.invalidate_caches`, which a snapshot begins with, lets them look again.
"""

from __future__ import annotations

import importlib.util
import os
import pkgutil
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from blockfreeze.versions.module_source import find_plain_spec, is_linkable


def has_modules(place: Path) -> bool:
    """Tell whether the import system can look for modules in a place."""
    return pkgutil.get_importer(str(place)) is not None


def specs_in(place: str, package: str) -> Iterator[ModuleSpec]:
    """Yield the specs of the modules with Python code that lie directly in a place, which belongs to `package`."""
    for found in pkgutil.iter_modules([place], package + "."):
        finder: Any = found.module_finder
        spec: ModuleSpec | None = finder.find_spec(found.name)
        if spec is not None and is_linkable(spec):
            yield spec


def spec_in(place: Path, name: str) -> ModuleSpec:
    """Return the spec of the module `name` in a place that has it, under its last or whole name, or is its package.

    Raises:
        FileNotFoundError: it is not there.
    """
    *above, tail = name.split(".")
    around = [place.parent] if place.name == tail else []
    for base in (place.joinpath(*above), place, *around):
        spec = find_plain_spec(name, [str(base)])
        if spec is not None and is_linkable(spec) and f"{spec.origin}".startswith(f"{base}{os.sep}"):
            return spec
    raise FileNotFoundError(2, f"no module {name!r} in it", str(place))


def spec_by(loader: Any, name: str) -> ModuleSpec:
    """Return the spec that a loader has of a module now.

    Raises:
        ImportError: the loader has no such module any more.
    """
    if hasattr(loader, "invalidate_caches"):
        loader.invalidate_caches()
    if hasattr(loader, "get_filename"):
        loader.get_filename(name)  # raises where `spec_from_loader` would make something up
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    return spec
