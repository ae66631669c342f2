"""The outcomes as a table: one row for each shape and layout, three columns for each tool."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.frame.tables import Cell, Column, Table, Verdict
from benchmarks.shapes import SHAPES
from benchmarks.torn.run import Outcome

__all__ = ["print_outcomes", "table"]


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Print the outcomes, then the samples of what went wrong under blockfreeze."""
    table(outcomes).show()
    for outcome in outcomes:
        if outcome.tool == "blockfreeze" and not outcome.is_clean:
            print(f"{outcome.shape} ({outcome.layout}): {SHAPES[outcome.shape].about}")
            for kind, sample in outcome.samples.items():
                print(f"  {kind}: {sample}")


def table(outcomes: Sequence[Outcome]) -> Table:
    """Return the table of the outcomes, of which there must be one."""
    tools = list(dict.fromkeys(outcome.tool for outcome in outcomes))
    columns: list[str | Column] = ["shape", "layout"]
    for tool in tools:
        columns += [Column(f"{tool}: calls", is_number=True), Column("torn / raised / stale", is_number=True), "other"]
    by_row: dict[tuple[str, str], dict[str, Outcome]] = {}
    for outcome in outcomes:
        by_row.setdefault((outcome.shape, outcome.layout), {})[outcome.tool] = outcome
    rows = [[*row, *(cell for tool in tools for cell in _cells(found.get(tool)))] for row, found in by_row.items()]
    return Table(columns, rows, f"CPython {outcomes[0].python}: calls torn / raised / stale, and other trouble")


def _cells(outcome: Outcome | None) -> list[Cell]:
    if outcome is None:
        return ["", "", ""]
    counts = f"{outcome.torn:,} / {outcome.raised:,} / {outcome.stale:,}"
    other = {
        "swaps failed": outcome.failed_swaps,
        "counts lost": outcome.lost,
        "lingering": outcome.lingering,
    }
    told = [f"{number:,} {what}" for what, number in other.items() if number] + [outcome.note] * bool(outcome.note)
    return [f"{outcome.calls:,}", Verdict(counts, outcome.is_clean), "; ".join(told)]
