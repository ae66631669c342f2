"""`upgrade` and `attach`: dependencies of running processes, and processes that nobody has prepared."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from operated import Operated, until

from blockfreeze.cli import attaching, upgrading
from blockfreeze.cli.command_line import main

pytestmark = [pytest.mark.needs_subprocess, pytest.mark.needs_sockets]

PROGRAM = """
import sys
import tally

for line in sys.stdin:
    print(tally.count("x"), flush=True)
"""


def write_distribution(place: Path, version: str, needs: str = "") -> Path:
    """Write a release of the distribution `tally` as it is when it is unpacked, and return where."""
    directory = place / f"tally-{version}"
    (directory / f"tally-{version}.dist-info").mkdir(parents=True)
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    text = f"Metadata-Version: 2.1\nName: tally\nVersion: {version}\n{requires}"
    (directory / f"tally-{version}.dist-info" / "METADATA").write_text(text, encoding="utf-8")
    (directory / "tally.py").write_text(f"def count(text): return {version!r}, len(text)\n", encoding="utf-8")
    return directory


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operated]:
    """A program that uses the installed release 1.0 of `tally`, which `run` has made a block without a pointer."""
    installed = write_distribution(tmp_path / "installed", "1.0")
    monkeypatch.syspath_prepend(installed)
    (tmp_path / "deps").mkdir()
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    run = ["--block", "tally", "--releases", str(tmp_path / "deps")]
    with Operated(tmp_path, ["program.py"], run=run, talks=True) as service:
        assert service.talk() == "('1.0', 1)"
        yield service


def upgrade(service: Operated, requirement: str) -> int:
    return main(["upgrade", requirement, "--directory", service.sockets])


def test_a_dependency_is_upgraded_in_a_running_process(program: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    write_distribution(program.releases / "deps", "1.1")  # as pip would have left it
    assert upgrade(program, "tally==1.1") == 0
    assert program.talk() == "('1.1', 1)"
    text = capsys.readouterr().out
    assert "tally: every process serves tally 1.1" in text
    assert "installed on disk is 1.0; for restarts install, and lock: tally==1.1" in text


@pytest.mark.parametrize(
    ("requirement", "needs", "why"),
    [
        ("tally>=1.1", "", "it does not name one version"),
        ("tally==1.*", "", "it does not name one version"),
        ("tally==1.2", "nothing_of_that_name>=3", "it needs nothing_of_that_name>=3, which is not installed"),
        ("tally==1.2", "click<1", "it needs click<1, which is not installed"),
    ],
)
def test_a_release_that_does_not_fit_is_refused(
    program: Operated, requirement: str, needs: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_distribution(program.releases / "deps", "1.2", needs)
    assert upgrade(program, requirement) == 2
    assert why in capsys.readouterr().err
    assert program.talk() == "('1.0', 1)"


def test_extension_modules_are_refused(program: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    (write_distribution(program.releases / "deps", "1.3") / "tally_speedups.so").write_bytes(b"")
    assert upgrade(program, "tally==1.3") == 2
    assert "it has extension modules" in capsys.readouterr().err


def test_what_others_ask_for_is_respected() -> None:
    found = [*upgrading._unfit_for_others("hypothesis", "0.0.1"), *upgrading._unfit_for_others("bytecode", "0.1")]
    assert any(one.startswith("blockfreeze ") and "bytecode" in one for one in found)


@pytest.mark.skipif(hasattr(sys, "remote_exec"), reason="this CPython can attach")
def test_where_nothing_can_be_executed_remotely_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attach", "1"]) == 2
    assert "CPython 3.14 is needed here and there" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(sys, "remote_exec"), reason="this CPython cannot attach")
def test_a_process_that_nobody_has_prepared_is_attached_and_detached(tmp_path: Path) -> None:
    installed = write_distribution(tmp_path / "installed", "1.0")
    write_distribution(tmp_path / "deps", "1.1")
    (installed / "program.py").write_text(PROGRAM, encoding="utf-8")
    with Operated(tmp_path, ["-c", "pass"]) as tools:
        plain = subprocess.Popen(
            [sys.executable, str(installed / "program.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert plain.stdin is not None
        assert plain.stdout is not None

        def talk() -> str:
            print(file=plain.stdin, flush=True)
            return str(plain.stdout.readline()).strip()  # type: ignore[union-attr]

        try:
            assert talk() == "('1.0', 1)"
            arguments = ["attach", str(plain.pid), "--block", "tally", "--releases", str(tmp_path / "deps")]
            attached = tools.begin(*arguments)
            while attached.poll() is None:
                talk()  # it comes to a safe point
            assert attached.returncode == 0
            ran = tools.command("swap", "tally", "--release", str(tmp_path / "deps" / "tally-1.1"))
            assert ran.returncode == 0, ran.stdout + ran.stderr
            assert talk() == "('1.1', 1)"
            assert tools.command("detach", str(plain.pid)).returncode == 0
            assert list(Path(tools.sockets).iterdir()) == []
            assert talk() == "('1.1', 1)"
        finally:
            plain.stdin.close()
            plain.stdout.close()
            plain.wait(60)


def test_a_detached_process_is_asked_no_more(program: Operated) -> None:
    (pid,) = program.serving(block="tally")
    assert main(["detach", str(pid), "--directory", program.sockets]) == 0
    until(lambda: not program.serving(block="tally"))
    assert main(["detach", str(pid), "--directory", program.sockets]) == 2
    assert program.talk() == "('1.0', 1)"
    assert attaching.detach.name == "detach"
