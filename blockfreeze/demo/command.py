"""`blockfreeze demo`: the two releases are fetched, one round is played for each way of swapping, totals are shown.

Exit status: 0 if the blockfreeze round had load and swaps and nothing tore or failed, else 1. A demo that cannot
run at all raises `ControlError`, which the command line turns into 2.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import TextIO

from blockfreeze.demo import answers
from blockfreeze.demo.display import Display, PlainDisplay
from blockfreeze.demo.play_round import Limits, Round, play
from blockfreeze.demo.releases import cache_directory, fetch_release
from blockfreeze.demo.swapping import WAYS
from blockfreeze.demo.tally import Totals
from blockfreeze.demo.workload import SQLPARSE


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `demo` sub-command to the command line's parser."""
    parser = commands.add_parser(
        "demo",
        help="serve a real package over HTTP and replace it under load, by reload and by blockfreeze",
        description=(
            f"Serve {SQLPARSE.package} from a threaded HTTP server on loopback and exchange its releases "
            f"{SQLPARSE.old} and {SQLPARSE.new} every few milliseconds while clients load it: first with "
            "importlib.reload, then with blockfreeze. Every response is compared with what the two releases answer; "
            "anything else is torn. The releases are fetched with pip on the first run."
        ),
        epilog="exit status: 0 if nothing tore or failed with blockfreeze, 1 if something did, 2 if it could not run",
    )
    parser.add_argument(
        "--seconds", type=_between(float, 0.1, 3600), default=8.0, help="length of each round (default: %(default)g)"
    )
    parser.add_argument(
        "--clients", type=_between(int, 1, 64), default=4, help="number of client threads (default: %(default)d)"
    )
    parser.add_argument(
        "--interval",
        type=_between(float, 0, 60_000),
        default=5.0,
        metavar="MS",
        help="milliseconds between the end of a swap and the next (default: %(default)g)",
    )
    parser.add_argument("--json", action="store_true", help="print the totals as JSON, and nothing else")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the demo with parsed options and return the exit status.

    Raises:
        ControlError: the releases cannot be fetched or imported, or a server process ended early.
    """
    old, new = (fetch_release(SQLPARSE.package, version, cache_directory()) for version in (SQLPARSE.old, SQLPARSE.new))
    one = Round(
        workload=SQLPARSE,
        old=old,
        new=new,
        answers=answers.of_both_versions(SQLPARSE, old, new),
        clients=options.clients,
        interval=options.interval / 1000,
        limits=Limits(options.seconds),
    )
    shown = None if options.json else _display(sys.stdout)
    rounds = []
    with shown.live(SQLPARSE) if shown else nullcontext():
        for way in WAYS:
            rounds.append(play(one, way, shown.update if shown else _ignore))
            if shown:
                shown.update(rounds[-1])
    if shown:
        shown.finish(rounds)
    else:
        served = {"package": SQLPARSE.package, "old": SQLPARSE.old, "new": SQLPARSE.new}
        print(json.dumps({**served, "rounds": [totals.to_json() for totals in rounds]}))
    return 0 if all(totals.whole for totals in rounds if totals.way == "blockfreeze") else 1


def _display(stream: TextIO) -> Display:
    if stream.isatty() and importlib.util.find_spec("rich") is not None:
        from blockfreeze.demo.rich_display import RichDisplay

        return RichDisplay()
    return PlainDisplay(stream)


def _ignore(totals: Totals) -> None:
    pass


def _between(kind: Callable[[str], float], least: float, most: float) -> Callable[[str], float]:
    def number(written: str) -> float:
        value = kind(written)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{written} is not between {least:g} and {most:g}")
        return value

    return number
