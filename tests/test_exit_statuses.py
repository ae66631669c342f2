"""The exit status and the words of every command that operates a service, in each situation that it can meet.

0: it was done everywhere. 1: it was refused, and nothing has changed anywhere. 2: it could not run. 3: some processes
are here and some there. With ``--json`` standard output is one JSON document, whatever happens.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import Workshop
from test_control import ended_work

import blockfreeze as bf
from blockfreeze.cli.command_line import main

pytestmark = [pytest.mark.needs_threads, pytest.mark.needs_sockets, pytest.mark.needs_subprocess]

SHOP = "def foo(): return {0}\ndef good(): return foo() == {0}\ndef bad(): return False\ndef raises(): 1 / 0\n"


@pytest.fixture
def service(
    workshop: Workshop, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The directory of the releases of the block `shop`, which this process serves at the first one."""
    releases = {"r1": SHOP.format(1), "r2": SHOP.format(2), "broken": "1 / 0\n", "torn": "def foo(:\n", "empty": ""}
    for name, text in releases.items():
        workshop.version(f"srv/{name}", {"shop.py": text})
    srv = workshop.path.parent / "srv"
    (srv / "current").symlink_to("r1")
    sockets = tmp_path_factory.mktemp("ctl", numbered=True)
    sockets.chmod(0o700)
    monkeypatch.setenv("BLOCKFREEZE_DIRECTORY", str(sockets))
    monkeypatch.chdir(srv)
    control = bf.serve_control(sockets)
    bf.freeze_block("shop", release=srv / "current")
    yield srv
    control.close()
    ended_work()


def foo() -> int:
    found: int = sys.modules["shop"].foo()
    return found


class Row(NamedTuple):
    """A command, what it returns, what is served then, and what is said, on standard output or beside it."""

    command: str
    status: int
    serves: int = 1
    says: str = ""


ROWS = [
    Row("status", 0, says="shop"),
    Row("status shop", 0, says="serving"),
    Row("status other", 1, says="no process with a control socket has other"),
    Row("status --live", 0),
    Row("prepare shop --release r2", 0, says="2 changed"),
    Row("prepare shop --release broken", 1, says="ZeroDivisionError"),
    Row("prepare shop --release torn", 1, says="SyntaxError"),
    Row("prepare shop --release r2 --check shop:bad", 1, says="the check returned False"),
    Row("prepare shop --release nowhere", 2, says="there is no such release"),
    Row("prepare other --release r2 --wait 0", 2, says="no process with a control socket has this block"),
    Row("swap shop --release r2", 0, 2, "every process serves r2"),
    Row(
        "swap shop --release r2 --check shop:good --quiesce 5 --timeout 20 --label new",
        0,
        2,
        "every process serves new",
    ),
    Row("swap shop --release r2 --canary 1 --probation 0", 0, 2),
    Row("swap shop --release r2 --canary 10% --probation 0 --health shop:good", 0, 2),
    Row(
        "swap shop --release r2 --canary 1 --probation 0.1 --health shop:bad", 1, says="the health check returned False"
    ),
    Row("swap shop --release r2 --canary 1 --probation 0.1 --health shop:raises", 1, says="ZeroDivisionError"),
    Row("swap shop --release broken", 1, says="nothing has changed"),
    Row("swap shop --release torn", 1, says="SyntaxError"),
    Row("swap shop --release empty --strict", 1, says="foo"),
    Row("swap shop --release r2 --check shop:bad", 1, says="the check returned False"),
    Row("swap shop --release r2 --check shop:raises", 1, says="ZeroDivisionError"),
    Row("swap shop --release r2 --check shop:nothing", 1, says="nothing"),
    Row("swap shop --release r2 --expect-hash 00", 1, says="hash"),
    Row("swap shop --release nowhere", 2, says="there is no such release"),
    Row("swap shop --release r2 --canary 0", 2, says="neither a number of processes"),
    Row("swap shop --release r2 --timeout never", 2, says="'never' is no number"),
    Row("swap other --release r2 --wait 0", 2, says="no process with a control socket has this block"),
    Row("rollback shop", 2, says="say --to"),
    Row("rollback shop --to nowhere", 2, says="there is no such release"),
    Row("rollback shop --to r2", 0, 2),
    Row("rollback other --wait 0", 2, says="no process with a control socket has this block"),
    Row("drain shop", 0),
    Row("drain other --wait 0", 2, says="no process with a control socket has this block"),
    Row("detach 999999999", 2, says="no control socket"),
    Row("upgrade shop", 2, says="write NAME==VERSION"),
    Row("audit", 2, says="--osv"),
    Row("compile shop --source nowhere -o shop.bfz", 2, says="does not exist"),
    Row("compile shop --source r1 -o shop.bfz", 0),
    Row("compile shop --source torn -o shop.bfz", 2, says="SyntaxError"),
    Row("compile other --source r1 -o shop.bfz", 2, says="other"),
    Row("verify nowhere", 2, says="does not exist"),
    Row("verify r1/shop.py", 1, says="shop.py"),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.command)
