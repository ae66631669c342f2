"""Try updates to the next release at the boundaries of small tests, for pairs of real releases."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.frame.command_line import CommandLine, chosen
from benchmarks.frame.folders import release
from benchmarks.frame.pages import ROOT, write_into_page
from benchmarks.frame.tables import Column, Table
from benchmarks.frame.telling import tell, tell_where, write_json
from benchmarks.update_kit.subjects import SUBJECTS, Subject

_NUMBERS = ("boundaries", "tried", "fail", "minutes")

_CACHE = Path(tempfile.gettempdir(), "blockfreeze-advice")


@dataclass(frozen=True)
class Found:
    """What became of one test: how many boundaries it has, how many were tried and failed, and the first words."""

    package: str
    test: str
    boundaries: int
    tried: int
    failures: int
    seconds: float
    said: str


def tried(subject: Subject, limit: int) -> Iterator[Found]:
    """Run the tests of a pair.

    Raises:
        ProvisionError: pip refused.
    """
    pair = subject.pair
    places = [
        release(_CACHE / f"{pair.package}-{version}", pair.package, version, "--no-compile")
        for version in (pair.old, pair.new)
    ]
    mark = f"@pytest.mark.update(from_={str(places[0])!r}, to={str(places[1])!r}, limit={limit})"
    with tempfile.TemporaryDirectory() as work:
        file, told = Path(work, "test_pair.py"), Path(work, "told.xml")
        file.write_text("import pytest\n" + subject.tests.replace("MARK", mark), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--blockfreeze", pair.module]
        path = os.pathsep.join(map(str, (ROOT, places[0])))
        subprocess.run(
            [*command, *_plugin(), f"--junitxml={told}", str(file)],
            check=False, cwd=work, capture_output=True, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        for case in ElementTree.parse(told).iter("testcase"):
            yield _found(pair.name, case)


def _plugin() -> list[str]:
    from importlib.metadata import entry_points

    installed = any(one.name == "blockfreeze" for one in entry_points(group="pytest11"))
    return [] if installed else ["-p", "blockfreeze.testing.plugin"]


def _found(name: str, case: ElementTree.Element) -> Found:
    told = {one.get("name", ""): int(one.get("value", 0)) for one in case.iter("property")}
    failure = next(iter([*case.iter("failure"), *case.iter("error")]), None)
    lines = [] if failure is None else (failure.text or "").strip().splitlines()
    shown = next((line for line in lines if line.startswith("boundary")), lines[0] if lines else "")
    boundaries, tried, failures = (told.get(f"update_{what}", 0) for what in ("boundaries", "tried", "failures"))
    return Found(name, case.get("name", ""), boundaries, tried, failures, float(case.get("time", 0)), shown)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all pairs, or those that are named, and print what was found."""
    line = CommandLine("benchmarks.update_kit", __doc__)
    line.add_only("packages")
    line.add_amount("--limit", 60, 10, "boundaries tried of each test")
    line.add_quick()
    line.add_argument("--page", action="store_true", help="rewrite the table of the manual")
    line.add_json()
    options = line.parse(arguments)
    tell_where()
    began, found = time.monotonic(), []
    for subject in SUBJECTS:
        if chosen(subject.pair.package, options.only):
            for one in tried(subject, options.limit):
                tell(f"{one.package}: {one.test}: {one.failures} of {one.tried} fail. {one.said}")
                found.append(one)
    rows = [
        (one.package, one.test, f"{one.boundaries:,}", f"{one.tried}", f"{one.failures}", f"{one.seconds / 60:.1f}")
        for one in found
    ]
    columns: list[str | Column] = ["releases", "test", *(Column(head, is_number=True) for head in _NUMBERS)]
    table = Table(columns, rows, f"updates within tests, in {(time.monotonic() - began) / 60:.1f} minutes")
    table.show()
    if options.page:
        write_into_page("update_kit", table.markdown())
    write_json(options.json, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
