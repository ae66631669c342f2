"""`blockfreeze demo`: the two releases are fetched, one round is played for each way of swapping, totals are shown.

Exit status: 0 if the blockfreeze round had load and swaps and nothing tore or failed, else 1. A demo that cannot
run at all raises `ControlError`, which the command line turns into 2.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from contextlib import nullcontext
from typing import TextIO

from blockfreeze.demo import answers
from blockfreeze.demo.display import Display, PlainDisplay
from blockfreeze.demo.play_round import Limits, Round, play
from blockfreeze.demo.releases import cache_directory, fetch_release
from blockfreeze.demo.swapping import WAYS
from blockfreeze.demo.tally import Totals
from blockfreeze.demo.workload import SQLPARSE


def run(seconds: float, clients: int, interval: float, *, as_json: bool) -> int:
    """Run the demo and return the exit status.

    Args:
        seconds: length of each round.
        clients: number of client threads.
        interval: milliseconds between the end of a swap and the next.
        as_json: print the totals as JSON, and nothing else.

    Raises:
        ControlError: the releases cannot be fetched or imported, or a server process ended early.
    """
    old, new = (fetch_release(SQLPARSE.package, version, cache_directory()) for version in (SQLPARSE.old, SQLPARSE.new))
    one = Round(
        workload=SQLPARSE,
        old=old,
        new=new,
        answers=answers.of_both_versions(SQLPARSE, old, new),
        clients=clients,
        interval=interval / 1000,
        limits=Limits(seconds),
    )
    shown = None if as_json else _display(sys.stdout)
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
