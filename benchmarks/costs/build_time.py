"""How long do freezing and preparing take, against compiling, importing and reloading the same module?

``compile()`` of the same text, interleaved in the same process, is the measure for all, peers included. No text occurs
twice, so nothing is served from a cache, except in the row that imports from a ``.pyc``, which is there to be one.
"""

from __future__ import annotations

import importlib
import py_compile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import blockfreeze as bf
from benchmarks.costs.effort import Effort
from benchmarks.costs.interleave import Batch, interleaved, perf_counter
from benchmarks.costs.modules import sized, written
from benchmarks.costs.question import BLOCKFREEZE, JURIGGED, RELOAD, Question
from benchmarks.costs.rows import Measured
from benchmarks.costs.updating import updatable

_versions = count(2)


def _seconds(action: Callable[[], object]) -> float:
    started = perf_counter()
    action()
    return float(perf_counter() - started)


def _compiling(size: int) -> Batch:
    def compiling(_loops: int) -> float:
        text = sized(size, next(_versions))
        return _seconds(lambda: compile(text, "plain.py", "exec"))

    return compiling


def _new_module(place: Path, size: int, action: Callable[[str], object], cached: bool = False) -> Batch:
    def bringing_in(_loops: int) -> float:
        version = next(_versions)
        name = f"part_{version}"
        path = written(place, name, sized(size, version))
        if cached:
            py_compile.compile(str(path))
        return _seconds(lambda: action(name))

    return bringing_in


def _preparing(place: Path, size: int) -> Batch:
    written(place, f"prepared_{size}", sized(size))
    block = bf.freeze_block(f"prepared_{size}")

    def preparing(_loops: int) -> float:
        text = sized(size, next(_versions))
        started = perf_counter()
        candidate = bf.prepare(block, source=text)
        seconds = perf_counter() - started
        candidate.discard()
        return float(seconds)

    return preparing


def _updating(subject: str, place: Path, size: int) -> Batch:
    module = updatable(subject, place, f"updated_{size}", sized(size))

    def updating(_loops: int) -> float:
        module.path.write_text(sized(size, next(_versions)), encoding="utf-8")
        return _seconds(module.apply)

    return updating


def measure(effort: Effort, place: Path, subject: str) -> Iterator[Measured]:
    """Time whole builds of modules of each size, one build per batch."""
    once = replace(effort, rounds=effort.builds, batches=1, batch_seconds=0)
    for size in effort.build_sizes:
        contenders = {"compile()": _compiling(size)}
        if subject == BLOCKFREEZE:
            contenders["freeze_block()"] = _new_module(place, size, bf.freeze_block)
            contenders["prepare()"] = _preparing(place, size)
            contenders["plain import, no .pyc"] = _new_module(place, size, importlib.import_module)
            contenders["plain import from .pyc"] = _new_module(place, size, importlib.import_module, cached=True)
        contenders["swap()" if subject == BLOCKFREEZE else subject] = _updating(subject, place, size)
        times = interleaved(contenders, once)
        compiling = times.pop("compile()")
        for label, values in times.items():
            yield Measured(f"{size:,} definitions", label, values, "compile()", compiling)


QUESTION = Question(__name__, __doc__, measure, subjects=(BLOCKFREEZE, RELOAD, JURIGGED))
