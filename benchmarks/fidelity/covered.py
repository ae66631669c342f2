"""Coverage: which lines and branches of a target its own suite executes, plain and frozen; they must be the same.

It is measured with `coverage` by each of its cores that the running CPython has: ``ctrace`` (`sys.settrace`) and, since
3.12, ``sysmon`` (`sys.monitoring`). What is compared is what a core has seen: every line and, where it can tell them,
every step from one line to another, whether it is a branch or not. ``sysmon`` can tell them since 3.14.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORES = ("ctrace", "sysmon") if sys.version_info >= (3, 12) else ("ctrace",)
PACKAGES = ("click", "jinja2", "marshmallow")
"""Suites in which two plain runs execute the same lines: no random examples, no time of day."""

SHOWN = 10


class Watch:
    """Measures one run of a suite in this process, with one core."""

    def __init__(self, module: str, core: str) -> None:
        """Prepare to watch the files of `module`, which has not been imported yet."""
        from coverage import Coverage

        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        self._top = Path(spec.origin).parent
        files = str(self._top / "*") if spec.submodule_search_locations else spec.origin
        branch = core != "sysmon" or sys.version_info >= (3, 14)
        self._coverage = Coverage(data_file=None, config_file=False, branch=branch, include=[files])
        self._coverage.set_option("run:core", core)

    def start(self) -> None:
        """Watch from now on."""
        self._coverage.start()

    def stop(self) -> dict[str, list[list[int]]]:
        """Look no longer, and return the lines and steps by file: a line is a list of one number, a step of two."""
        self._coverage.stop()
        found: Any = self._coverage.get_data()
        return {
            str(Path(file).relative_to(self._top)): sorted(
                [[line] for line in found.lines(file) or ()] + [list(step) for step in found.arcs(file) or ()]
            )
            for file in sorted(found.measured_files())
        }


@dataclass(frozen=True)
class Compared:
    """What one core saw of both runs: how many lines and steps in the plain one, and what only one run executed."""

    target: str
    core: str
    files: int
    lines: int
    steps: int
    differences: tuple[str, ...]

    @property
    def text(self) -> str:
        """The figures in one line, and the first differences below it."""
        verdict = f"{len(self.differences)} DIFFER" if self.differences else "the same frozen"
        steps = f" and {self.steps:,} steps" if self.steps else ""
        figures = f"{self.target}, {self.core}: {self.lines:,} lines{steps} of {self.files} files: {verdict}"
        return "\n  ".join([figures, *self.differences[:SHOWN]])


def compare(target: str, core: str, plain: dict[str, list[list[int]]], frozen: dict[str, list[list[int]]]) -> Compared:
    """Compare what a core saw of a plain and of a frozen run."""
    different = []
    for file in sorted(plain.keys() | frozen.keys()):
        runs = {"plain": plain.get(file, []), "frozen": frozen.get(file, [])}
        seen = {run: {tuple(one) for one in found} for run, found in runs.items()}
        for run, other in (("plain", "frozen"), ("frozen", "plain")):
            different += [f"{file}:{' -> '.join(map(str, one))} {run} only" for one in sorted(seen[run] - seen[other])]
    executed = [one for found in plain.values() for one in found]
    steps = sum(len(one) == 2 for one in executed)
    return Compared(target, core, len(plain), len(executed) - steps, steps, tuple(different))