def test_each_command_ends_with_its_status_and_says_why(
    row: Row, service: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(row.command.split())
    said = capsys.readouterr()
    assert (status, foo()) == (row.status, row.serves)
    assert row.says in said.out + said.err
    assert "\x1b" not in said.out + said.err
    assert "Traceback" not in said.out + said.err
    assert (service / "current").resolve().name == f"r{row.serves}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.command)
def test_each_command_prints_json_whatever_happens(row: Row, service: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*row.command.split(), "--json"]) == row.status
    told = json.loads(capsys.readouterr().out)
    if row.status == 2:
        assert told["status"] == 2
        assert row.says in told["error"]
    assert foo() == row.serves


def test_a_deploy_that_is_tried_again_is_no_release_more(service: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        assert main(["swap", "shop", "--release", "r2"]) == 0
    assert main(["rollback", "shop"]) == 0
    assert (foo(), (service / "current").resolve().name) == (1, "r1")
    assert main(["swap", "shop", "--release", "r1"]) == 0
    assert foo() == 1
    assert "every process serves r1" in capsys.readouterr().out


def test_a_release_whose_text_has_changed_in_place_is_another_one(service: Path, workshop: Workshop) -> None:
    assert main(["swap", "shop", "--release", "r2"]) == 0
    workshop.version("srv/r2", {"shop.py": SHOP.format(3)})
    assert main(["swap", "shop", "--release", "r2"]) == 0
    assert foo() == 3
    bf.rollback("shop")
    assert foo() == 2


def test_processes_of_two_releases_end_with_3(
    service: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talks = "import sys, shop\nfor line in sys.stdin: print(shop.foo(), flush=True)\n"
    (tmp_path / "talks.py").write_text(talks, encoding="utf-8")
    run = ["-m", "blockfreeze", "run", "--block", "shop", "--release", str(service / "current"), "talks.py"]
    with subprocess.Popen(
        [sys.executable, *run],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        print(file=other.stdin, flush=True)
        assert other.stdout.readline() == "1\n"
        assert main(["status", "shop"]) == 0
        bf.swap("shop", release=service / "r2")
        assert main(["status", "shop"]) == 3
        said = capsys.readouterr().out
        assert (str(os.getpid()) in said, str(other.pid) in said) == (True, True)
        assert main(["status", "shop", "--json"]) == 3
        assert json.loads(capsys.readouterr().out)["mixed"]
        other.stdin.close()


def on_terminal(arguments: list[str], **environment: str) -> str:
    """Return what the command line shows on a terminal."""
    own, its = pty.openpty()
    shown = b""
    with subprocess.Popen(
        [sys.executable, "-m", "blockfreeze", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", **environment},
        stdin=its,
        stdout=its,
        stderr=its,
    ):
        os.close(its)
        with suppress(OSError):  # the other end is closed
            while more := os.read(own, 65536):
                shown += more
    os.close(own)
    return shown.decode()


RED = "\x1b[31m"


def test_colours_and_progress_are_for_terminals_only(service: Path, capfd: pytest.CaptureFixture[str]) -> None:
    refused = ["swap", "shop", "--release", "broken"]
    try:
        shown = on_terminal(refused)
    except OSError as error:
        pytest.skip(f"no terminal can be opened here: {error}")
    assert RED in shown
    assert "prepare in 1 process" in shown
    assert RED not in on_terminal(refused, NO_COLOR="1")
    assert main(refused) == 1
    assert "\x1b" not in capfd.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands(shell: str) -> None:
    def completed(**given: str) -> str:
        program = "from blockfreeze.cli.command_line import main; import sys; sys.argv[0] = 'blockfreeze'; main()"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **given}
        ran = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
        )
        return ran.stdout

    assert "blockfreeze" in completed(_BLOCKFREEZE_COMPLETE=f"{shell}_source")
    found = completed(
        _BLOCKFREEZE_COMPLETE=f"{shell}_complete",
        COMP_WORDS="blockfreeze ro",
        COMP_CWORD="1" if shell != "fish" else "ro",
    )
    assert "rollback" in found
