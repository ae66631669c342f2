"""The command `upgrade`: a release of a dependency is fetched, and brought into every process that has it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from packaging.utils import canonicalize_name

from blockfreeze.cli.fetching import fetch, hashes_in
from blockfreeze.cli.fitting import Environment, pinned, problems_of_release, problems_of_version
from blockfreeze.cli.operating import service_for
from blockfreeze.cli.showing import show_differences, show_outcome, show_prepared
from blockfreeze.cli.typed import DIRECTORY, SECONDS, Share
from blockfreeze.control.frames import Message
from blockfreeze.control.place import default_directory
from blockfreeze.coordination.plan import Plan
from blockfreeze.coordination.processes import SocketProcesses, ask_all, told_by
from blockfreeze.core.errors import ControlError

_SHOWN = 10
"""How many of the things that stay old are shown, at most."""


@click.command(
    short_help="bring a release of a dependency into every process that has it as a block",
    epilog="Exit status: as of swap; 1 if it does not fit.",
)
@click.argument("requirement", metavar="NAME==VERSION")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    help="The directory for the release.  [default: where the processes allow releases]",
)
@click.option("--hash", "hashes", multiple=True, metavar="sha256:HEX", help="The hash of the wheel; may be repeated.")
@click.option(
    "--require-hashes", type=click.Path(path_type=Path), metavar="FILE", help="Take the hash from a requirements file."
)
@click.option("--strict", is_flag=True, help="Refuse what removes a definition or narrows a signature.")
@click.option("--dry-run", is_flag=True, help="Fetch and check it, prepare it everywhere, and discard it.")
@click.option("--canary", type=Share(), help="Commit in so many processes first, and watch them.")
@click.option("--probation", type=SECONDS, default=10.0, show_default=True, help="Seconds for which they are watched.")
@click.option("--timeout", type=SECONDS, default=60.0, show_default=True, help="Seconds for each step.")
@DIRECTORY
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else.")
def upgrade(
    requirement: str,
    into: Path | None,
    hashes: tuple[str, ...],
    require_hashes: Path | None,
    canary: Callable[[int], int] | None,
    probation: float,
    timeout: float,
    directory: Path | None,
    *,
    strict: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Fetch a release of a package with pip (or uv), refuse it where it does not fit what is installed there, and bring
    it into every process that has its modules as a block. What is installed on disk stays: it is said what to install.
    """
    name, version = pinned(requirement)
    environments, told = environments_at(directory or default_directory())
    refuse(requirement, problems_of_version(environments, name, version))
    known = [one.packages.get(canonicalize_name(name)) for one in environments]
    if all(one is not None and not one.blocks for one in known):
        raise _no_block(requirement)
    wanted = [*hashes, *(hashes_in(require_hashes, name) if require_hashes else ())]
    where = into or next((Path(root) for one in told.values() for root in one["roots"]), None)
    if where is None:
        raise ControlError(
            f"{requirement}: no process says where releases may be; start the program with --releases DIR, say --into"
        )
    fetched = fetch(name, version, where, wanted)
    refuse(requirement, problems_of_release(environments, fetched.place))
    blocks = [block for block in told if _has(fetched.place, block)]
    if not blocks:
        raise _no_block(requirement)
    prepare = {"release": str(fetched.place.resolve()), "label": f"{name} {version}", "strict": strict}
    results: list[dict[str, Any]] = []
    statuses = []
    for block in blocks:
        plan = Plan(block, prepare, None, timeout, canary or (lambda count: 0), probation)
        one = _tried if dry_run else _brought
        statuses.append(one(plan, directory, results, as_json=as_json))
    note = {
        "installed": _on_disk(name, environments),
        "lock": f"{name}=={version}{f' --hash={fetched.hash}' if fetched.hash else ''}",
        "without_pointer": [block for block in blocks if not told[block]["pointer"]],
    }
    if as_json:
        print(json.dumps({"blocks": results, **note, "exit_status": _status_of(statuses)}, indent=2))
    elif not any(statuses) and not dry_run:
        _print_note(note)
    return _status_of(statuses)


