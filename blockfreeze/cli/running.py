"""The command `run`: a program is started so that its blocks come up in the pointed release."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import click

from blockfreeze.cli.options import FLEET
from blockfreeze.cli.typed import DIRECTORY, SECONDS
from blockfreeze.control.place import default_directory, own_directory
from blockfreeze.control.startup import Startup
from blockfreeze.core.errors import ControlError
from blockfreeze.fleet.startup import FleetStartup
from blockfreeze.releases.pointer import pointed


@click.command(
    short_help="start a program whose blocks come up in the pointed release",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Example: blockfreeze run --block shop --release /srv/shop/current gunicorn -w 2 shop.app:app",
)
@click.option(
    "--block", "blocks", multiple=True, required=True, help="A module that is to be a block; may be repeated."
)
@click.option(
    "--release",
    "pointers",
    multiple=True,
    type=click.Path(path_type=Path),
    help="The release pointer: one for all blocks, or one for each.",
)
@click.option(
    "--releases",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A directory in which releases may be.  [default: the pointer's, and that of its release]",
)
@DIRECTORY
@FLEET
@click.option("--fence", type=SECONDS, help="Of a fleet: answer 503 after so many seconds without its engine.")
@click.option("--host", help="Of a fleet: the name of this machine, for canaries.  [default: the system's]")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def run(
    blocks: tuple[str, ...],
    pointers: tuple[Path, ...],
    releases: tuple[Path, ...],
    directory: Path | None,
    fleet: str | None,
    fence: float | None,
    host: str | None,
    command: tuple[str, ...],
) -> None:
    """Start COMMAND: a script, ``-m module``, or a server's own command line. In every Python process that it starts,
    the blocks come up in the pointed release when they are imported, and a control socket is opened. With --fleet they
    come up where its pointer leads, and follow that; --release is what it begins with.
    """
    if fleet is None and (fence is not None or host):
        raise ControlError("--fence and --host are for a fleet; say --fleet")
    if len(pointers) not in (0, 1, len(blocks)):
        raise ControlError(
            f"{len(blocks)} blocks and {len(pointers)} releases were named; name one release, or one for each"
        )
    each = pointers * len(blocks) if len(pointers) == 1 else pointers
    for pointer in each:
        try:
            pointed(pointer)
        except (OSError, ValueError) as error:
            raise ControlError(f"{pointer}: the release pointer leads to no release: {error}; correct it") from error
    places = [os.path.abspath(one) for one in each] or [""] * len(blocks)
    place = own_directory(default_directory() if directory is None else Path(os.path.abspath(directory)))
    told = (dict(zip(blocks, places, strict=True)), str(place), tuple(os.path.abspath(one) for one in releases))
    startup = Startup(*told) if fleet is None else FleetStartup(*told, fleet=fleet, fence=fence, host=host or "")
    _execute(command_line(command), startup.environment(os.environ))


def command_line(command: tuple[str, ...]) -> list[str]:
    """Return what is to be executed for a script, ``-m`` and a module, or a program with its arguments.

    Raises:
        ControlError: there is no such program.
    """
    command = command[1:] if command[0] == "--" else command
    first = command[0] if command else ""
    if first == "-m" or (first.endswith(".py") and Path(first).is_file()):
        return [sys.executable, *command]
    beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    found = shutil.which(first) or shutil.which(first, path=beside)
    if found is None:
        raise ControlError(f"{first}: there is no such command; name a script, -m and a module, or a program")
    return [found, *command[1:]]


def _execute(program: list[str], environment: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(program[0], program, environment)  # it takes our place, so signals reach it
