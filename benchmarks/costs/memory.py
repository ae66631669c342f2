"""Does a process grow by swapping?

A small module is updated back and forth between two versions; the baseline is taken when a tenth of that is done.
tracemalloc counts from the interpreter's start. For a block the generations that are still alive are counted too,
against those that it keeps on purpose.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from psutil import Process  # type: ignore[import-untyped]

import blockfreeze as bf
from benchmarks.costs.effort import Effort
from benchmarks.costs.modules import calls
from benchmarks.costs.question import BLOCKFREEZE, JURIGGED, RELOAD, Question
from benchmarks.costs.rows import Measured
from benchmarks.costs.updating import Updatable, updatable

# What a process may gain, once for all swaps: 1 % of what Python holds is some ten bytes per swap at the full effort;
# resident memory depends on how the allocators happen to fragment.
TRACED_TARGET = 1.01
RESIDENT_TARGET = 1.05

# An update by jurigged takes so much longer that it gets a tenth of them.
SLOWER = 10


def _resident() -> int:
    gc.collect()
    return int(Process().memory_info().rss)


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _generations() -> int:
    gc.collect()
    kinds = (type(one) for one in gc.get_objects())
    return sum(1 for kind in kinds if kind.__name__ == "Generation" and kind.__module__.startswith("blockfreeze."))


def _update(module: Updatable, times: int) -> None:
    texts = cycle([calls(2), calls(1)])
    for _ in range(times):
        module.update(next(texts))


def measure(effort: Effort, place: Path, subject: str) -> Iterator[Measured]:
    """Compare memory before and after a number of updates."""
    swaps = effort.swaps // (SLOWER if subject == JURIGGED else 1)
    before, after = f"after {swaps // 10:,} updates", f"after {swaps:,} updates"
    module = updatable(subject, place, "small", calls())
    _update(module, swaps // 10)
    resident, traced = _resident(), _traced()
    _update(module, swaps - swaps // 10)
    grown = _resident(), _traced()
    targets = (RESIDENT_TARGET, TRACED_TARGET) if subject == BLOCKFREEZE else (None, None)
    yield Measured(f"resident memory, {after}", subject, grown[:1], before, [resident], "byte", targets[0])
    yield Measured(f"memory held by Python, {after}", subject, grown[1:], before, [traced], "byte", targets[1])
    if subject == BLOCKFREEZE:
        kept = len(bf.status(module.module).generations)
        yield Measured("generations alive", subject, [_generations()], "kept on purpose", [kept], "integer", 1.0)


QUESTION = Question(__name__, __doc__, measure, subjects=(BLOCKFREEZE, RELOAD, JURIGGED), options=("-X", "tracemalloc"))
