"""Send bad input to a process that serves, and say whether it ran any of it, and whether it serves on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.frame.command_line import CommandLine
from benchmarks.frame.processes import ask
from benchmarks.frame.telling import tell_where, write_json

_SLACK = 1.3
"""How much more memory at the end than after a tenth is no growth."""


def wrong_with(found: dict[str, Any]) -> str:
    """Return what is wrong with what became of bad input, or an empty text."""
    memory = found["memory"]
    early, last = max(memory[: max(1, len(memory) // 10)]), memory[-1]
    complaints = [
        (bool(found["ran"]), f"code ran: {found['ran']}"),
        (not found.get("alive", True), "the control socket does not answer any more"),
        (not found.get("serves", True), "the block does not serve any more"),
        (found.get("threads", 1) > 1, f"{found.get('threads')} threads are left"),
        (bool(found.get("ANOTHER")), f"{found.get('ANOTHER')} artifacts were taken that are others"),
        (len(memory) > 10 and last > _SLACK * early, f"the process has grown from {early} to {last} KiB"),
    ]
    return "; ".join(said for is_wrong, said in complaints if is_wrong)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try what was asked for; the exit code is 1 if something is not as it should be."""
    line = CommandLine("benchmarks.bad_input", __doc__)
    line.add_quick()
    line.add_amount("--frames", 1_000_000, 20_000, "how many frames")
    line.add_amount("--artifacts", 1_000_000, 20_000, "how many artifacts")
    line.add_amount("--within", 1e9, 60.0, "seconds after which each ends, with as many as there were")
    line.add_amount("--seed", 1, 1, "what the input is made from")
    line.add_json()
    options = line.parse(arguments)
    tell_where()
    found: dict[str, dict[str, Any]] = {}
    for what in ("frames", "artifacts"):
        count = getattr(options, what)
        if count:
            orders = {"what": what, "count": count, "seed": options.seed, "within": options.within}
            found[what] = ask("benchmarks.bad_input.trial", orders)
            told = ", ".join(f"{name} {value:,}" for name, value in found[what].items() if isinstance(value, int))
            said = wrong_with(found[what]) or "no code ran, and the process serves on"
            print(f"{told}, in {found[what]['seconds']:.0f} s: {said}")
    found["idle"] = ask("benchmarks.bad_input.trial", {"what": "idle", "seconds": 10.0})
    cost = "{kibibytes} KiB; in {seconds:.0f} s {processor:.4f} s of processor time, {switches} switches of threads"
    print(f"the control thread of an idle process: {cost.format(**found['idle'])}")
    write_json(options.json, found)
    return 1 if any(wrong_with(found[what]) for what in ("frames", "artifacts") if what in found) else 0


if __name__ == "__main__":
    sys.exit(main())
