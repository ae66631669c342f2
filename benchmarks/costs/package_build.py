"""How long do linking alone and a cold freeze take of packages that people use, against compiling their modules?

The measure is ``compile()`` of the text of every module that importing the package brings in, by the clock of the
thread, in turns with linking. What the package itself imports is imported before. Nothing that was compiled or linked
earlier is found on disk, and each process imports a package once so, and freezes it once.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import thread_time
from types import CodeType

import blockfreeze as bf
from benchmarks.costs.effort import Effort
from benchmarks.costs.question import Question
from benchmarks.costs.rows import Measured
from blockfreeze.linking.analysis import analyse
from blockfreeze.linking.linker import link

PACKAGES = ("sqlparse", "jinja2", "click", "flask", "django.template")

_TARGET = 2.5


def _seconds(action: Callable[[], object]) -> float:
    started = thread_time()
    action()
    return thread_time() - started


def _is_relative(_name: str, level: int) -> bool:
    return level > 0


def _link(codes: list[CodeType], *, has_home: bool) -> None:
    for code in codes:
        link(code, analyse(code, _is_relative), has_home=has_home)


def _taken_out(package: str) -> list[Path]:
    """Import a package, take it out of `sys.modules` again, and return the files of its modules."""
    importlib.import_module(package)
    names = [name for name in sys.modules if f"{name}.".startswith(f"{package}.")]
    modules = [sys.modules.pop(name) for name in names]
    return [Path(file) for module in modules if (file := module.__file__) is not None and file.endswith(".py")]


def measure(effort: Effort, place: Path, _subject: str) -> Iterator[Measured]:
    """Link the modules of each package several times, and freeze it once."""
    sys.pycache_prefix = str(place)
    for package in PACKAGES:
        _taken_out(package)
        importing = _seconds(partial(importlib.import_module, package))
        texts = {file: file.read_bytes() for file in _taken_out(package)}
        codes: list[CodeType] = []

        def compiling(texts: dict[Path, bytes] = texts, codes: list[CodeType] = codes) -> None:
            codes[:] = [compile(text, str(file), "exec", dont_inherit=True) for file, text in texts.items()]

        def linking(has_home: bool, codes: list[CodeType] = codes) -> None:
            _link(codes, has_home=has_home)

        rounds = range(effort.rounds)
        turns = [
            (_seconds(compiling), _seconds(lambda: linking(False)), _seconds(lambda: linking(True))) for _ in rounds
        ]
        compiled, *linked = (min(times) for times in zip(*turns, strict=True))
        for label, seconds in zip(("first", "later"), linked, strict=True):
            yield Measured(package, f"linking, {label} generation", [seconds], "compile()", [compiled])
        yield Measured(package, "plain import, no .pyc", [importing], "compile()", [compiled])
        freezing = _seconds(partial(bf.freeze_block, package))
        yield Measured(package, "freeze_block()", [freezing], "compile()", [compiled], target=_TARGET)


QUESTION = Question(__name__, __doc__, measure, repeated=True)
