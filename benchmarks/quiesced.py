"""Does any call fail, and how long does one wait, while a block is swapped behind a gate again and again?

`python -m benchmarks.quiesced` makes 1,000 quiesced swaps under 8 threads, and as many under an event loop with 1,000
tasks. The module and its callers, which check every answer, are `benchmarks.shapes.gated`. The longest call says what
the program's callers noticed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from benchmarks.frame.command_line import CommandLine
from benchmarks.frame.modules import frozen
from benchmarks.frame.telling import tell_where, write_json
from benchmarks.shapes.gated import under_tasks, under_threads, versioned


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both, and print a line for each; a call that fails is raised."""
    line = CommandLine("benchmarks.quiesced", __doc__)
    line.add_amount("--swaps", 1000, 50)
    line.add_amount("--threads", 8, 4)
    line.add_amount("--tasks", 1000, 50)
    line.add_quick()
    line.add_json()
    options = line.parse(arguments)
    tell_where()
    found = {}
    with frozen("threaded", versioned(1)) as threaded:
        found[f"{options.threads} threads"] = under_threads(threaded, options.swaps, options.threads)
    with frozen("tasked", versioned(1)) as tasked:
        found[f"{options.tasks} tasks"] = asyncio.run(under_tasks(tasked, options.swaps, options.tasks))
    write_json(options.json, found)
    for under, one in found.items():
        longest = 1000 * one.longest
        print(
            f"{one.swaps} swaps under {under}: {one.calls:,} calls, {one.seconds:.1f} s, longest call {longest:.0f} ms"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
