"""Count torn calls: ``python -m benchmarks.torn --help``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from .run import Outcome, Settings
from .shape import Layout
from .shapes import SHAPES
from .tools import TOOLS

_GRACE = 60.0
_QUICK = Settings(calls=20_000, swaps=40, seconds=60.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return 1 if blockfreeze was not clean."""
    options = _parser().parse_args(arguments)
    from .table import print_table  # draws with rich, which all else here does without

    default = _QUICK if options.quick else Settings()
    settings = Settings(
        calls=options.calls or default.calls,
        threads=options.threads,
        swaps=options.swaps or default.swaps,
        seconds=options.limit or default.seconds,
    )
    outcomes = []
    for outcome in _outcomes(options, settings):
        outcomes.append(outcome)
        trouble = f"{outcome.torn} torn, {outcome.raised} raised, {outcome.stale} stale"
        told = f"{outcome.tool} {outcome.shape} {outcome.layout}: {outcome.calls:,} calls, {trouble}"
        print(f"{told}, {outcome.swaps} swaps, {outcome.seconds:.1f} s {outcome.note}", file=sys.stderr)
        if options.json:
            Path(options.json).write_text(json.dumps([asdict(one) for one in outcomes], indent=1), encoding="utf-8")
    print_table(outcomes)
    return int(any(one.tool == "blockfreeze" and not one.is_clean for one in outcomes))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torn", description=(__doc__ or "").split(":")[0])
    parser.add_argument("--tool", choices=[*TOOLS, "all"], default="blockfreeze")
    parser.add_argument("--shape", nargs="+", choices=list(SHAPES), default=list(SHAPES), metavar="NAME")
    parser.add_argument("--layout", choices=[layout.value for layout in Layout], help="default: both")
    parser.add_argument("--calls", type=int, help="calls per shape and layout (1,000,000)")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--swaps", type=int, help="swaps spread over the calls (200)")
    parser.add_argument("--limit", type=float, help="seconds per run (600)")
    parser.add_argument("--quick", action="store_true", help="20,000 calls and 40 swaps")
    parser.add_argument("--json", metavar="FILE", help="write every outcome to FILE, after each run")
    return parser


def _outcomes(options: argparse.Namespace, settings: Settings) -> Iterator[Outcome]:
    tools = list(TOOLS) if options.tool == "all" else [options.tool]
    layouts = [options.layout] if options.layout else [layout.value for layout in Layout]
    for shape in options.shape:
        for layout in layouts:
            for tool in tools:
                yield _outcome(tool, shape, layout, settings)


def _outcome(tool: str, shape: str, layout: str, settings: Settings) -> Outcome:
    """Do one run in a process of its own; a process that dies or hangs is an outcome too."""
    task = json.dumps({"tool": tool, "shape": shape, "layout": layout, "settings": asdict(settings)})
    command = [sys.executable, "-m", "benchmarks.torn.worker", task]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=settings.seconds + _GRACE, check=False)
    except subprocess.TimeoutExpired:
        return Outcome(tool, shape, layout, note=f"killed after {settings.seconds + _GRACE:.0f} s")
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [""]
        return Outcome(tool, shape, layout, note=f"exit {done.returncode}: {last[0]}", samples={"stderr": done.stderr})
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main())
