"""Comparing statements executed outside a block: the common part of the questions about entries and attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.costs.effort import Effort
from benchmarks.costs.interleave import UNROLLED, Batch, interleaved, outside
from benchmarks.costs.rows import Measured


@dataclass(frozen=True)
class Contender:
    """What a statement's names stand for, under a label; `target` is its highest good ratio to the baseline."""

    label: str
    names: Mapping[str, object]
    target: float | None = None


def _as_it_is(batch: Batch) -> Batch:
    return batch


def versus(
    case: str,
    statement: str,
    baseline: Contender,
    candidates: tuple[Contender, ...],
    effort: Effort,
    around: Callable[[Batch], Batch] = _as_it_is,
) -> Iterator[Measured]:
    """Time `statement` with each contender's names, interleaved, and compare each candidate with the baseline.

    Args:
        case: what the rows are called.
        statement: one call or look-up.
        baseline: what is plain.
        candidates: what is compared with it.
        effort: how much is measured.
        around: puts a batch into the surroundings in which it is to run.
    """
    everyone = (baseline, *candidates)
    times = interleaved({one.label: around(outside(statement, **one.names)) for one in everyone}, effort)
    each = {label: tuple(value / UNROLLED for value in values) for label, values in times.items()}
    for one in candidates:
        yield Measured(case, one.label, each[one.label], baseline.label, each[baseline.label], target=one.target)
