"""Ask what holds after an update, of each tool."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.frame.command_line import CommandLine
from benchmarks.frame.pages import write_into_page
from benchmarks.frame.processes import WorkerError, ask
from benchmarks.frame.telling import tell, tell_where, write_json
from benchmarks.identity.program import Change
from benchmarks.identity.table import NAME, markdown
from benchmarks.identity.tools import TOOLS

_LIMIT = 120.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    line = CommandLine("benchmarks.identity", __doc__)
    line.add_argument("--tool", nargs="+", choices=list(TOOLS), default=list(TOOLS))
    line.add_json("write every answer to FILE, with the errors in full")
    line.add_argument("--page", action="store_true", help="write the tables into the manual instead of printing one")
    options = line.parse(arguments)
    tell_where()
    findings = {(tool, change): _holds(tool, change) for tool in options.tool for change in Change}
    told = [{"tool": tool, "change": change, "holds": found} for (tool, change), found in findings.items()]
    write_json(options.json, told)
    if options.page:
        write_into_page(NAME, markdown(findings))
        in_notebooks = {one: found for one, found in findings.items() if one[0] in ("blockfreeze", "autoreload")}
        write_into_page(f"{NAME}_in_notebooks", markdown(in_notebooks))
    else:
        print(markdown(findings))
    return 0


def _holds(tool: str, change: Change) -> dict[str, str]:
    """Ask in a process of its own; if the update fails there, nothing holds, and the reason is told."""
    try:
        found: dict[str, str] = ask("benchmarks.identity.worker", {"tool": tool, "change": change}, seconds=_LIMIT)
    except WorkerError as error:
        tell(f"{tool}, {change}: not updated: {error}")
        return {"update": str(error)}
    return found


if __name__ == "__main__":
    sys.exit(main())
