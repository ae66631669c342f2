"""How long does a swap of a package that people use take, against reloading all of its modules?

The first swap arms the block; in the others nothing has changed, and all bodies run again, as they do when
`importlib.reload` reloads each module from its ``.pyc``. The first is measured by ``compile()`` of the same texts as
well. Times are those of the thread; of repeated ones the shortest counts. The last rows show where the time of a swap
goes, by the phases of its report, each the shortest of all swaps: their sum is the measure.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import thread_time
from types import ModuleType

import blockfreeze as bf
from benchmarks.costs.effort import Effort
from benchmarks.costs.package_build import PACKAGES
from benchmarks.costs.question import RELOAD, Question
from benchmarks.costs.rows import Measured

_TARGETS = {"first": 5.0, "again": 3.0}

_SETTLED = 30.0  # seconds at most until nothing runs in an older generation


def _seconds(action: Callable[[], object]) -> float:
    started = thread_time()
    action()
    return thread_time() - started


def _members(package: str) -> list[ModuleType]:
    return [module for name, module in sys.modules.items() if f"{name}.".startswith(f"{package}.")]


def _reload(modules: list[ModuleType]) -> None:
    for module in modules:
        with suppress(Exception):  # a body that cannot run twice in one namespace
            importlib.reload(module)


def _compile(modules: list[ModuleType]) -> None:
    for module in modules:
        if module.__file__ is not None and module.__file__.endswith(".py"):
            compile(Path(module.__file__).read_bytes(), module.__file__, "exec", dont_inherit=True)


def measure(effort: Effort, place: Path, _subject: str) -> Iterator[Measured]:
    """Reload the modules of each package several times, then freeze it and swap it as often."""
    sys.pycache_prefix, sys.dont_write_bytecode = str(place), False
    for package in PACKAGES:
        importlib.import_module(package)
        plain = _members(package)
        _reload(plain)
        reloading = min(_seconds(partial(_reload, plain)) for _ in range(effort.rounds))
        compiling = min(_seconds(partial(_compile, plain)) for _ in range(effort.rounds))
        for module in plain:
            del sys.modules[module.__name__]
        block = bf.freeze_block(package)
        first = _seconds(partial(bf.swap, block))
        again: list[float] = []
        phases: dict[str, float] = {}
        for _ in range(effort.rounds):
            bf.drain(block, timeout=_SETTLED)
            started = thread_time()
            report = bf.swap(block)
            again.append(thread_time() - started)
            phases = {name: min(found, phases.get(name, found)) for name, found in report.phases.items()}
        yield Measured(package, "first swap", [first], "compile()", [compiling], target=_TARGETS["first"])
        yield Measured(package, "swap again", [min(again)], RELOAD, [reloading], target=_TARGETS["again"])
        for name, seconds in phases.items():
            yield Measured(package, name, [seconds], "all phases", [sum(phases.values())])


QUESTION = Question(__name__, __doc__, measure, repeated=True)
