"""Modules that can be updated while they run, each subject in its own way, behind one interface."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import blockfreeze as bf
from benchmarks.costs.modules import imported, written
from benchmarks.costs.question import BLOCKFREEZE, JURIGGED, RELOAD


@dataclass(frozen=True)
class Updatable:
    """A running module and what makes it as its file is now."""

    module: ModuleType
    path: Path
    apply: Callable[[], object]

    def update(self, text: str) -> None:
        """Replace the module's file by `text` and apply it."""
        self.path.write_text(text, encoding="utf-8")
        self.apply()


def _block(place: Path, name: str, text: str) -> Updatable:
    path = written(place, name, text)
    module = bf.freeze_block(name)
    return Updatable(module, path, lambda: bf.swap(module))


def _reloaded(place: Path, name: str, text: str) -> Updatable:
    module = imported(place, name, text)
    return Updatable(module, place / f"{name}.py", lambda: importlib.reload(module))


def _jurigged(place: Path, name: str, text: str) -> Updatable:
    # Importing jurigged puts a finder on sys.meta_path, so only the process that measures it may do so.
    registry = importlib.import_module("jurigged").registry
    module = imported(place, name, text)
    code_file, _ = registry.find(module)
    return Updatable(module, place / f"{name}.py", code_file.refresh)


_WAYS = {BLOCKFREEZE: _block, RELOAD: _reloaded, JURIGGED: _jurigged}


def updatable(subject: str, place: Path, name: str, text: str) -> Updatable:
    """Write module `name` to `place` and bring it into the process in the way of `subject`."""
    return _WAYS[subject](place, name, text)
