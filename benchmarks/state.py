"""Is state lost while a module is swapped a thousand times under threads?

The module and the threads are `benchmarks.shapes.counted`: a variable that must be the sum of what the threads have
counted, and a cache with a hundred thousand entries that must be the same object, with the same objects in it.

    python -m benchmarks.state
    python -m benchmarks.state --swaps 100 --threads 4 --entries 1000
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.frame.command_line import CommandLine
from benchmarks.frame.modules import frozen
from benchmarks.frame.telling import tell_where, write_json
from benchmarks.shapes.counted import swapped_under_threads, versioned


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it once and tell; return 1 if something was lost."""
    line = CommandLine("benchmarks.state", __doc__)
    line.add_amount("--swaps", 1000, 100)
    line.add_amount("--threads", 8, 4)
    line.add_amount("--entries", 100_000, 1000, "entries of the cache")
    line.add_quick()
    line.add_json()
    options = line.parse(arguments)
    tell_where()
    with frozen("counted", versioned(1)) as counted:
        found = swapped_under_threads(counted, options.swaps, options.threads, options.entries)
    write_json(options.json, found)
    print(
        f"{found.swaps:,} swaps under {options.threads} threads, {found.seconds:.1f} s: "
        f"{found.counted:,} calls counted, "
        f"{found.kept:,} in the variable, {found.by_old_calls:,} of them by calls of an older generation"
    )
    same = "the same" if found.same_cache else "another"
    print(f"the cache is {same} object; {found.entries_kept:,} of {found.entries:,} entries are the same objects")
    return 0 if found.nothing_is_lost else 1


if __name__ == "__main__":
    sys.exit(main())
