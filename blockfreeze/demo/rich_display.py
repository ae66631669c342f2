"""The demo on a terminal, shown with rich: one table, a row per way, refreshed in place.

Imported only when rich, which the `demo` extra installs, is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table

from blockfreeze.demo.display import COLUMNS, ROWS, evidence, headline
from blockfreeze.demo.tally import Totals
from blockfreeze.demo.workload import Workload


class RichDisplay:
    """A live table of the rounds, then the totals side by side and what went wrong."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._live = Live(console=self._console, refresh_per_second=10, transient=True)
        self._rounds: dict[str, Totals] = {}

    def live(self, workload: Workload) -> AbstractContextManager[object]:
        """Begin the live table, under a line that says what is served and swapped."""
        self._console.print(headline(workload))
        return self._live

    def update(self, totals: Totals) -> None:
        """Refresh the round's row."""
        self._rounds[totals.way] = totals
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("swapped by", no_wrap=True, min_width=16)
        for heading in (*(name for name, _ in COLUMNS), "s"):
            table.add_column(heading, justify="right", no_wrap=True)
        for shown in self._rounds.values():
            cells = [_coloured(name, text(shown)) for name, text in COLUMNS]
            table.add_row(shown.way, *cells, f"{shown.seconds:.0f}")
        self._live.update(table)

    def finish(self, rounds: Sequence[Totals]) -> None:
        """Print the totals side by side, then what went wrong."""
        table = Table("", box=SIMPLE_HEAD, pad_edge=False)
        for totals in rounds:
            table.add_column(totals.way, justify="right")
        for name, text in ROWS:
            table.add_row(name, *(_coloured(name, text(totals)) for totals in rounds))
        self._console.print(table)
        for line in evidence(rounds):
            self._console.print(line, markup=False, highlight=False)


def _coloured(name: str, text: str) -> str:
    if name.strip() not in ("torn", "failed", "refused"):
        return text
    return f"[green]{text}[/]" if text == "0" else f"[bold red]{text}[/]"
