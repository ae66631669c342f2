"""Processes of their own, for what a test could not undo in its own one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 120.0
"""Seconds that only a failing test takes: a lock that is acquired twice, say, is waited for in vain."""


def run_python(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run an interpreter that can import what the test can, to its end."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        check=False,
        text=True,
        capture_output=True,
        timeout=LIMIT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
