"""The outcomes as a table, and the tests that a tool lost, each with its cause."""

from __future__ import annotations

from benchmarks.frame.tables import Cell, Table, Verdict
from benchmarks.release_pairs.findings import Findings
from benchmarks.release_pairs.runner import Outcome

COLUMNS = (
    "pair",
    "tool",
    "survives",
    "applied",
    "thread exc.",
    "neither",
    "tests / cold",
    "importers new",
    "instances",
    "back",
)
CAUSES_SHOWN = 12


def print_outcomes(outcomes: list[Outcome]) -> None:
    """Print the table, each tool's totals, and what went wrong."""
    rows: list[list[Cell]] = []
    for outcome in outcomes:
        if outcome.cold is None or not outcome.tools:
            rows.append([outcome.pair.name, "-", _word(False), *["-"] * (len(COLUMNS) - 3)])
        rows += [row(outcome, tool, found) for tool, found in outcome.tools.items()]
    Table(COLUMNS, rows, f"Real releases ({len(outcomes)} pairs)").show()
    for tool in sorted({tool for outcome in outcomes for tool in outcome.tools}):
        print(totals(outcomes, tool))
    for outcome in outcomes:
        for line in troubles(outcome):
            print(line)


def row(outcome: Outcome, tool: str, found: Findings) -> list[Cell]:
    """Return one line of the table."""
    cold = outcome.cold or Findings()
    return [
        outcome.pair.name,
        tool,
        _word(found.survives(cold)),
        _word(found.applied),
        f"{sum(found.thread_exceptions.values()):,}",
        f"{sum(found.neither.values()):,}",
        f"{len(cold.passing) - len(found.lost(cold)):,} / {len(cold.passing):,}",
        _word(found.importers_run_new_code),
        f"{sum(found.instances.values())} of {len(found.instances)}",
        _word(found.back),
    ]


def totals(outcomes: list[Outcome], tool: str) -> str:
    """Count the pairs that survive, those with earlier importers on new code, and those with both and instances."""
    found = [(outcome.tools[tool], outcome.cold) for outcome in outcomes if tool in outcome.tools and outcome.cold]
    alive = [one for one, cold in found if one.survives(cold)]
    whole = [one for one in alive if one.importers_run_new_code and one.instances_stay]
    importers = sum(one.importers_run_new_code for one, _ in found)
    counts = f"{len(alive)} of {len(found)} survive; importers run new code in {importers}; all of it in {len(whole)}"
    return f"{tool}: {counts}"


def troubles(outcome: Outcome) -> list[str]:
    """Say what went wrong with a pair: refusals, errors by stage, exceptions, lost tests with their causes."""
    lines = [f"{outcome.pair.name}: {outcome.refused}"] if outcome.refused else []
    for tool, found in outcome.tools.items():
        told = [f"{stage}: {text.strip().splitlines()[-1]}" for stage, text in found.errors.items()]
        told += [found.ended] if found.ended else []
        told += [f"thread: {line} ({count:,} times)" for line, count in found.thread_exceptions.items()]
        told += [f"neither release gives {line} ({count:,} times)" for line, count in found.neither.items()]
        told += [f"stale {kind} {name}" for name, kind in found.stale.items()][:CAUSES_SHOWN]
        told += [f"old code ran: {place}" for place in found.old_code_run[:CAUSES_SHOWN]]
        told += [
            f"kept instance {name} is not one of its class" for name, stays in found.instances.items() if not stays
        ]
        lost = found.lost(outcome.cold or Findings())
        told += [f"lost {test}: {found.causes.get(test, 'it did not run')}" for test in lost[:CAUSES_SHOWN]]
        told += [f"lost {len(lost) - CAUSES_SHOWN:,} more"] if len(lost) > CAUSES_SHOWN else []
        lines += [f"{outcome.pair.name} {tool}: {line}" for line in told]
    return lines


def _word(good: bool) -> Verdict:
    return Verdict("yes" if good else "no", good)
