"""Interleaved timing: contenders take turns in short batches, in shuffled order.

A batch is a function that performs so many repetitions and returns the seconds they took, by pyperf's clock.
"""

from __future__ import annotations

import random
import statistics
import timeit
from collections.abc import Callable, Mapping

from pyperf import perf_counter  # type: ignore[import-untyped]

from benchmarks.costs.effort import Effort

__all__ = ["UNROLLED", "Batch", "interleaved", "outside", "perf_counter"]

Batch = Callable[[int], float]

# The loop around a call of 20 ns costs several; ten calls in each turn of it keep that out of the ratio.
UNROLLED = 10


def outside(statement: str, **names: object) -> Batch:
    """Return a batch that performs `statement` from outside any block, its names being globals of the caller.

    Every batch gets code of its own: the interpreter specialises code where it stands, so contenders that shared a
    loop would undo each other's specialisation.
    """
    return timeit.Timer("\n".join([statement] * UNROLLED), timer=perf_counter, globals=names).timeit


def _calibrated(batch: Batch, seconds: float) -> int:
    loops = 1
    while batch(loops) < seconds:
        loops *= 2
    return loops


def interleaved(contenders: Mapping[str, Batch], effort: Effort) -> dict[str, tuple[float, ...]]:
    """Time the contenders against each other and return, for each, one value per round.

    Values at the same position come from the same round, so their quotient is a paired ratio. A value is the median
    of the round's batches, in seconds per turn of the loop. Calibrating warms the contenders up.
    """
    loops = {label: _calibrated(batch, effort.batch_seconds) for label, batch in contenders.items()}
    values: dict[str, list[float]] = {label: [] for label in contenders}
    for _ in range(effort.rounds):
        found: dict[str, list[float]] = {label: [] for label in contenders}
        turns = [*contenders] * effort.batches
        random.shuffle(turns)
        for label in turns:
            found[label].append(contenders[label](loops[label]) / loops[label])
        for label, times in found.items():
            values[label].append(statistics.median(times))
    return {label: tuple(times) for label, times in values.items()}
