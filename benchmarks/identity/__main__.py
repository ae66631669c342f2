"""Ask what holds after an update: ``python -m benchmarks.identity --help``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .program import Change
from .table import markdown, readme_with
from .tools import TOOLS

_ROOT = Path(__file__).parents[2]
_LIMIT = 120.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identity", description=(__doc__ or "").split(":")[0])
    parser.add_argument("--tool", nargs="+", choices=list(TOOLS), default=list(TOOLS))
    parser.add_argument("--json", metavar="FILE", help="write every answer to FILE, with the errors in full")
    parser.add_argument("--page", action="store_true", help="write the table into the manual instead of printing it")
    options = parser.parse_args(arguments)
    findings = {(tool, change): _holds(tool, change) for tool in options.tool for change in Change}
    if options.json:
        told = [{"tool": tool, "change": change, "holds": found} for (tool, change), found in findings.items()]
        Path(options.json).write_text(json.dumps(told, indent=1), encoding="utf-8")
    if options.page:
        page = _ROOT / "docs" / "pages" / "comparison.md"
        page.write_text(readme_with(page.read_text(encoding="utf-8"), findings), encoding="utf-8")
    else:
        print(markdown(findings))
    return 0


def _holds(tool: str, change: Change) -> dict[str, str]:
    """Ask in a process of its own; if the update fails there, nothing holds, and the reason is told."""
    task = json.dumps({"tool": tool, "change": change})
    command = [sys.executable, "-m", "benchmarks.identity.worker", task]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=False, cwd=_ROOT)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"{tool}, {change}: not updated: {last}", file=sys.stderr)
        return {"update": last}
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())
