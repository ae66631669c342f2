"""What do the callers of a service notice while it is replaced again and again?

`python -m benchmarks.operate` starts each server with two workers by ``blockfreeze run``, loads it over connections
that are kept, and swaps it every 100 ms; beside them stands what servers do by themselves. Each is loaded for a while
without replacing by turns: the latencies are ratios to that, in one run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import quantiles
from typing import Final

from benchmarks.frame.command_line import CommandLine, chosen
from benchmarks.frame.pages import write_into_page
from benchmarks.frame.telling import numbered, tell_where, write_json
from benchmarks.operate.client import Found
from benchmarks.operate.services import KINDS, Kind, started

_TURNS: Final = 4

_FEWEST: Final = 100
"""Answers, of which percentiles can be told."""


@dataclass(frozen=True)
class Row:
    """What was found of one server: counts while it was replaced, and latencies as multiples of those without."""

    name: str
    replaced: int
    refused: int
    answers: int
    failed: int
    torn: int
    lost: int
    backwards: int
    median: float
    p99: float
    longest: float


def measured(kind: Kind, seconds: float, interval: float, connections: int) -> Row:
    """Load a server without replacing it, and with, by turns: what else the machine does is the same for both."""
    quiet, busy = Found(), Found()
    with started(kind) as service:
        for _ in range(_TURNS):
            quiet.add(service.load(connections, seconds / _TURNS).found())
            loading = service.load(connections, seconds / _TURNS)
            while loading.lasts():
                began = time.monotonic()
                service.replace()
                time.sleep(max(0.0, interval - (time.monotonic() - began)))
            busy.add(loading.found())
        numbers = busy.answers, busy.failed, busy.torn, busy.lost, busy.backwards
        return Row(kind.name, service.number - 1, service.refused, *numbers, *_ratios(quiet, busy))


def _ratios(quiet: Found, busy: Found) -> tuple[float, float, float]:
    if min(len(quiet.latencies), len(busy.latencies)) < _FEWEST:
        return nan, nan, nan
    before, after = quantiles(quiet.latencies, n=100), quantiles(busy.latencies, n=100)
    return after[49] / before[49], after[98] / before[98], 1000 * max(busy.latencies)


def table(rows: Sequence[Row], interval: float) -> str:
    """Return the table of the page."""
    heads = (
        f"every {1000 * interval:.0f} ms",
        "replaced",
        "answers",
        "failed",
        "torn",
        "lost",
        "backwards",
        "median",
        "p99",
        "longest",
    )
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for one in rows:
        refused = f", {one.refused} refused" if one.refused else ""
        cells = (f"{one.answers:,}", f"{one.failed:,}", f"{one.torn:,}", f"{one.lost:,}", f"{one.backwards:,}")
        times = (f"{one.median:.2f}×", f"{one.p99:.2f}×", f"{one.longest:.0f} ms")
        times = ("–", "–", "–") if isnan(one.median) else times
        lines.append(f"| {one.name} | {one.replaced}{refused} | {' | '.join((*cells, *times))} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the table; the exit status is 1 if blockfreeze has torn, failed or lost anything."""
    line = CommandLine("benchmarks.operate", __doc__)
    line.add_amount("--seconds", 10.0, 2.0, "for which each is loaded, twice")
    line.add_amount("--interval", 0.1, 0.1, "seconds from one swap to the next")
    line.add_amount("--connections", 8, 4)
    line.add_only("servers")
    line.add_quick()
    line.add_json()
    line.add_argument("--page", action="store_true", help="put the table into the manual")
    options = line.parse(arguments)
    tell_where()
    kinds = [one for one in KINDS if chosen(one.name, options.only)]
    rows = [
        measured(one, options.seconds, options.interval, options.connections)
        for one in numbered(kinds, lambda one: one.name)
    ]
    write_json(options.json, rows)
    shown = table(rows, options.interval)
    print(shown)
    if options.page:
        write_into_page("operate", shown)
    ours = {one.name for one in KINDS if one.how == "swap"}
    return int(any(one.failed + one.torn + one.lost + one.backwards for one in rows if one.name in ours))


if __name__ == "__main__":
    sys.exit(main())
