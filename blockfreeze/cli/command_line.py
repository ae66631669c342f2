"""The command line: arguments are read, one sub-command runs, and what went wrong becomes an exit status.

Exit status: what the sub-command returns (0 or 1), 2 for bad arguments or when the command could not run,
130 when interrupted. Errors go to standard error as one line; standard output carries results only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from blockfreeze import __version__
from blockfreeze.cli import check
from blockfreeze.core.errors import ControlError
from blockfreeze.demo import command as demo


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        arguments: what follows the program's name; None reads `sys.argv`.

    Raises:
        SystemExit: from argparse, for ``--help`` and ``--version`` (0) and for bad arguments (2).
    """
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except ControlError as error:
        print(f"blockfreeze {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="blockfreeze",
        description="Replace Python modules in a running process, each as one unit, by one reference store.",
    )
    parser.add_argument("--version", action="version", version=f"blockfreeze {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    check.add_to(commands)
    demo.add_to(commands)
    return parser
