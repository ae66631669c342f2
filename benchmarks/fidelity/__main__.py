"""Compare how other people's tests judge frozen modules and plain ones."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fidelity.covered import PACKAGES, Compared
from benchmarks.fidelity.findings import Findings
from benchmarks.fidelity.runner import MODES, Outcome, compare_coverage, run_target
from benchmarks.fidelity.table import print_outcomes, troubles
from benchmarks.fidelity.targets import package_targets, select, stdlib_targets
from benchmarks.frame.command_line import CommandLine, Options
from benchmarks.frame.folders import ProvisionError
from benchmarks.frame.telling import numbered, tell, tell_where, write_json
from benchmarks.release_pairs.provision import CACHE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the targets that were asked for; the exit code is 1 if a frozen one differs from the plain one."""
    options = _line().parse(arguments)
    tell_where()
    return _compare_coverage(options) if options.coverage else _compare_tests(options)


def _line() -> CommandLine:
    line = CommandLine("benchmarks.fidelity", __doc__)
    line.add_argument("--set", choices=("stdlib", "packages", "all"), default="all", help="which targets")
    line.add_only("names of targets")
    line.add_argument("--mode", choices=MODES, action="append", help="default: all of them")
    coverage = f"compare lines and branches executed, of {', '.join(PACKAGES)} or those that --only names"
    line.add_argument("--coverage", action="store_true", help=coverage)
    line.add_json("write everything that was found to FILE, after each target")
    line.add_argument("--plain", type=Path, metavar="FILE", help="take the plain runs from what --json wrote before")
    line.add_argument("--cache", type=Path, default=CACHE)
    line.add_seconds()
    return line


def _compare_tests(options: Options) -> int:
    modes = tuple(options.mode or MODES)
    targets = stdlib_targets() if options.set != "packages" else []
    targets += package_targets() if options.set != "stdlib" else []
    plain = _plain_runs(options.plain) if options.plain is not None else {}
    outcomes: list[Outcome] = []
    for target in numbered(select(targets, options.only), lambda one: one.name):
        try:
            outcome = run_target(target, modes, options.cache.resolve(), options.seconds, plain.get(target.name))
        except ProvisionError as error:
            outcome = Outcome(target, refused=str(error))
        outcomes.append(outcome)
        for line in troubles(outcome):
            tell(line)
        write_json(options.json, [one.to_json() for one in outcomes])
    print_outcomes(outcomes, modes)
    judged = [(found, one.plain) for one in outcomes for found in one.judged.values() if one.plain is not None]
    return 0 if judged and all(found.is_same(plain) for found, plain in judged) else 1


def _compare_coverage(options: Options) -> int:
    only = options.only or ",".join(PACKAGES)
    found: list[Compared] = []
    for target in numbered(select([*stdlib_targets(), *package_targets()], only), lambda one: one.name):
        of_target = compare_coverage(target, options.cache.resolve(), options.seconds)
        print(*(one.text for one in of_target), sep="\n", flush=True)
        found += of_target
        write_json(options.json, found)
    return 1 if not found or any(one.differences for one in found) else 0


def _plain_runs(file: Path) -> dict[str, Findings]:
    found = json.loads(file.read_text(encoding="utf-8"))
    return {one["target"]["name"]: Findings(**one["plain"]) for one in found if one["plain"] is not None}


if __name__ == "__main__":
    sys.exit(main())
