"""The command line: ``python -m benchmarks.release_pairs [--pairs FILE] [--only NAME] [--tool TOOL] [--json FILE]``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.release_pairs.pairs import LISTS, read_pairs, select
from benchmarks.release_pairs.provision import ProvisionError, provide
from benchmarks.release_pairs.recipes import Recipe, read_recipes
from benchmarks.release_pairs.runner import Outcome, run_pair
from benchmarks.release_pairs.table import print_outcomes

TOOLS = ("blockfreeze", "reload")


def main() -> int:
    """Run the pairs that were asked for; the exit code is 1 if blockfreeze did not bring one of them through."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.release_pairs", description=__doc__)
    parser.add_argument("--pairs", type=Path, action="append", help="a list of pairs (default: both that come along)")
    parser.add_argument("--only", help="packages or pairs, comma-separated")
    parser.add_argument("--tool", choices=(*TOOLS, "all"), default="all")
    parser.add_argument("--json", type=Path, help="write everything that was found to this file")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "blockfreeze-release-pairs"))
    parser.add_argument("--seconds", type=float, default=300.0, help="the time limit of each process")
    words = parser.parse_args()
    pairs = [pair for path in words.pairs or LISTS for pair in select(read_pairs(path), words.only)]
    tools = TOOLS if words.tool == "all" else (words.tool,)
    recipes, outcomes, console = read_recipes(), [], Console()
    for number, pair in enumerate(pairs, 1):
        console.print(f"[{number}/{len(pairs)}] {pair.name}", markup=False, highlight=False)
        recipe = recipes.get(pair.package, Recipe())
        try:
            outcome = run_pair(pair, recipe, provide(pair, recipe, words.cache.resolve()), tools, words.seconds)
        except ProvisionError as error:
            outcome = Outcome(pair, None, {}, str(error))
        outcomes.append(outcome)
        if words.json is not None:
            words.json.write_text(json.dumps([one.to_json() for one in outcomes], indent=1), encoding="utf-8")
    print_outcomes(outcomes, console)
    judged = [one for one in outcomes if "blockfreeze" in one.tools and one.cold is not None]
    good = all(one.tools["blockfreeze"].survives(one.cold) for one in judged if one.cold is not None)
    return 0 if good and not any(one.refused for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
