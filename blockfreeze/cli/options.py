"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from blockfreeze.cli.typed import SECONDS, complete_block

F = TypeVar("F", bound=Callable[..., Any])

EXIT = (
    "Exit status: 0 if it was done in every process, 1 if it was refused and nothing has changed, "
    "2 if the command could not run, 3 if some processes are here and some there; it is said which."
)


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return several options as one decorator."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


BLOCK = click.argument("block", shell_complete=complete_block)
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else.")
POINTER = click.option(
    "--pointer", type=click.Path(path_type=Path), help="Mean the service with this release pointer, of several."
)
TIMEOUT = click.option(
    "--timeout", type=SECONDS, default=60.0, show_default=True, help="Seconds for each step in each process."
)
WAIT = click.option(
    "--wait", type=SECONDS, default=5.0, show_default=True, help="Seconds to wait for a process, if there is none."
)
LEAVING = together(
    click.option(
        "--close-code", type=int, help="Close websockets that linger, with this code; 1012: the service restarts."
    ),
    click.option("--cancel-tasks", is_flag=True, help="Cancel tasks of asyncio that linger."),
)
QUIESCE = click.option(
    "--quiesce", type=SECONDS, help="Hold new calls back until the old ones have ended, for so many seconds at most."
)
RELEASE = click.option(
    "--release", type=click.Path(path_type=Path), required=True, help="The release, or a pointer that leads to it."
)
JUDGING = together(
    click.option("--label", help="What status, events and logs call it.  [default: the release's name]"),
    click.option("--expect-hash", metavar="HEX", help="Refuse the release if its sources have another hash."),
    click.option("--check", metavar="MODULE:FUNCTION", help="A function of the block that judges the candidate."),
    click.option("--warm-up", metavar="MODULE:FUNCTION", help="A function of the block that is called before that."),
    click.option("--strict", is_flag=True, help="Refuse what removes a definition or narrows a signature."),
)

FLEET = click.option(
    "--fleet", metavar="URL", help="Mean the processes of all machines that follow this engine: redis://host:port/0."
)
