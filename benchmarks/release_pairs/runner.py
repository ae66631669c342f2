"""Start the trials of a pair, each in its own process with a time limit, and collect what they found.

The processes see the standard library, one release, the needs and this project: ``-S`` keeps whatever else is
installed in the running environment out.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.frame.pages import ROOT
from benchmarks.frame.processes import closed_environment, run
from benchmarks.release_pairs.findings import Findings
from benchmarks.release_pairs.orders import Orders
from benchmarks.release_pairs.pairs import Pair
from benchmarks.release_pairs.provision import Provision
from benchmarks.release_pairs.recipes import Recipe
from benchmarks.release_pairs.suite import copy_suite


@dataclass(frozen=True)
class Outcome:
    """A pair, its cold start, and each tool's findings; `refused` says why there are none."""

    pair: Pair
    cold: Findings | None
    tools: dict[str, Findings]
    refused: str = ""

    def to_json(self) -> dict[str, object]:
        """Return plain values, with the verdicts beside the findings."""
        cold = self.cold
        return {
            "pair": asdict(self.pair),
            "refused": self.refused,
            "cold": asdict(cold) if cold is not None else None,
            "tools": {
                tool: {
                    "survives": cold is not None and found.survives(cold),
                    "lost": {test: found.causes.get(test, "it did not run") for test in found.lost(cold)}
                    if cold
                    else {},
                    "importers_run_new_code": found.importers_run_new_code,
                    "instances_stay": found.instances_stay,
                    **asdict(found),
                }
                for tool, found in self.tools.items()
            },
        }


def run_pair(pair: Pair, recipe: Recipe, provision: Provision, tools: tuple[str, ...], seconds: float) -> Outcome:
    """Run the cold starts of a pair and then each tool, one process after the other."""
    # The workload must be valid for both releases, or nothing that follows means anything.
    was = _trial(
        pair,
        recipe,
        Provision(provision.new, provision.old, provision.needs, provision.sdist),
        "cold",
        None,
        seconds,
        False,
    )
    cold = _trial(pair, recipe, provision, "cold", None, seconds)
    for findings in (was, cold):
        if findings.errors or findings.ended:
            return Outcome(pair, cold, {}, f"cold start: {findings.ended or next(iter(findings.errors.values()))}")
    found = {tool: _trial(pair, recipe, provision, tool, cold.before, seconds) for tool in tools}
    for findings in found.values():
        if findings.before and findings.before != was.before:
            findings.errors["use"] = "the old release behaves differently than in a plain process"
    return Outcome(pair, cold, found)


def _trial(
    pair: Pair,
    recipe: Recipe,
    provision: Provision,
    tool: str,
    expected: list[str] | None,
    seconds: float,
    judged: bool = True,
) -> Findings:
    with tempfile.TemporaryDirectory(prefix="release-pairs-") as scratch:
        here = Path(scratch)
        tests = copy_suite(provision.sdist, pair.module, recipe.tests, here / "tree")
        orders = Orders(
            package=pair.package,
            module=pair.module,
            members=recipe.members,
            tool=tool,
            old=str(provision.old),
            new=str(provision.new),
            tree=str(here / "tree"),
            tests=tests if judged else [],
            plugins=recipe.plugins,
            arguments=recipe.arguments,
            expected=expected,
            patchable=recipe.patchable,
            seconds=seconds,
        )
        return _tried(here, orders, [provision.new, provision.needs, ROOT])


def _tried(here: Path, orders: Orders, path: list[Path]) -> Findings:
    ended = run(
        "benchmarks.release_pairs.trial", orders, here,
        options=("-S", "-P"), seconds=orders.seconds, folder=here, environment=closed_environment(path),
    )  # fmt: skip
    findings = Findings(**(ended.findings or {}))
    why = ended.how if ended.was_killed or ended.status or findings.stage != "end" else ""
    if not why and findings.exit_code not in (None, 0, 1):
        why = f"pytest ended with {findings.exit_code}"
    if why:
        findings.ended = f"{why} in {findings.stage or 'its start'}: {ended.words[-1500:]}"
    findings.seconds = ended.seconds
    return findings
