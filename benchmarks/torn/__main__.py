"""Count torn calls while modules are replaced under them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from benchmarks.frame.command_line import CommandLine, Options
from benchmarks.frame.processes import WorkerError, ask
from benchmarks.frame.telling import tell, tell_where, write_json
from benchmarks.shapes import SHAPES
from benchmarks.shapes.shape import Layout
from benchmarks.torn.run import Outcome, Settings
from benchmarks.torn.table import print_outcomes
from benchmarks.torn.tools import TOOLS

_GRACE = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return 1 if blockfreeze was not clean."""
    options = _line().parse(arguments)
    tell_where()
    outcomes = []
    for outcome in _outcomes(options):
        outcomes.append(outcome)
        trouble = f"{outcome.torn} torn, {outcome.raised} raised, {outcome.stale} stale"
        told = f"{outcome.tool} {outcome.shape} {outcome.layout}: {outcome.calls:,} calls, {trouble}"
        tell(f"{told}, {outcome.swaps} swaps, {outcome.seconds:.1f} s {outcome.note}")
        write_json(options.json, outcomes)
    print_outcomes(outcomes)
    return int(any(one.tool == "blockfreeze" and not one.is_clean for one in outcomes))


def _line() -> CommandLine:
    full = Settings()
    line = CommandLine("benchmarks.torn", __doc__)
    line.add_argument("--tool", choices=[*TOOLS, "all"], default="blockfreeze")
    line.add_argument("--shape", nargs="+", choices=list(SHAPES), default=list(SHAPES), metavar="NAME")
    line.add_argument("--layout", choices=[layout.value for layout in Layout], help="default: both")
    line.add_amount("--calls", full.calls, 20_000, "calls per shape and layout")
    line.add_amount("--threads", full.threads, full.threads)
    line.add_amount("--swaps", full.swaps, 40, "swaps spread over the calls")
    line.add_amount("--limit", full.seconds, 60.0, "seconds per run")
    line.add_quick("20,000 calls and 40 swaps")
    line.add_json("write every outcome to FILE, after each run")
    return line


def _outcomes(options: Options) -> Iterator[Outcome]:
    tools = list(TOOLS) if options.tool == "all" else [options.tool]
    layouts = [options.layout] if options.layout else [layout.value for layout in Layout]
    settings = Settings(options.calls, options.threads, options.swaps, options.limit)
    for shape in options.shape:
        for layout in layouts:
            for tool in tools:
                yield _outcome(tool, shape, layout, settings)


def _outcome(tool: str, shape: str, layout: str, settings: Settings) -> Outcome:
    """Do one run in a process of its own; a process that dies or hangs is an outcome too."""
    orders = {"tool": tool, "shape": shape, "layout": layout, "settings": settings}
    try:
        return Outcome(**ask("benchmarks.torn.worker", orders, seconds=settings.seconds + _GRACE))
    except WorkerError as error:
        ended = error.ended
    if ended.was_killed:
        return Outcome(tool, shape, layout, note=ended.how)
    note = f"exit {ended.status}: {ended.last_words}"
    return Outcome(tool, shape, layout, note=note, samples={"stderr": ended.words})


if __name__ == "__main__":
    sys.exit(main())
