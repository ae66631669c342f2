"""`upgrade` and `attach`: dependencies of running processes, and processes that nobody has prepared."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from operated import Operated, until

from blockfreeze.cli import attaching
from blockfreeze.cli.command_line import main

pytestmark = [pytest.mark.needs_subprocess, pytest.mark.needs_sockets]

PROGRAM = """
import sys
import tally

for line in sys.stdin:
    print(tally.count("x"), flush=True)
"""


def write_distribution(place: Path, version: str, needs: str = "", name: str = "tally") -> Path:
    """Write a release of a distribution as it is when it is unpacked, and return where."""
    directory = place / f"{name}-{version}"
    (directory / f"{name}-{version}.dist-info").mkdir(parents=True)
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
    info = directory / f"{name}-{version}.dist-info"
    (info / "METADATA").write_text(text, encoding="utf-8")
    (info / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n", encoding="utf-8")
    (info / "RECORD").write_text(f"{name}.py,,\n", encoding="utf-8")
    (directory / f"{name}.py").write_text(f"def count(text): return {version!r}, len(text)\n", encoding="utf-8")
    return directory


def write_wheel(place: Path, version: str) -> str:
    """Write the wheel of a release of `tally`, and return its hash."""
    with tempfile.TemporaryDirectory() as work:
        directory = write_distribution(Path(work), version)
        file = place / f"tally-{version}-py3-none-any.whl"
        with zipfile.ZipFile(file, "w") as wheel:
            for one in sorted(directory.rglob("*")):
                wheel.write(one, one.relative_to(directory))
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


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


def upgrade(service: Operated, requirement: str, *options: str) -> int:
    return main(["upgrade", requirement, *options, "--directory", service.sockets])


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is the only place where pip looks."""
    place = tmp_path / "wheels"
    place.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(place))
    return place


