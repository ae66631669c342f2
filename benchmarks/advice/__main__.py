"""How much advice do real pairs of releases get, and of which kinds?

The pairs are those of `benchmarks.release_pairs`, and successive releases of larger packages. Whether a piece of advice
is sound is for somebody to judge who reads both texts: ``--draw N`` prints so many, drawn at random.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.frame.command_line import CommandLine
from benchmarks.frame.folders import release
from benchmarks.frame.pages import write_into_page
from benchmarks.frame.tables import Column, Table
from benchmarks.frame.telling import tell, write_json
from benchmarks.release_pairs.pairs import LISTS, Pair, read_pairs, select
from blockfreeze.advice.comparing import advise_on
from blockfreeze.core.advice import WARNING, Advice
from blockfreeze.versions.module_source import ModuleSource
from blockfreeze.versions.snapshot import Snapshot

_MORE = Path(__file__).with_name("pairs.json")
_CACHE = Path(tempfile.gettempdir(), "blockfreeze-advice")


def _modules(pair: Pair, version: str) -> Mapping[str, ModuleSource]:
    folder = release(_CACHE / f"{pair.package}-{version}", pair.package, version, "--no-compile")
    snapshot = Snapshot((pair.module,))
    snapshot.take_from(pair.module, folder)
    return snapshot.modules


def advice_for(pair: Pair) -> tuple[Advice, ...]:
    """Return the advice for a pair; its releases are fetched if they are not there.

    Raises:
        ProvisionError: pip refused.
    """
    return advise_on(_modules(pair, pair.old), _modules(pair, pair.new))


def _table(found: Mapping[str, tuple[Advice, ...]]) -> Table:
    counts = Counter((one.kind, one.level) for each in found.values() for one in each)
    kinds = sorted({kind for kind, _ in counts}, key=lambda kind: -sum(counts[kind, level] for level in _LEVELS))
    rows = [(kind, *(f"{counts[kind, level]}" for level in _LEVELS)) for kind in kinds]
    columns: list[str | Column] = ["kind", *(Column(f"{level}s", is_number=True) for level in _LEVELS)]
    return Table(columns, rows, f"advice for {len(found)} pairs of releases")


_LEVELS = (WARNING, "note")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare the pairs, and print what was found."""
    line = CommandLine("benchmarks.advice", __doc__)
    line.add_only("packages or pairs")
    line.add_argument("--draw", type=int, default=0, metavar="N", help="print so many, drawn at random, to be judged")
    line.add_argument("--page", action="store_true", help="rewrite the table of the manual")
    line.add_json()
    options = line.parse(arguments)
    pairs = select([pair for path in (*LISTS, _MORE) for pair in read_pairs(path)], options.only)
    found: dict[str, tuple[Advice, ...]] = {}
    for pair in pairs:
        began = time.process_time()
        found[pair.name] = advice_for(pair)
        warnings = sum(one.level == WARNING for one in found[pair.name])
        took = time.process_time() - began
        tell(f"{pair.name}: {len(found[pair.name])}, of which warnings {warnings}; {took:.1f} s of processor time")
    whole = [f"{name}: {one}" for name, each in found.items() for one in each]
    for one in random.sample(whole, min(options.draw, len(whole))):
        print(one)
    without = sum(not each for each in found.values())
    print(f"{len(found)} pairs, {without} of them without any; {len(whole)} pieces of advice")
    table = _table(found)
    table.show()
    if options.page:
        write_into_page("advice", table.markdown())
    write_json(options.json, {name: [one.to_json() for one in each] for name, each in found.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
