"""The commands, their arguments and their options, and how an error becomes an exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from blockfreeze import __version__
from blockfreeze.cli import attaching, auditing, compiling, operating, picturing, running, upgrading, watching
from blockfreeze.cli import check as checking
from blockfreeze.cli.settings import defaults_for
from blockfreeze.cli.typed import Between
from blockfreeze.core.errors import ControlError
from blockfreeze.demo import command as demonstration


class _Commands(click.Group):
    """A group whose commands are listed in the order in which they were added."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Replace Python modules in running processes, each as one unit, by one reference store.",
    epilog='Completion for the shell: eval "$(_BLOCKFREEZE_COMPLETE=bash_source blockfreeze)"; also zsh, fish.',
)
@click.version_option(__version__, message="blockfreeze %(version)s")
def blockfreeze() -> None:
    """Let one of the commands run."""


for command in (
    running.run,
    watching.watch,
    *operating.COMMANDS,
    compiling.compile_,
    compiling.verify,
    upgrading.upgrade,
    auditing.audit,
    attaching.attach,
    attaching.detach,
):
    blockfreeze.add_command(command)


@blockfreeze.command(
    short_help="say what freezing modules would do, before it is done",
    epilog="Exit status: 0 if it can be frozen (and swapped compatibly), 1 if not, 2 if the command could not run.",
)
@click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
@click.option("--against", metavar="SOURCE", help="A file or directory with another version; both are executed here.")
@click.option(
    "--program", metavar="MODULE", multiple=True, help="Import this first, and list what it holds of the block."
)
@click.option(
    "--strict", is_flag=True, help="With --against, warnings of changes of meaning are exit status 1 as well."
)
@click.option("--json", "as_json", is_flag=True, help="Print the forecast as JSON, and nothing else.")
def check(
    modules: tuple[str, ...], against: str | None, program: tuple[str, ...], *, strict: bool, as_json: bool
) -> int:
    """Say what freezing MODULE (several make one block) would bind and what not and why, what each swap would make or
    do again, who holds its definitions already and, given another version, whether it can be swapped in compatibly, and
    what changes its meaning without an error, for whom.
    Modules are looked up in the current directory first.
    """
    return checking.run(modules, against, program, as_json=as_json, strict=strict)


blockfreeze.add_command(picturing.graph)


@blockfreeze.command(
    short_help="serve a real package over HTTP and replace it under load",
    epilog="Exit status: 0 if nothing tore or failed with blockfreeze, 1 if something did, 2 if it could not run.",
)
@click.option("--seconds", type=Between(float, 0.1, 3600), default=8.0, show_default=True, help="Length of each round.")
@click.option("--clients", type=Between(int, 1, 64), default=4, show_default=True, help="Number of client threads.")
@click.option(
    "--interval",
    type=Between(float, 0, 60_000),
    default=5.0,
    show_default=True,
    metavar="MS",
    help="Milliseconds between the end of a swap and the next.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the totals as JSON, and nothing else.")
def demo(seconds: float, clients: int, interval: float, *, as_json: bool) -> int:
    """Serve a package from a threaded HTTP server on loopback and exchange two of its releases every few milliseconds
    while clients load it: first with importlib.reload, then with blockfreeze. Every response is compared with what the
    two releases answer; anything else is torn. The releases are fetched with pip on the first run.
    """
    return demonstration.run(seconds, clients, interval, as_json=as_json)


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit status."""
    name = next((one for one in arguments if one in blockfreeze.commands), "")
    try:
        options = {
            command: {one.name for one in found.params if one.name} for command, found in blockfreeze.commands.items()
        }
        defaults: dict[str, Any] = defaults_for(options, Path.cwd())
        status = blockfreeze.main(list(arguments), prog_name="blockfreeze", standalone_mode=False, default_map=defaults)
        return int(status or 0)
    except click.ClickException as error:
        error.show()
        return _failed(name, arguments, error.format_message(), 2)
    except click.Abort:
        return 130
    except ControlError as error:
        print(f"blockfreeze{f' {name}' if name else ''}: {error}", file=sys.stderr)
        return _failed(name, arguments, str(error), 1 if getattr(error, "refused", False) else 2)


def _failed(name: str, arguments: Sequence[str], error: str, status: int) -> int:
    """Tell whoever reads JSON, too, what standard error says, and return the exit status.

    The arguments are looked at as they were typed, since it may be these that could not be read.
    """
    typed = arguments[: arguments.index("--")] if "--" in arguments else arguments
    takes = name in blockfreeze.commands and any(one.name == "as_json" for one in blockfreeze.commands[name].params)
    if takes and "--json" in typed:
        print(json.dumps({"error": error, "status": status}))
    return status