def test_a_dependency_is_upgraded_in_a_running_process(program: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    write_distribution(program.releases / "deps", "1.1")  # as pip would have left it
    assert upgrade(program, "tally==1.1") == 0
    assert program.talk() == "('1.1', 1)"
    text = capsys.readouterr().out
    assert "tally: every process serves tally 1.1" in text
    assert "installed on disk is 1.0; for restarts install, and lock: tally==1.1" in text
    assert "tally: it has no release pointer, so a worker that starts before that is done runs 1.0" in text
    assert "  1 changed" in text
    (pid,) = program.serving(block="tally")
    assert main(["status", "tally", "--directory", program.sockets]) == 0
    assert f"{pid}: tally 1.1 runs hot, installed is 1.0" in capsys.readouterr().out
    (told,) = program.json("status", "tally")["processes"][0]["blocks"]
    assert told["package"] == {"name": "tally", "version": "1.1", "installed": "1.0"}


def test_what_stays_old_is_said(program: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    """An object whose class assigns more attributes now goes on with the old code: a hole in that would stay open."""
    place = write_distribution(program.releases / "deps", "1.1")
    classes = "\nclass Kept:\n    def __init__(self):\n        self.a = 1\n"
    (place / "tally.py").write_text(
        f"def count(text): return '1.1', KEPT.append(Kept()) or len(KEPT)\nKEPT = []{classes}"
    )
    again = write_distribution(program.releases / "deps", "1.2")
    (again / "tally.py").write_text(f"def count(text): return '1.2'\nKEPT = []{classes}        self.b = 2\n")
    assert upgrade(program, "tally==1.1") == 0
    assert program.talk() == "('1.1', 1)"
    assert "stays old" not in capsys.readouterr().out
    assert upgrade(program, "tally==1.2") == 0
    text = capsys.readouterr().out
    assert "tally: what the program holds of these stays old until it is restarted:\n  tally.Kept: 1 instances" in text


def test_the_hash_of_the_wheel_is_checked(program: Operated, wheels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write_wheel(wheels, "1.1")
    bad = f"sha256:{'0' * 64}"
    assert upgrade(program, "tally==1.1", "--hash", bad) == 2
    assert f"Expected sha256 {'0' * 64}; Got" in capsys.readouterr().err
    assert [*(program.releases / "deps").iterdir()] == []
    assert upgrade(program, "tally==1.1", "--hash", bad, "--hash", good) == 0
    assert program.talk() == "('1.1', 1)"
    assert f"lock: tally==1.1 --hash={good}" in capsys.readouterr().out


def test_the_hash_may_be_that_of_a_requirements_file(
    program: Operated, wheels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = program.releases / "requirements.txt"
    lock.write_text(f"# ours\nother==1 --hash=sha256:1\nTally==1.1 \\\n    --hash={write_wheel(wheels, '1.1')}  # x\n")
    assert upgrade(program, "tally==1.1", "--require-hashes", str(lock)) == 0
    assert program.talk() == "('1.1', 1)"
    lock.write_text("other==1 --hash=sha256:1\ntally==1.1\n")
    assert upgrade(program, "tally==1.1", "--require-hashes", str(lock)) == 2
    assert "it has no hash for tally" in capsys.readouterr().err


def test_a_directory_that_differs_from_the_wheel_is_refused(
    program: Operated, wheels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write_wheel(wheels, "1.1")
    there = write_distribution(program.releases / "deps", "1.1")
    (there / "__pycache__").mkdir()
    (there / "__pycache__" / "tally.cpython-313.pyc").write_bytes(b"")
    assert upgrade(program, "tally==1.1", "--hash", good, "--dry-run") == 0
    (there / "tally.py").write_text("import os\n", encoding="utf-8")
    assert upgrade(program, "tally==1.1", "--hash", good) == 2
    assert "tally.py is not as in the wheel with that hash" in capsys.readouterr().err
    assert program.talk() == "('1.0', 1)"


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    program: Operated, capsys: pytest.CaptureFixture[str]
) -> None:
    write_distribution(program.releases / "deps", "1.1")
    assert upgrade(program, "tally==1.1", "--dry-run") == 0
    assert "it is well\n  1 changed" in capsys.readouterr().out
    assert program.talk() == "('1.0', 1)"
    assert upgrade(program, "tally==1.1", "--json") == 0  # nothing of it is left
    told = json.loads(capsys.readouterr().out)
    assert told["blocks"][0]["differences"]["changed"] == ["tally.count"]
    assert (told["lock"], told["installed"], told["exit_status"]) == ("tally==1.1", ["1.0"], 0)


def test_a_worker_that_starts_later_comes_up_in_what_the_pointer_leads_to(tmp_path: Path) -> None:
    """The pointer leads to the installed packages at first, and moves with an upgrade, and back."""
    site = write_distribution(tmp_path / "installed", "1.0")
    (tmp_path / "deps").mkdir()
    (tmp_path / "deps" / "tally").symlink_to(site)
    write_distribution(tmp_path / "deps", "1.1")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    run = ["--block", "tally", "--release", str(tmp_path / "deps" / "tally")]
    with Operated(tmp_path, ["program.py"], run=run, talks=True) as service:
        assert service.talk() == "('1.0', 1)"
        assert upgrade(service, "tally==1.1") == 0
        assert service.talk() == "('1.1', 1)"
        again = service.started_again(["program.py"], run)
        assert again == "('1.1', 1)"
        assert service.json("rollback", "tally")["done"]
        assert service.talk() == "('1.0', 1)"
        assert service.started_again(["program.py"], run) == "('1.0', 1)"


@pytest.mark.parametrize(
    ("requirement", "needs", "why", "status"),
    [
        ("tally>=1.1", "", "it does not name one version", 2),
        ("tally==1.*", "", "it does not name one version", 2),
        ("tally==1.2", "nothing_of_that_name>=3", "it needs nothing_of_that_name>=3, which is not installed", 1),
        ("tally==1.2", "click<1", "it needs click<1, which is not installed", 1),
        ("bytecode==0.1", "", "asks for bytecode", 1),
        ("unrelated==99", "", "no process has a module of it as a block", 2),
    ],
)
def test_a_release_that_does_not_fit_is_refused(
    program: Operated, requirement: str, needs: str, why: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    write_distribution(program.releases / "deps", "1.2", needs)
    write_distribution(program.releases / "deps", "99", name="unrelated")
    assert upgrade(program, requirement) == status
    assert why in capsys.readouterr().err
    assert program.talk() == "('1.0', 1)"


def test_what_no_process_has_as_a_block_is_not_fetched(
    program: Operated, wheels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert upgrade(program, "click==8.3.1") == 2
    assert "no process has a module of it as a block" in capsys.readouterr().err
    assert [*(program.releases / "deps").iterdir()] == []


def test_blocks_are_completed_where_their_sockets_are(
    program: Operated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_BLOCKFREEZE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_CWORD", "2")
    monkeypatch.setenv("COMP_WORDS", "blockfreeze swap ta")
    monkeypatch.setenv("BLOCKFREEZE_DIRECTORY", str(program.releases))

    def completed() -> str:
        with pytest.raises(SystemExit):
            main([])
        return capsys.readouterr().out.strip()

    assert completed() == ""
    monkeypatch.chdir(program.releases)
    (program.releases / "pyproject.toml").write_text(f"[tool.blockfreeze]\ndirectory = {program.sockets!r}\n")
    assert completed() == "plain,tally"
    monkeypatch.chdir("/")
    monkeypatch.setenv("COMP_WORDS", f"blockfreeze swap --directory {program.sockets} ta")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert completed() == "plain,tally"


def test_to_drain_says_nothing_of_changes(program: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    (pid,) = program.serving(block="tally")
    assert main(["drain", "tally", "--directory", program.sockets]) == 0
    assert capsys.readouterr().out == f"{pid}: it is well\n"


def test_extension_modules_are_refused(program: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    (write_distribution(program.releases / "deps", "1.3") / "tally_speedups.so").write_bytes(b"")
    assert upgrade(program, "tally==1.3") == 1
    assert "it has extension modules" in capsys.readouterr().err


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
