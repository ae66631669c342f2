"""Run a package's own tests in this process, and keep each test's outcome.

The suite runs in a copy of the sdist that lacks the package itself, so that nothing but the release on the path (or
the block that stands for it) can be imported.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

CONFIGURATIONS = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
WORST_FIRST = ("failed", "xpassed", "xfailed", "skipped", "passed")


@dataclass(eq=False)
class Outcomes:
    """A pytest plugin: `tests` maps each test's id to its outcome; `causes` to the last line of what went wrong."""

    tests: dict[str, str] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    exit_code: int | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst outcome among a test's phases."""
        outcome: str = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if report.skipped else "xpassed"
        self._keep(report.nodeid, outcome, report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep a file or folder that cannot be collected, as a failed test of its own name."""
        if report.failed:
            self._keep(report.nodeid or "collection", "failed", report)

    def _keep(self, test: str, outcome: str, report: Any) -> None:
        so_far = self.tests.get(test, "passed")
        self.tests[test] = min(so_far, outcome, key=WORST_FIRST.index)
        if outcome == "failed":
            self.causes[test] = _cause(report)
            self.details[test] = report.longreprtext[-2500:]


def copy_suite(sdist: Path, module: str, paths: tuple[str, ...], into: Path) -> list[str]:
    """Copy the sdist without the package, with the suite's folders, and return the paths for pytest.

    A suite that lies inside the package is copied to ``suite_`` and its folder's name beside it.
    """
    shutil.copytree(sdist, into, ignore=lambda folder, names: _package_names(folder, names, sdist, module))
    found = []
    for path in paths or ("tests", "test"):
        if (into / path).exists():
            found.append(path)
        elif (sdist / path).exists():
            name = f"suite_{Path(path).name}"
            shutil.copytree(sdist / path, into / name)
            found.append(name)
    return found


def _package_names(folder: str, names: list[str], sdist: Path, module: str) -> set[str]:
    at_top = {module, f"{module}.py", "src"} if Path(folder) == sdist else set()
    return {name for name in names if name in at_top or name == "__pycache__" or name.endswith(".egg-info")}


def run_suite(tree: Path, paths: list[str], plugins: tuple[str, ...], arguments: tuple[str, ...]) -> Outcomes:
    """Run the suite in this process, from its copied tree, with the configuration that came in the sdist."""
    import pytest

    outcomes = Outcomes()
    configured = next((name for name in CONFIGURATIONS if (tree / name).exists() and _configures(tree / name)), None)
    words = [*paths, "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider"]
    words += ["--rootdir", str(tree), "--continue-on-collection-errors"]
    words += ["-o", "addopts=", "-o", "required_plugins=", *(["-c", configured] if configured else ["-c", os.devnull])]
    words += [word for plugin in plugins for word in ("-p", plugin)]
    before = Path.cwd()
    os.chdir(tree)
    try:
        outcomes.exit_code = int(pytest.main([*words, *arguments], plugins=[outcomes]))
    finally:
        os.chdir(before)
        sys.stdout.flush()
    return outcomes


def _configures(file: Path) -> bool:
    return "pytest.ini" in file.name or "pytest" in file.read_text(encoding="utf-8")


def _cause(report: Any) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else report.longreprtext
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[0] if crash is not None else lines[-1])[:300] if lines else "no text"
