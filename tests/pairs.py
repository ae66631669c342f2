"""Modules in two versions: the feature pairs of `tests/features`, written out, imported plainly, frozen, swapped.

A file of `tests/features` is both versions of one feature, in the form that `versioned` reads. A pair is written to
two directories under a name that no other test uses, so that the plain module and the block have the same name, file
and lines and can be compared field by field. Every feature module defines `make` (things that outside code may hold)
and `use` (what they do, as plain values that differ between the versions); most define `bound` (bound methods to be
taken), some `facts` (what has one answer, whoever asks). `DRIVER`, which is appended to each, makes calls of the block
of these.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import linecache
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType

import newer_syntax
from versioned import both_versions

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.dispatch.vector import Plain
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.records import Options
from blockfreeze.state.patches import Patches
from blockfreeze.versions.snapshot import Snapshot

FEATURES = Path(__file__).with_name("features")
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FEATURES.glob("*.py"))} | newer_syntax.TEXTS
NAMES = tuple(TEXTS)

DRIVER = """

def probe():
    return use(make())


def in_flight(gate):
    held = make()
    before = use(held)
    gate()
    return [before, use(held), probe()]


def steps():
    held = make()
    yield use(held)
    yield use(held)
    yield probe()
"""

_numbers = itertools.count(1)


@dataclass
class Pair:
    """One module name with its two versions on disk, in sibling directories."""

    name: str
    directory: Path

    def file(self, version: str) -> Path:
        """Return the path of a version's source."""
        return self.directory / version / f"{self.name}.py"

    def text(self, version: str) -> str:
        """Return a version's source."""
        return self.file(version).read_text()

    def write(self, version: str, text: str) -> None:
        """Write one version."""
        self.file(version).parent.mkdir(parents=True, exist_ok=True)
        self.file(version).write_text(text)

    @contextlib.contextmanager
    def importable(self, version: str) -> Iterator[None]:
        """Put a version's directory first on `sys.path`."""
        directory = str(self.file(version).parent)
        sys.path.insert(0, directory)
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.path.remove(directory)

    @contextlib.contextmanager
    def plain(self, version: str) -> Iterator[ModuleType]:
        """Import a version as Python does, for the time of the context; the module imported before comes back."""
        before = sys.modules.pop(self.name, None)
        try:
            with self.importable(version):
                yield importlib.import_module(self.name)
        finally:
            self.forget()
            if before is not None:
                sys.modules[self.name] = before

    def freeze(self, version: str = "v1", *, late: bool = False) -> ModuleType:
        """Import a version as a block, or import it plainly and freeze the module object."""
        with self.importable(version):
            return bf.freeze_block(importlib.import_module(self.name) if late else self.name)

    def swap(self, version: str) -> bf.SwapReport:
        """Swap the block to a version."""
        return bf.swap(self.name, source=self.file(version).parent)

    def forget(self) -> None:
        """Take the module out of `sys.modules`, its block out of the registry and its text out of `linecache`."""
        forget_modules(self.name)
        linecache.checkcache()


def forget_modules(prefix: str) -> None:
    """Take modules whose names begin with `prefix` out of `sys.modules`, and their blocks out of the registry."""
    for block in registry.all_blocks():
        if block.name.startswith(prefix):
            forget_block(block)
    for name in [name for name in sys.modules if name.startswith(prefix)]:
        del sys.modules[name]


def forget_block(block: Block) -> None:
    """Take a block out of the registry, and let go of everything that it holds.

    A block lasts as long as its process: the code of its entries, which the collector does not look into, holds its
    reference. What a suite left in the heap would be walked through by every drain of the tests that follow.
    """
    registry.remove(block)
    for name in block.facades:
        sys.modules.pop(name, None)
    block.instances.unconverted = None
    nothing = Block((), Patches(), Options(history=1))
    block.reference.vector = (Plain(Generation(nothing, 0, Snapshot(()), None)),)


def write_pair(directory: Path, name: str, first: str, second: str) -> Pair:
    """Write two texts as the versions of a module that is named like `name`."""
    pair = Pair(f"{name}_{next(_numbers)}", directory)
    pair.write("v1", first)
    pair.write("v2", second)
    return pair


def feature_pair(directory: Path, feature: str) -> Pair:
    """Write a feature's two versions, each with the driver."""
    first, second = feature_texts(feature)
    return write_pair(directory, feature, first + DRIVER, second + DRIVER)


def feature_texts(feature: str) -> tuple[str, str]:
    """Return a feature's two versions as text."""
    return both_versions(TEXTS[feature])


def own_functions(module: ModuleType) -> dict[str, FunctionType]:
    """Return the functions that the module's top level holds under the names by which it defines them."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__ and value.__qualname__ == name
    }


def own_classes(module: ModuleType) -> dict[str, type]:
    """Return the classes that the module's top level defines."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and value.__qualname__ == name
    }
