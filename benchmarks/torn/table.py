"""The outcomes as a table: one row for each shape and layout, three columns for each tool."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from .run import Outcome
from .shapes import SHAPES

__all__ = ["print_table"]

_PLAIN_WIDTH = 200


def print_table(outcomes: Sequence[Outcome]) -> None:
    """Print the outcomes, then the samples of what went wrong under blockfreeze."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    tools = list(dict.fromkeys(outcome.tool for outcome in outcomes))
    table = Table(title=f"CPython {outcomes[0].python}: calls torn / raised / stale, and other trouble")
    table.add_column("shape")
    table.add_column("layout")
    for tool in tools:
        table.add_column(f"{tool}: calls", justify="right")
        table.add_column("torn / raised / stale", justify="right")
        table.add_column("other")
    by_row: dict[tuple[str, str], dict[str, Outcome]] = {}
    for outcome in outcomes:
        by_row.setdefault((outcome.shape, outcome.layout), {})[outcome.tool] = outcome
    for (shape, layout), found in by_row.items():
        cells = [shape, layout]
        for tool in tools:
            cells += _cells(found.get(tool))
        table.add_row(*cells)
    console.print(table)
    for outcome in outcomes:
        if outcome.tool == "blockfreeze" and not outcome.is_clean:
            console.print(f"{outcome.shape} ({outcome.layout}): {SHAPES[outcome.shape].about}", markup=False)
            for kind, sample in outcome.samples.items():
                console.print(f"  {kind}: {sample}", markup=False, highlight=False)


def _cells(outcome: Outcome | None) -> list[str]:
    if outcome is None:
        return ["", "", ""]
    counts = f"{outcome.torn:,} / {outcome.raised:,} / {outcome.stale:,}"
    style = "green" if outcome.is_clean else "red"
    other = {
        "swaps failed": outcome.failed_swaps,
        "counts lost": outcome.lost,
        "lingering": outcome.lingering,
    }
    told = [f"{number:,} {what}" for what, number in other.items() if number] + [outcome.note] * bool(outcome.note)
    return [f"{outcome.calls:,}", f"[{style}]{counts}[/{style}]", "; ".join(told)]
