"""The command line: ``python -m benchmarks.fidelity [--mode MODE | --coverage] [--only NAME] [--json FILE]``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.fidelity.covered import PACKAGES, Compared
from benchmarks.fidelity.findings import Findings
from benchmarks.fidelity.runner import MODES, Outcome, compare_coverage, run_target
from benchmarks.fidelity.table import print_outcomes, troubles
from benchmarks.fidelity.targets import package_targets, select, stdlib_targets
from benchmarks.release_pairs.provision import ProvisionError


def main() -> int:
    """Run the targets that were asked for; the exit code is 1 if a frozen one differs from the plain one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fidelity", description=__doc__)
    parser.add_argument("--set", choices=("stdlib", "packages", "all"), default="all", help="which targets")
    parser.add_argument("--only", help="names of targets, comma-separated")
    parser.add_argument("--mode", choices=MODES, action="append", help="default: all of them")
    coverage = f"compare lines and branches executed, of {', '.join(PACKAGES)} or those that --only names"
    parser.add_argument("--coverage", action="store_true", help=coverage)
    parser.add_argument("--json", type=Path, help="write everything that was found to this file")
    parser.add_argument("--plain", type=Path, help="take the plain runs from a file that --json wrote before")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "blockfreeze-release-pairs"))
    parser.add_argument("--seconds", type=float, default=300.0, help="the time limit of each process")
    words = parser.parse_args()
    if words.coverage:
        return _compare_coverage(words.only or ",".join(PACKAGES), words.cache.resolve(), words.seconds, words.json)
    modes = tuple(words.mode or MODES)
    targets = stdlib_targets() if words.set != "packages" else []
    targets += package_targets() if words.set != "stdlib" else []
    targets = select(targets, words.only)
    plain = _plain_runs(words.plain) if words.plain is not None else {}
    outcomes: list[Outcome] = []
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(targets))
        for target in targets:
            progress.update(task, description=target.name)
            try:
                outcome = run_target(target, modes, words.cache.resolve(), words.seconds, plain.get(target.name))
            except ProvisionError as error:
                outcome = Outcome(target, refused=str(error))
            outcomes.append(outcome)
            for line in troubles(outcome):
                console.print(line, markup=False, highlight=False, soft_wrap=True)
            if words.json is not None:
                words.json.write_text(json.dumps([one.to_json() for one in outcomes], indent=1), encoding="utf-8")
            progress.advance(task)
    print_outcomes(outcomes, modes, console)
    judged = [(found, one.plain) for one in outcomes for found in one.judged.values() if one.plain is not None]
    return 0 if judged and all(found.is_same(plain) for found, plain in judged) else 1


def _compare_coverage(only: str, cache: Path, seconds: float, into: Path | None) -> int:
    found: list[Compared] = []
    for target in select([*stdlib_targets(), *package_targets()], only):
        of_target = compare_coverage(target, cache, seconds)
        print(*(one.text for one in of_target), sep="\n", flush=True)
        found += of_target
        if into is not None:
            into.write_text(json.dumps([asdict(one) for one in found], indent=1), encoding="utf-8")
    return 1 if not found or any(one.differences for one in found) else 0


def _plain_runs(file: Path) -> dict[str, Findings]:
    found = json.loads(file.read_text(encoding="utf-8"))
    return {one["target"]["name"]: Findings(**one["plain"]) for one in found if one["plain"] is not None}


if __name__ == "__main__":
    sys.exit(main())
