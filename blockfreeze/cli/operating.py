"""The commands for services that run: `status`, `prepare`, `swap`, `rollback`, `drain`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from blockfreeze.cli.fleets import rollback_fleet, status_fleet, swap_fleet
from blockfreeze.cli.options import (
    BLOCK,
    EXIT,
    FLEET,
    JSON,
    JUDGING,
    LEAVING,
    POINTER,
    QUIESCE,
    RELEASE,
    TIMEOUT,
    WAIT,
)
from blockfreeze.cli.showing import Progress, show_outcome, show_prepared, show_status
from blockfreeze.cli.typed import DIRECTORY, SECONDS, Part, Parts, complete_block
from blockfreeze.control.place import default_directory, own_directory
from blockfreeze.coordination.plan import Plan
from blockfreeze.coordination.process_link import Link
from blockfreeze.coordination.processes import SocketProcesses, ask_all, told_by
from blockfreeze.coordination.service import Service
from blockfreeze.core.errors import ControlError
from blockfreeze.fleet.plan import FleetPlan, Stage
from blockfreeze.releases.pointer import pointed


@click.command(short_help="say which process serves which release, and who lingers")
@click.argument("block", required=False, shell_complete=complete_block)
@click.option("--live", is_flag=True, help="Also where every thread of every process is now.")
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="Write it as a page; with --json print it too."
)
@DIRECTORY
@FLEET
@JSON
def status(
    block: str | None, html: Path | None, directory: Path | None, fleet: str | None, *, live: bool, as_json: bool
) -> int:
    """Say which process serves which release of BLOCK, or of every block, and what lingers in older generations.

    The exit status is 1 if no process has the block, and 3 if processes of one pointer serve several releases.
    """
    if fleet is not None:
        _refuse_local(directory=directory, live=live)
        return status_fleet(fleet, block, as_json=as_json, html=html)
    events = as_json or html is not None
    replies = told_by(_processes(directory).find(), block, live=live, events=events)
    return show_status(replies, block, as_json=as_json, html=html)


@click.command(short_help="prepare and check a release in every process, and discard it", epilog=EXIT)
@BLOCK
@RELEASE
@JUDGING
@TIMEOUT
@WAIT
@POINTER
@DIRECTORY
@JSON
def prepare(
    block: str,
    release: Path,
    timeout: float,
    wait: float,
    pointer: Path | None,
    directory: Path | None,
    *,
    as_json: bool,
    **judging: Any,
) -> int:
    """Prepare a release of BLOCK in every process and check it, as `swap` would, and discard it everywhere."""
    service = service_for(
        Plan(block, timeout=timeout, pointer=_absolute(pointer), wait=wait), directory, as_json=as_json
    )
    service.join()
    request = {"do": "prepare", "block": block, "release": _release_at(release), **judging}
    replies = ask_all(service.links, request, timeout)
    ask_all(service.links, {"do": "done"}, timeout)
    return show_prepared(replies, as_json=as_json)


@click.command(short_help="bring every process of a service to a release, or none", epilog=EXIT)
@BLOCK
@RELEASE
@JUDGING
@QUIESCE
@TIMEOUT
@click.option("--canary", type=Part(), help="Commit in so many processes first, and watch them; of a fleet, on a host.")
@click.option("--stages", type=Parts(), default="", help="Of a fleet: what commits before all do, as in 1,10%,all.")
@click.option(
    "--probation", type=SECONDS, default=10.0, show_default=True, help="Seconds for which the canaries are watched."
)
@click.option("--health", metavar="MODULE:FUNCTION", help="A function of the block that is asked how the canaries are.")
@LEAVING
@WAIT
@POINTER
@DIRECTORY
@FLEET
@JSON
def swap(
    block: str,
    release: Path,
    quiesce: float | None,
    timeout: float,
    canary: Stage | None,
    stages: tuple[Stage, ...],
    probation: float,
    health: str | None,
    close_code: int | None,
    wait: float,
    pointer: Path | None,
    directory: Path | None,
    fleet: str | None,
    *,
    cancel_tasks: bool,
    as_json: bool,
    **judging: Any,
) -> int:
    """Bring every process that has BLOCK to a release: all prepare and check it, and only if all succeed do all commit.
    The release pointer moves last.
    """
    if fleet is not None:
        _refuse_local(pointer=pointer, directory=directory, close_code=close_code, cancel_tasks=cancel_tasks)
        first = () if canary is None else (canary,)
        label = judging.pop("label") or ""
        wanted = FleetPlan(block, label, judging, quiesce, timeout, (*first, *stages), probation, health)
        return swap_fleet(fleet, wanted, Path(_release_at(release)), as_json=as_json)
    if stages or (canary is not None and canary.count is None):
        raise ControlError("--stages and the name of a host are for a fleet; say --fleet")
    plan = Plan(
        block,
        {"release": _release_at(release), **judging},
        quiesce,
        timeout,
        (canary and canary.count) or (lambda count: 0),
        probation,
        health,
        pointer=_absolute(pointer),
        wait=wait,
        leaving=_leaving(close_code, cancel=cancel_tasks),
    )
    service = service_for(plan, directory, as_json=as_json)
    with service.shown:
        service.join()
        outcome = service.swap()
    return show_outcome(outcome, as_json=as_json)


@click.command(short_help="bring every process back to the release before", epilog=EXIT)
@BLOCK
@click.option("--to", type=click.Path(path_type=Path), help="The release.  [default: the one before]")
@click.option("--lossy", is_flag=True, help="Go back even where state has no way back.")
@QUIESCE
@TIMEOUT
@WAIT
@POINTER
@DIRECTORY
@FLEET
@JSON
def rollback(
    block: str,
    to: Path | None,
    quiesce: float | None,
    timeout: float,
    wait: float,
    pointer: Path | None,
    directory: Path | None,
    fleet: str | None,
    *,
    lossy: bool,
    as_json: bool,
) -> int:
    """Bring every process that has BLOCK back to the release before: one that keeps it by one store, one that has
    started since by a swap. The release pointer moves last; that of a fleet moves first, and the processes follow.
    """
    if fleet is not None:
        _refuse_local(pointer=pointer, directory=directory, lossy=lossy, quiesce=quiesce)
        target_of_all = None if to is None else Path(_release_at(to))
        return rollback_fleet(fleet, FleetPlan(block, timeout=timeout), target_of_all, as_json=as_json)
    plan = Plan(block, {}, quiesce, timeout, pointer=_absolute(pointer), lossy=lossy, wait=wait)
    service = service_for(plan, directory, as_json=as_json)
    with service.shown:
        service.join()
        target = _release_before(service) if to is None else _release_at(to)
        if service.pointer and not target:
            raise ControlError(f"{block}: the generation before was no release; say --to")
        outcome = service.rollback(target, _with_generation_of(service, target))
    return show_outcome(outcome, as_json=as_json)


@click.command(short_help="wait until nothing runs in an older generation", epilog=EXIT)
@BLOCK
@click.option("--timeout", type=SECONDS, default=30.0, show_default=True, help="Seconds to wait.")
@LEAVING
@WAIT
@POINTER
@DIRECTORY
@JSON
def drain(
    block: str,
    timeout: float,
    close_code: int | None,
    wait: float,
    pointer: Path | None,
    directory: Path | None,
    *,
    cancel_tasks: bool,
    as_json: bool,
) -> int:
    """Wait until nothing runs in an older generation of BLOCK, in every process. Who lingers is asked to leave if you
    say so. Nothing is ever killed.
    """
    service = service_for(Plan(block, pointer=_absolute(pointer), wait=wait), directory, as_json=as_json)
    service.join()
    replies = ask_all(
        service.links,
        {"do": "drain", "block": block, "seconds": timeout} | _leaving(close_code, cancel=cancel_tasks),
        timeout + 5,
    )
    return show_prepared(replies, as_json=as_json)


COMMANDS: tuple[click.Command, ...] = (status, prepare, swap, rollback, drain)


def _refuse_local(**given: object) -> None:
    """Refuse what is for the processes of this machine alone, where a fleet is meant."""
    names = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
    if names:
        raise ControlError(f"{', '.join(names)}: not for a fleet; leave it out")


def _leaving(code: int | None, *, cancel: bool) -> dict[str, Any]:
    return {"close_code": code, "cancel_tasks": cancel} if code is not None or cancel else {}


class ShownService(Service):
    """A service whose steps are shown while they last."""

    shown: Progress


def service_for(plan: Plan, directory: Path | None, *, as_json: bool) -> ShownService:
    """Return the processes that a command is about, with what shows its progress."""
    shown = Progress(silent=as_json)
    service = ShownService(_processes(directory), plan, shown.say)
    service.shown = shown
    return service


def _processes(directory: Path | None) -> SocketProcesses:
    place = default_directory() if directory is None else Path(os.path.abspath(directory))
    return SocketProcesses(own_directory(place) if place.exists() else place)


def _absolute(path: Path | None) -> str | None:
    return None if path is None else os.path.abspath(path)


def _release_at(path: Path) -> str:
    try:
        return str(pointed(path))
    except (OSError, ValueError) as error:
        raise ControlError(f"{path}: there is no such release: {error}; correct it") from error


def _release_before(service: Service) -> str:
    found = {told["previous"]["release"] for told in service.links.values() if told.get("previous")}
    if len(found) != 1:
        which = ", ".join(sorted(found)) or "no process keeps one: it serves the first one, or has started since"
        raise ControlError(f"{service.plan.block}: which release was before is not clear ({which}); say --to")
    return str(found.pop())


def _with_generation_of(service: Service, release: str) -> list[Link]:
    """Return the processes that keep a generation of a release, besides the one that serves."""
    return [
        link
        for link, told in service.links.items()
        if any(one["release"] == release and one["number"] != told["generation"] for one in told.get("generations", ()))
    ]
