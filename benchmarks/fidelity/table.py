"""The outcomes as a table, the totals of each mode, and every test that a mode lost, with its cause."""

from __future__ import annotations

from benchmarks.fidelity.findings import Findings
from benchmarks.fidelity.runner import Outcome
from benchmarks.frame.tables import Cell, Table, Verdict

CAUSES_SHOWN = 40


def print_outcomes(outcomes: list[Outcome], modes: tuple[str, ...]) -> None:
    """Print what differs, target by target, and then each mode's totals."""
    rows = [
        [outcome.target.name, mode, *row(outcome.plain or Findings(), found)]
        for outcome in outcomes
        for mode, found in outcome.modes.items()
    ]
    Table(("target", "mode", "tests / plain", "engagement", "swaps", "time / plain"), rows, "Fidelity").show()
    for outcome in outcomes:
        for line in troubles(outcome):
            print(line)
    for mode in modes:
        print(totals(outcomes, mode))


def row(plain: Findings, found: Findings) -> list[Cell]:
    """Return the figures of one run: tests, engagement, swaps, and the time it took against the plain one's."""
    kept = len(plain.passing) - len(found.lost(plain))
    tests = f"{kept:,} / {len(plain.passing):,}"
    return [
        tests if found.is_same(plain) else Verdict(tests, is_good=False),
        f"{found.linked} / {found.readers}" if found.readers else "-",
        f"{found.swaps:,}" if found.swaps else "-",
        f"{found.seconds / plain.seconds:.2f}" if plain.seconds else "-",
    ]


def totals(outcomes: list[Outcome], mode: str) -> str:
    """Count, for a mode, the targets and the tests that are as they are plain, and the engagement."""
    found = [(one.modes[mode], one.plain) for one in outcomes if one.plain is not None and mode in one.modes]
    if mode == "engagement":
        readers, linked = sum(one.readers for one, _ in found), sum(one.linked for one, _ in found)
        return f"{mode}: {linked:,} of {readers:,} functions ({100 * linked / max(1, readers):.1f} %)"
    same = sum(one.is_same(plain) for one, plain in found)
    tests = sum(len(plain.passing) for _, plain in found)
    lost = sum(len(one.lost(plain)) for one, plain in found)
    seconds, slow = sum(one.seconds for one, _ in found), sum(plain.seconds for _, plain in found)
    time = f"; time {seconds / slow:.2f} of plain" if slow else ""
    return f"{mode}: {same} of {len(found)} targets, {tests - lost:,} of {tests:,} tests{time}"


def troubles(outcome: Outcome) -> list[str]:
    """Say what differs: refusals, errors, ends, and lost tests with their causes."""
    lines = [f"{outcome.target.name}: {outcome.refused.strip().splitlines()[-1]}"] if outcome.refused else []
    for mode, found in outcome.judged.items():
        told = [text.strip().splitlines()[-1] for text in (found.error, found.ended) if text]
        told += [f"swap: {text} ({count} times)" for text, count in found.swap_errors.items()]
        lost = found.lost(outcome.plain or Findings())
        told += [f"{test}: {cause}" for test, cause in list(lost.items())[:CAUSES_SHOWN]]
        told += [f"{len(lost) - CAUSES_SHOWN} more"] if len(lost) > CAUSES_SHOWN else []
        lines += [f"{outcome.target.name} {mode}: {line}" for line in told]
    return lines
