"""Swap real releases of packages while they are used, and let the new releases' own tests judge."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.frame.command_line import CommandLine
from benchmarks.frame.folders import ProvisionError
from benchmarks.frame.telling import numbered, tell_where, write_json
from benchmarks.release_pairs.pairs import LISTS, read_pairs, select
from benchmarks.release_pairs.provision import CACHE, provide
from benchmarks.release_pairs.recipes import Recipe, read_recipes
from benchmarks.release_pairs.runner import Outcome, run_pair
from benchmarks.release_pairs.table import print_outcomes

TOOLS = ("blockfreeze", "reload")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the pairs that were asked for; the exit code is 1 if blockfreeze did not bring one of them through."""
    line = CommandLine("benchmarks.release_pairs", __doc__)
    lists = "a list of pairs (default: all that come along)"
    line.add_argument("--pairs", type=Path, action="append", metavar="FILE", help=lists)
    line.add_only("packages or pairs")
    line.add_argument("--tool", choices=(*TOOLS, "all"), default="all")
    line.add_json("write everything that was found to FILE, after each pair")
    line.add_argument("--cache", type=Path, default=CACHE)
    line.add_seconds()
    options = line.parse(arguments)
    tell_where()
    pairs = [pair for path in options.pairs or LISTS for pair in select(read_pairs(path), options.only)]
    tools = TOOLS if options.tool == "all" else (options.tool,)
    recipes = read_recipes()
    outcomes: list[Outcome] = []
    for pair in numbered(pairs, lambda one: one.name):
        recipe = recipes.get(pair.package, Recipe())
        try:
            provision = provide(pair, recipe, options.cache.resolve())
            outcome = run_pair(pair, recipe, provision, tools, options.seconds)
        except ProvisionError as error:
            outcome = Outcome(pair, None, {}, str(error))
        outcomes.append(outcome)
        write_json(options.json, [one.to_json() for one in outcomes])
    print_outcomes(outcomes)
    judged = [one for one in outcomes if "blockfreeze" in one.tools and one.cold is not None]
    good = all(one.tools["blockfreeze"].survives(one.cold) for one in judged if one.cold is not None)
    return 0 if good and not any(one.refused for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
