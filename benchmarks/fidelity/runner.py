"""Start the runs of a target, each in its own process with a time limit and a throw-away folder.

The folder is the process's current directory, its home and its place for temporary files: a test whose mock is
bypassed does the real thing.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from benchmarks.fidelity.covered import CORES, Compared, compare
from benchmarks.fidelity.findings import Findings
from benchmarks.fidelity.targets import Target
from benchmarks.fidelity.worker import Orders
from benchmarks.frame.pages import ROOT
from benchmarks.frame.processes import closed_environment, run
from benchmarks.release_pairs.pairs import Pair
from benchmarks.release_pairs.provision import provide
from benchmarks.release_pairs.recipes import Recipe, read_recipes
from benchmarks.release_pairs.suite import copy_suite

MORE_PATH: list[Path] = []  # where targets lie that are neither in the standard library nor on the package index
MODES = ("frozen", "engagement", "late", "swapping", "inlined")
"""Frozen early; the same with what is executed being watched, which is no test of fidelity; and the harder ones.

What is inlined cannot be patchable: tests that replace a definition of the module are lost in the last.
"""


@dataclass
class Outcome:
    """A target, its plain run and its runs by mode; `refused` says why there are none."""

    target: Target
    plain: Findings | None = None
    modes: dict[str, Findings] = field(default_factory=dict)
    refused: str = ""

    @property
    def judged(self) -> dict[str, Findings]:
        """The runs whose tests are to be as they are plain: all but the one that was watched."""
        return {mode: found for mode, found in self.modes.items() if mode != "engagement"}

    def to_json(self) -> dict[str, object]:
        """Return plain values, with the verdicts beside the findings."""
        plain = self.plain
        return {
            "target": asdict(self.target),
            "refused": self.refused,
            "plain": None if plain is None else asdict(plain),
            "modes": {
                mode: {
                    "same": plain is not None and found.is_same(plain),
                    "lost": {} if plain is None else found.lost(plain),
                    **asdict(found),
                }
                for mode, found in self.modes.items()
            },
        }


def run_target(
    target: Target, modes: tuple[str, ...], cache: Path, seconds: float, plain: Findings | None = None
) -> Outcome:
    """Run a target's tests plain (or take `plain` for it) and in each of `modes`, one process after the other.

    A mode that loses tests is tried once more, and only what is lost again counts: on a busy machine tests fail plain
    too, now and then.

    Raises:
        ProvisionError: a package or what its suite needs cannot be had.
    """
    outcome = Outcome(target, plain or run_once(target, "plain", cache, seconds))
    assert outcome.plain is not None
    if outcome.plain.error or outcome.plain.ended or not outcome.plain.passing:
        outcome.refused = f"plain: {outcome.plain.error or outcome.plain.ended or 'no test passes'}"
        return outcome
    for mode in modes:
        found = run_once(target, mode, cache, seconds)
        if mode != "engagement" and not found.is_same(outcome.plain):
            again = run_once(target, mode, cache, seconds)
            lost = found.lost(outcome.plain)
            if len(again.lost(outcome.plain)) <= len(lost):
                again.unsteady = sorted(lost.keys() - again.lost(outcome.plain).keys())
                found = again
        outcome.modes[mode] = found
    return outcome


def compare_coverage(target: Target, cache: Path, seconds: float) -> list[Compared]:
    """Compare, core by core, what a target's suite executes of it plain and frozen.

    What differs is tried once more, and only what differs again counts.

    Raises:
        ProvisionError: a package or what its suite needs cannot be had.
        RuntimeError: a run came to nothing.
    """
    compared = []
    for core in CORES:
        found = _compare_once(target, core, cache, seconds)
        if found.differences:
            again = _compare_once(target, core, cache, seconds)
            found = replace(again, differences=tuple(set(found.differences) & set(again.differences)))
        compared.append(found)
    return compared


def _compare_once(target: Target, core: str, cache: Path, seconds: float) -> Compared:
    plain, frozen = (run_once(target, mode, cache, seconds, core) for mode in ("plain", "frozen"))
    for found in (plain, frozen):
        if found.error or found.ended or not found.covered:
            raise RuntimeError(f"{target.name}, {core}: {found.error or found.ended or 'nothing was executed'}")
    return compare(target.name, core, plain.covered, frozen.covered)


def run_once(target: Target, mode: str, cache: Path, seconds: float, core: str = "") -> Findings:
    """Run a target's tests in one process; with a `core` of `coverage`, what they execute is watched.

    Raises:
        ProvisionError: a package or what its suite needs cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="fidelity-", ignore_cleanup_errors=True) as scratch:
        here = Path(scratch).resolve()
        path, tree, tests, recipe = [ROOT, *MORE_PATH], "", list(target.tests), Recipe()
        if target.version:
            recipe = read_recipes().get(target.name, recipe)
            recipe = replace(recipe, needs=(*recipe.needs, "coverage")) if core else recipe
            provision = provide(Pair(target.name, target.module, target.version, target.version), recipe, cache)
            tests = copy_suite(provision.sdist, target.module, recipe.tests, here / "tree")
            tree, path = str(here / "tree"), [provision.new, provision.needs, ROOT]
        orders = Orders(target.module, mode, tuple(tests), tree, recipe.plugins, recipe.arguments, seconds, core)
        alone = ["-S"] if tree else []
        return _judged(here, orders, [*alone, "-P"], path, seconds)


def _judged(here: Path, orders: Orders, options: list[str], path: list[Path], seconds: float) -> Findings:
    home = here / "home"
    home.mkdir()
    environment = closed_environment(path, HOME=str(home), TMPDIR=str(home))
    ended = run(
        "benchmarks.fidelity.worker", orders, here,
        options=options, seconds=seconds, folder=home, environment=environment,
    )  # fmt: skip
    if ended.findings is not None:
        findings = Findings(**ended.findings)
    else:
        findings = Findings(tests=_tests_in(here / "findings.log"), ended=f"{ended.how}: {ended.words[-3000:]}")
    findings.seconds = ended.seconds
    return findings


def _tests_in(log: Path) -> dict[str, str]:
    """Return the outcomes that a worker noted before it ended."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return dict(map(json.loads, lines))
