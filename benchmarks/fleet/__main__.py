"""Roll releases out in a fleet whose engine is killed, paused and cut off; and in thousands of simulated processes."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.fleet.rollouts import Found, rolled_out
from benchmarks.fleet.simulation import Asked, simulated
from benchmarks.frame.command_line import CommandLine
from benchmarks.frame.pages import write_into_page
from benchmarks.frame.tables import Column, Table
from benchmarks.frame.telling import tell, tell_where, write_json
from benchmarks.shapes.machines import write_releases

_NAME = "fleet"


def table_of(asked: Sequence[Asked]) -> Table:
    """Return what the engine was asked, for each number of processes."""
    heads = ("processes", "seconds of a roll-out", "commands", "for each process", "MB sent", "commands/s at rest")
    rows = [
        (
            f"{one.processes:,}",
            f"{one.seconds:.1f}",
            f"{one.commands:,}",
            f"{one.commands / one.processes:.1f}",
            f"{one.kilobytes / 1024:.1f}",
            f"{one.at_rest:,.0f}",
        )
        for one in asked
    ]
    return Table([Column(head, is_number=True) for head in heads], rows, "one Redis, and so many processes")


def sentence_of(found: Found) -> str:
    """Return what became of roll-outs."""
    troubles = ", ".join(f"{name} {count} times" for name, count in sorted(found.troubles.items()) if name != "none")
    done, refused, mixed, errors = (found.outcomes[name] for name in ("0", "1", "3", "error"))
    quiet = found.undisturbed or [0.0]
    told = [
        f"{found.rollouts} roll-outs in six processes on three machines, with the engine {troubles}:",
        f"{done} done everywhere, {refused} refused everywhere, {mixed} moved the pointer while a process was cut off,",
        f"{errors} did not reach the engine. Until the last process served what the pointer led to:",
        f"{median(quiet):.2f} s (median) and {max(quiet):.2f} s at most where nothing was done to the engine",
        f"meanwhile, {max(found.diverged):.1f} s at most where it was.",
        f"At the end all served it, after {found.settled:.1f} s.",
        f"Of {found.calls:,} calls {found.torn} were torn and {found.failed} failed.",
    ]
    return " ".join(told)


def main() -> int:
    """Run the command line and return the exit code: 1 if a call was torn or failed."""
    line = CommandLine("benchmarks.fleet", __doc__)
    line.add_quick()
    line.add_json()
    line.add_amount("--rollouts", 200, 15, "how many roll-outs under trouble")
    line.add_amount("--processes", 10_000, 200, "the largest number of simulated processes")
    line.add_argument("--seed", type=int, default=1)
    line.add_argument("--page", action="store_true", help="write the result into the manual")
    options = line.parse()
    tell_where()
    with tempfile.TemporaryDirectory() as place:
        write_releases(Path(place), range(1, 3))
        counts = sorted({max(2, options.processes // 100), max(2, options.processes // 10), options.processes})
        asked = [one for count in counts for one in simulated(count, 2, Path(place))[-1:]] if options.processes else []
    table = table_of(asked)
    found = rolled_out(options.rollouts, options.seed, tell)
    table.show()
    print(sentence_of(found))
    if options.json is not None:
        write_json(options.json, {"rollouts": found, "simulated": asked})
    if options.page:
        write_into_page(_NAME, f"{table.markdown()}\n\n{sentence_of(found)}")
    return 1 if found.torn or found.failed else 0


if __name__ == "__main__":
    sys.exit(main())
