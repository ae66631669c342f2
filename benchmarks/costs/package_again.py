"""How long do freezing and a first swap take of packages that were linked before, as in a second process or worker?

Their linked code is on disk, and so are their ``.pyc`` files. All take turns by the clock of the thread, and each has
its fastest turn counted: a freeze against importing the package from its ``.pyc`` files, and a swap with the same
sources against compiling them. What the package itself imports stays imported.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import thread_time

import blockfreeze as bf
from benchmarks.costs.effort import Effort
from benchmarks.costs.package_build import PACKAGES
from benchmarks.costs.question import Question
from benchmarks.costs.rows import Measured
from blockfreeze.api import registry
from blockfreeze.api.opening import forget_opened

_FREEZE_TARGET = 1.3
_SWAP_TARGET = 5.0


def _seconds(action: Callable[[], object]) -> float:
    gc.collect()
    started = thread_time()
    action()
    return thread_time() - started


def _take_out(package: str) -> list[Path]:
    """Take a package out of the process as if it had not been imported; return the files of its modules."""
    for block in registry.all_blocks():
        forget_opened(block)
    modules = [sys.modules.pop(name) for name in list(sys.modules) if f"{name}.".startswith(f"{package}.")]
    above, _, tail = package.rpartition(".")
    if above:
        vars(sys.modules[above]).pop(tail, None)
    return [Path(file) for module in modules if (file := module.__file__) is not None and file.endswith(".py")]


def _turn(package: str) -> tuple[float, float, float, float]:
    imported = _seconds(lambda: importlib.import_module(package))
    texts = {file: file.read_bytes() for file in _take_out(package)}
    compiled = _seconds(lambda: [compile(text, str(file), "exec") for file, text in texts.items()])
    frozen = _seconds(lambda: bf.freeze_block(package))
    swapped = _seconds(lambda: bf.swap(package))
    _take_out(package)
    return imported, compiled, frozen, swapped


def measure(effort: Effort, place: Path, _subject: str) -> Iterator[Measured]:
    """Import, compile, freeze and swap each package in turns."""
    sys.pycache_prefix, sys.dont_write_bytecode = str(place), False
    for package in PACKAGES:
        importlib.import_module(package)
        _take_out(package)
        _turn(package)  # links, and leaves everything on disk
        turns = [_turn(package) for _ in range(effort.rounds)]
        imported, compiled, frozen, swapped = (min(times) for times in zip(*turns, strict=True))
        yield Measured(package, "freeze_block()", [frozen], "import from .pyc", [imported], target=_FREEZE_TARGET)
        yield Measured(package, "first swap()", [swapped], "compile()", [compiled], target=_SWAP_TARGET)


QUESTION = Question(__name__, __doc__, measure, repeated=True)
