"""What is shown of a round while it runs, and of the totals of all rounds, as plain lines.

`rich_display.RichDisplay` shows the same on a terminal. Nothing is counted here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TextIO

from blockfreeze.demo.tally import Totals
from blockfreeze.demo.workload import Workload

_Column = tuple[str, Callable[[Totals], str]]

# Heading, and how a total is written. `COLUMNS` fit the width of a terminal while a round runs; `ROWS` are the totals.
COLUMNS: Sequence[_Column] = (
    ("requests", lambda totals: f"{totals.requests:,}"),
    ("swaps", lambda totals: f"{totals.swaps:,}"),
    ("torn", lambda totals: f"{totals.torn:,}"),
    ("failed", lambda totals: f"{totals.failed:,}"),
    ("p50", lambda totals: f"{1000 * totals.p50:.1f} ms"),
    ("p99", lambda totals: f"{1000 * totals.p99:.1f} ms"),
)
ROWS: Sequence[_Column] = (
    ("requests", lambda totals: f"{totals.requests:,}"),
    ("  old version's answer", lambda totals: f"{totals.old:,}"),
    ("  new version's answer", lambda totals: f"{totals.new:,}"),
    ("  torn", lambda totals: f"{totals.torn:,}"),
    ("  failed", lambda totals: f"{totals.failed:,}"),
    ("latency p50", lambda totals: f"{1000 * totals.p50:.1f} ms"),
    ("latency p99", lambda totals: f"{1000 * totals.p99:.1f} ms"),
    ("swaps", lambda totals: f"{totals.swaps:,}"),
    ("  refused", lambda totals: f"{totals.failed_swaps:,}"),
)

_SECONDS_PER_LINE = 1.0


class Display(Protocol):
    """Where the demo shows itself; `live` spans the rounds, `update` and `finish` are called by one thread."""

    def live(self, workload: Workload) -> AbstractContextManager[object]:
        """Begin to show the rounds of `workload`."""

    def update(self, totals: Totals) -> None:
        """Show the state of the round that runs."""

    def finish(self, rounds: Sequence[Totals]) -> None:
        """Show the totals of the finished rounds side by side."""


class PlainDisplay:
    """Lines for files, pipes and terminals without rich: one line a second, then the totals."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._way = ""
        self._written_at = 0.0

    def live(self, workload: Workload) -> AbstractContextManager[object]:
        """Write what is served and swapped."""
        self._write(headline(workload))
        return nullcontext()

    def update(self, totals: Totals) -> None:
        """Write a line, at most one a second."""
        if totals.way == self._way and totals.seconds - self._written_at < _SECONDS_PER_LINE:
            return
        self._way, self._written_at = totals.way, totals.seconds
        facts = ", ".join(f"{name} {text(totals)}" for name, text in COLUMNS)
        self._write(f"{totals.way}, {totals.seconds:.0f} s: {facts}")

    def finish(self, rounds: Sequence[Totals]) -> None:
        """Write the totals as a table, then what went wrong."""
        rows = [["", *(totals.way for totals in rounds)]]
        rows += [[name, *(text(totals) for totals in rounds)] for name, text in ROWS]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        self._write("")
        for heading, *cells in rows:
            aligned = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
            self._write("  ".join([heading.ljust(widths[0]), *aligned]).rstrip())
        for line in evidence(rounds):
            self._write(line)

    def _write(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def headline(workload: Workload) -> str:
    """Return one line that says what is served and swapped."""
    return f"{workload.package} {workload.old} <-> {workload.new}, served over HTTP while it is replaced"


def evidence(rounds: Sequence[Totals]) -> list[str]:
    """Return lines that show what tore and failed: the most frequent errors and one torn response of each round."""
    lines = []
    for totals in rounds:
        lines += [f"{totals.way} failed: {count:,} times {reason}" for reason, count in totals.failures[:3]]
        if totals.swap_failure is not None:
            lines.append(f"{totals.way} swap failed: {totals.swap_failure}")
        if totals.torn_example is not None:
            lines.append(f"{totals.way} tore a response that neither version gives:")
            lines += [f"    {line}" for line in totals.torn_example.splitlines()[:8]]
    return lines
