"""Freeze popular packages, swap them with themselves or with the release that closes a hole, and use them meanwhile."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.frame.command_line import CommandLine, chosen
from benchmarks.frame.folders import ProvisionError
from benchmarks.frame.pages import ROOT
from benchmarks.frame.processes import closed_environment, run
from benchmarks.frame.tables import Table, Verdict
from benchmarks.frame.telling import numbered, tell_where, write_json
from benchmarks.sweep.subjects import FIXES, PACKAGES, Subject, provide, read_subjects

CACHE = Path(tempfile.gettempdir(), "blockfreeze-sweep")


@dataclass(frozen=True)
class Outcome:
    """What became of one subject: what was found, and what is wrong with it, if anything is."""

    name: str
    found: dict[str, Any]
    wrong: str

    @property
    def row(self) -> list[str | Verdict]:
        """Return its line of the table."""
        return [self.name, Verdict("yes" if not self.wrong else "no", not self.wrong), self.wrong]


def main(arguments: Sequence[str] | None = None) -> int:
    """Sweep what was asked for; the exit code is 1 if something does not keep what it is for."""
    line = CommandLine("benchmarks.sweep", __doc__)
    line.add_argument("--set", choices=("packages", "fixes"), default="packages", help="which list")
    line.add_only("packages")
    line.add_json("write everything that was found to FILE, after each package")
    line.add_argument("--cache", type=Path, default=CACHE)
    line.add_seconds()
    options = line.parse(arguments)
    tell_where()
    file = PACKAGES if options.set == "packages" else FIXES
    subjects = [one for one in read_subjects(file) if chosen(one.package, options.only)]
    outcomes: list[Outcome] = []
    for subject in numbered(subjects, lambda one: one.name):
        cache = options.cache.resolve() / f"cp{sys.version_info.major}{sys.version_info.minor}"
        outcomes.append(_outcome(subject, cache, options.seconds))
        write_json(options.json, outcomes)
    head = "keeps what it does" if options.set == "packages" else "the hole is closed, and opens on the way back"
    Table(("package", head, "why not"), [one.row for one in outcomes]).show()
    good = sum(not one.wrong for one in outcomes)
    print(f"{good} of {len(outcomes)}")
    return 0 if good == len(outcomes) else 1


def _outcome(subject: Subject, cache: Path, seconds: float) -> Outcome:
    try:
        whole, newer = provide(subject, cache)
    except ProvisionError as error:
        return Outcome(subject.name, {}, f"not to be had: {str(error).splitlines()[-1]}")
    orders: dict[str, Any] = {"module": subject.module, "smoke": list(subject.smoke)}
    expected = _ask({"what": "plain", **orders}, whole, seconds)
    if isinstance(expected, str):
        return Outcome(subject.name, {}, f"plain: {expected}")
    if subject.new:
        orders |= {"hole": list(subject.hole), "newer": str(newer)}
        orders |= {"converters": list(subject.converters), "quiesce": subject.quiesce}
    found = _ask({"what": "fixed" if subject.new else "swept", **orders}, whole, seconds)
    if isinstance(found, str):
        return Outcome(subject.name, expected, found)
    judge = wrong_with_fix if subject.new else wrong_with_package
    return Outcome(subject.name, {"plain": expected, **found}, judge(expected, found))


def _ask(orders: dict[str, Any], folder: Path, seconds: float) -> dict[str, Any] | str:
    """Return what a trial has found, or how it ended if it found nothing."""
    with tempfile.TemporaryDirectory(prefix="blockfreeze-sweep-") as place:
        ended = run(
            "benchmarks.sweep.trial", orders, Path(place), options=("-S", "-P"), seconds=seconds, folder=Path(place),
            environment=closed_environment([folder, ROOT]),
        )  # fmt: skip
    if ended.was_killed or ended.status or ended.findings is None:
        return ended.how if ended.was_killed else f"{ended.how}: {ended.last_words}"
    found: dict[str, Any] = ended.findings
    return found


def wrong_with_package(expected: dict[str, Any], found: dict[str, Any]) -> str:
    """Return what is wrong with a package that was swept, or an empty text."""
    if found["error"]:
        return str(found["error"])
    for step in ("frozen", "swap", "swap again", "roll back"):
        for value, of in zip(found[step], ("held before", "made afresh"), strict=True):
            if value not in (expected["first"], expected["again"]):
                return f"{step}, {of}: {value[:300]}; plain: {expected['again'][:300]}"
    return ""


def wrong_with_fix(expected: dict[str, Any], found: dict[str, Any]) -> str:
    """Return what is wrong with a fix that was applied, or an empty text."""
    if found["error"]:
        return str(found["error"])
    if found["before"][1] != "True":
        return f"the hole is not open before: {found['before'][1][:200]}"
    after, back = found["after"], found["back"]
    complaints = [
        (found["raised"], f"threads met {found['raised'][:2]}"),
        (after[1] != "False", f"open through what was held: {after[1][:200]}"),
        (after[2] != "False", f"open through what was made afresh: {after[2][:200]}"),
        (after[0] != found["before"][0] and after[0][:6] not in expected["first"][:6], f"after: {after[0][:200]}"),
        (back[1] != "True", f"after the way back: {back[1][:200]}"),
    ]
    return "; ".join(said for is_wrong, said in complaints if is_wrong)


if __name__ == "__main__":
    sys.exit(main())
