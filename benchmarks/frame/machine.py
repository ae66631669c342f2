"""Where and with what something is measured: the interpreter, the machine, and the state of the project."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass

from benchmarks.frame.pages import ROOT

__all__ = ["Machine", "here", "state"]


@dataclass(frozen=True)
class Machine:
    """The interpreter and the machine that it runs on."""

    python: str
    implementation: str
    platform: str
    cpu: str

    @property
    def line(self) -> str:
        """All of it in one line."""
        return f"{self.implementation} {self.python}, {self.cpu}, {self.platform}"


def here() -> Machine:
    """Return this interpreter and this machine."""
    return Machine(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        platform=f"{platform.system()} {platform.machine()}",
        cpu=_cpu(),
    )


def _cpu() -> str:
    try:
        from pyperf import Run  # type: ignore[import-untyped]
    except ImportError:  # not every program needs it to measure
        return f"{os.cpu_count() or '?'} × {platform.processor() or 'unknown'}"
    known = Run([1.0], metadata={"name": "here"}).get_metadata()
    return f"{known.get('cpu_count', '?')} × {known.get('cpu_model_name', 'unknown')}"


def state() -> str:
    """Return the checkout's commit, with ``-dirty`` behind it if files differ; nothing outside a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
