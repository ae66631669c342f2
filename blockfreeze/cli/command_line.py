"""The command line: what was typed is read, one command runs, and what went wrong becomes an exit status.

Exit status: what the command returns; 2 for bad arguments, or when the command could not run; 130 when interrupted.
Errors go to standard error; standard output carries results only, and with `--json` the error as JSON beside them.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        arguments: what follows the program's name; None reads `sys.argv`.
    """
    if importlib.util.find_spec("click") is None:
        print(
            "blockfreeze: the command line needs the extra 'cli': pip install 'blockfreeze[cli]'",
            file=sys.stderr,
        )
        return 2
    from blockfreeze.cli.commands import run

    return run(sys.argv[1:] if arguments is None else list(arguments))
