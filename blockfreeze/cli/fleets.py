"""What `swap`, `rollback` and `status` do with `--fleet`: the processes of many machines, by the engine they follow."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from blockfreeze.cli.showing import Progress, write_file
from blockfreeze.core.errors import ControlError
from blockfreeze.fleet.documents import fleet_document, fleet_status
from blockfreeze.fleet.outcome import FleetOutcome
from blockfreeze.fleet.plan import FleetPlan
from blockfreeze.fleet.rollout import Rollout
from blockfreeze.fleet.store import open_store
from blockfreeze.pictures.page import page


def swap_fleet(url: str, plan: FleetPlan, release: Path, *, as_json: bool) -> int:
    """Roll a release out, print what became of it, and return the exit status."""
    with Progress(silent=as_json) as shown, closing(open_store(url)) as store:
        outcome = Rollout(store, plan, shown.say).swap(release)
    return _show(outcome, as_json=as_json)


def rollback_fleet(url: str, plan: FleetPlan, to: Path | None, *, as_json: bool) -> int:
    """Lead the pointer back, print what became of it, and return the exit status."""
    with Progress(silent=as_json) as shown, closing(open_store(url)) as store:
        outcome = Rollout(store, plan, shown.say).rollback(to)
    return _show(outcome, as_json=as_json)


def status_fleet(url: str, block: str | None, *, as_json: bool, html: Path | None = None) -> int:
    """Print where the pointer of a block leads, who serves what, and what was done; return the exit status.

    It is 1 if a process has refused what is pointed at, or serves something else.

    Args:
        html: write it as a page instead.
    """
    if block is None:
        raise ControlError("name the block: an engine may have pointers of many")
    with closing(open_store(url)) as store:
        told = fleet_status(store, block)
        if html is not None:
            title = f"blockfreeze: the fleet of {block}"
            write_file(html, page([fleet_document(store, block)], time.time(), title=title))
        if as_json:
            print(json.dumps(told, indent=1))
        elif html is None:
            _show_status(told)
    return 1 if told["astray"] else 0


def _show(outcome: FleetOutcome, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(outcome.to_json(), indent=1))
        return outcome.exit_status
    done = "done" if outcome.done else "refused" if outcome.exit_status == 1 else "not done everywhere"
    many = len(outcome.members)
    print(f"{outcome.what} of {outcome.block} to {outcome.label}: {done}, {many} processes, {outcome.seconds:.1f} s")
    if outcome.message:
        print(outcome.message)
    if not outcome.done or many <= 20:
        for one in outcome.members:
            print(f"  {one}")
    return outcome.exit_status


def _show_status(told: dict[str, Any]) -> None:
    rollout = told["rollout"]
    print(f"{told['block']}: the pointer leads to {told['release']['label']} (revision {told['revision']})")
    if rollout is not None:
        print(f"being rolled out by {rollout['by']}: {rollout['release']['label']}")
    console = Console()
    table = Table("process", "state", "serves", "", box=None if not console.is_terminal else Table().box)
    for name, said in told["processes"].items():
        table.add_row(name, said["state"], said.get("label", ""), said.get("message", ""))
    console.print(table)
    for one in told["trail"]:
        to = one["to"]["label"]
        print(f"{one['at']} {one.get('by', '')} {one['what']} to {to}: {one['outcome']}")