def _no_block(requirement: str) -> ControlError:
    return ControlError(f"{requirement}: no process has a module of it as a block; start with `run --block`")


def _tried(plan: Plan, directory: Path | None, results: list[dict[str, Any]], *, as_json: bool) -> int:
    service = service_for(plan, directory, as_json=as_json)
    with service.shown:
        service.join()
        replies = ask_all(service.links, {"do": "prepare", "block": plan.block, **plan.prepare}, plan.timeout)
        ask_all(service.links, {"do": "done"}, plan.timeout)
    results += [{"pid": link.pid, "block": plan.block, **reply} for link, reply in replies.items()]
    good = [bool(reply.get("ok")) for reply in replies.values()]
    if not as_json:
        show_prepared(replies, as_json=False)
    return 0 if all(good) else 1


def _brought(plan: Plan, directory: Path | None, results: list[dict[str, Any]], *, as_json: bool) -> int:
    service = service_for(plan, directory, as_json=as_json)
    with service.shown:
        service.join()
        outcome = service.swap()
    results.append(outcome.to_json())
    if as_json:
        return outcome.exit_status
    status = show_outcome(outcome, as_json=False)
    if outcome.differences:
        show_differences(outcome.differences)
    if not status and outcome.unreached:
        print(f"{plan.block}: what the program holds of these stays old until it is restarted:")
        print(*(f"  {one}" for one in outcome.unreached[:_SHOWN]), sep="\n")
        if len(outcome.unreached) > _SHOWN:
            print(f"  and {len(outcome.unreached) - _SHOWN} more; --json has all")
    return status


def _status_of(statuses: list[int]) -> int:
    """Return the exit status of several swaps: what was refused for one block, and done for another, is mixed."""
    return statuses[0] if len(set(statuses)) == 1 else 3


def _on_disk(name: str, environments: list[Environment]) -> list[str]:
    found = (one.packages.get(canonicalize_name(name)) for one in environments)
    return sorted({one.version for one in found if one is not None})


def _print_note(note: dict[str, Any]) -> None:
    found = ", ".join(note["installed"]) or "no version"
    print(f"installed on disk is {found}; for restarts install, and lock: {note['lock']}")
    if note["without_pointer"]:
        names = ", ".join(note["without_pointer"])
        print(f"{names}: it has no release pointer, so a worker that starts before that is done runs {found}")


def refuse(requirement: str, problems: list[str]) -> None:
    """Refuse a release that does not fit.

    Raises:
        ControlError: there are problems; nothing has changed.
    """
    if problems:
        raise ControlError(f"{requirement}: not upgraded: {'; '.join(problems)}; choose another version", refused=True)


def _has(release: Path, block: str) -> bool:
    inside = release.joinpath(*block.partition("+")[0].split("."))
    return inside.is_dir() or inside.with_name(f"{inside.name}.py").is_file()


def environments_at(place: Path) -> tuple[list[Environment], dict[str, Message]]:
    """Return the packages of each process that has blocks, and the blocks by name: their roots and pointers.

    Raises:
        ControlError: there is no such process.
    """
    links = SocketProcesses(Path(os.path.abspath(place))).find()
    told = {link: reply for link, reply in told_by(links).items() if reply.get("blocks")}
    packages = ask_all(told, {"do": "packages"}, 30.0)
    for link in links:
        link.close()
    found = [Environment.told(packages[link], reply) for link, reply in told.items() if packages[link].get("ok")]
    if not found:
        raise ControlError(
            "no process with a control socket has a block; start the service with `blockfreeze run`, "
            "or call blockfreeze.serve_control() in it"
        )
    return found, {one["block"]: one for reply in told.values() for one in reply["blocks"]}
