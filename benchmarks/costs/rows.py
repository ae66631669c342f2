"""What is measured and what is shown: `Measured` leaves a worker process, `Row` goes into the result.

A ratio is candidate over baseline, pair by pair; below 1 the candidate wins. pyperf does the statistics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pyperf import Benchmark, Run  # type: ignore[import-untyped]

Unit = Literal["second", "byte", "integer"]
Verdict = Literal["met", "missed", "no target"]


@dataclass(frozen=True)
class Measured:
    """One comparison as one process measured it; values at the same position belong together.

    Without a baseline there is no ratio, and `baseline_values` is empty. `target` is the highest ratio that is good.
    """

    case: str
    candidate: str
    candidate_values: Sequence[float]
    baseline: str = ""
    baseline_values: Sequence[float] = ()
    unit: Unit = "second"
    target: float | None = None


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles and extremes."""

    median: float
    low: float
    high: float
    min: float
    max: float


@dataclass(frozen=True)
class Row:
    """One comparison, summed up over all processes that measured it."""

    case: str
    candidate: str
    baseline: str
    unit: Unit
    candidate_median: float
    baseline_median: float | None
    ratio: Spread | None
    pairs: int
    target: float | None
    verdict: Verdict


def spread(values: Sequence[float]) -> Spread:
    """Return median, quartiles and extremes of `values`."""
    found = Benchmark([Run(values, metadata={"name": "spread"}, collect_metadata=False)])
    return Spread(found.median(), found.percentile(25), found.percentile(75), min(values), max(values))


def shown(value: float, unit: Unit) -> str:
    """Return `value` as pyperf writes it, such as ``41.2 ns``."""
    run = Run([value], metadata={"name": "shown", "unit": unit}, collect_metadata=False)
    return str(Benchmark([run]).format_value(value))


def summed_up(parts: Sequence[Measured]) -> Row:
    """Return one row from what each process measured of the same comparison."""
    first = parts[0]
    candidate = [value for part in parts for value in part.candidate_values]
    baseline = [value for part in parts for value in part.baseline_values]
    ratio = spread([new / old for new, old in zip(candidate, baseline, strict=True)]) if baseline else None
    verdict: Verdict = "no target"
    if ratio is not None and first.target is not None:
        verdict = "met" if ratio.median <= first.target else "missed"
    return Row(
        first.case,
        first.candidate,
        first.baseline,
        first.unit,
        spread(candidate).median,
        spread(baseline).median if baseline else None,
        ratio,
        len(candidate),
        first.target,
        verdict,
    )


def row_from_json(fields: Mapping[str, object]) -> Row:
    """Return the row that `dataclasses.asdict` turned into `fields`."""
    ratio = fields["ratio"]
    values = {**fields, "ratio": Spread(**ratio) if isinstance(ratio, Mapping) else None}
    return Row(**values)  # type: ignore[arg-type]
