"""The command line: what it offers, what it refuses, and with which exit status."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from processes import run_python

from blockfreeze import __version__
from blockfreeze.cli import command_line as cli
from blockfreeze.cli.settings import defaults_for
from blockfreeze.cli.typed import Share
from blockfreeze.core.errors import ControlError
from blockfreeze.demo import command


def test_the_installed_command_is_a_function_that_there_is() -> None:
    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert EntryPoint("blockfreeze", project["scripts"]["blockfreeze"], "console_scripts").load() is cli.main


def test_help_names_every_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Usage: blockfreeze ")
    assert set(re.findall(r"--[a-z]+", text)) == {"--help", "--version"}
    commands = ["run", "watch", "status", "prepare", "swap", "rollback", "drain", "compile", "verify"]
    commands += ["upgrade", "audit", "attach", "detach", "check", "graph", "demo"]
    assert re.findall(r"^  ([a-z]+)  ", text, re.MULTILINE) == commands


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("demo", "seconds clients interval json"),
        ("check", "against program strict json"),
        ("graph", "format output diff depth only"),
        ("run", "block release releases directory fleet fence host"),
        ("status", "live html directory fleet json"),
        ("prepare", "release label expect-hash check warm-up strict timeout wait pointer directory json"),
        (
            "swap",
            (
                "release label expect-hash check warm-up strict quiesce timeout wait canary stages probation health "
                "close-code cancel-tasks pointer directory fleet json"
            ),
        ),
        ("rollback", "to lossy quiesce timeout wait pointer directory fleet json"),
        ("drain", "timeout close-code cancel-tasks wait pointer directory json"),
        ("compile", "source output label serial python against sign json"),
        ("verify", "json"),
        ("upgrade", "into hash require-hashes strict dry-run canary probation timeout directory json"),
        ("audit", "osv pip-audit forecast directory json"),
        ("attach", "block releases timeout directory json"),
        ("detach", "directory json"),
    ],
)
def test_the_help_of_a_command_names_every_option(
    command: str, options: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert set(re.findall(r"^ +(?:-[ho], )?--([a-z-]+)", text, re.MULTILINE)) == {"help", *options.split()}
    assert "exit status" in text.lower() or command == "run"


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"blockfreeze {__version__}\n"


@pytest.mark.needs_subprocess
def test_the_package_runs_as_a_module() -> None:
    run = run_python("-m", "blockfreeze", "--version")
    assert (run.returncode, run.stdout) == (0, f"blockfreeze {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("frobnicate",), "No such command 'frobnicate'"),
        (("demo", "--seconds", "0"), "Invalid value for '--seconds': 0 is not between 0.1 and 3600"),
        (("demo", "--seconds", "nan"), "Invalid value for '--seconds': nan is not between 0.1 and 3600"),
        (("demo", "--seconds", "soon"), "Invalid value for '--seconds': 'soon' is no number"),
        (("demo", "--clients", "0"), "Invalid value for '--clients': 0 is not between 1 and 64"),
        (("demo", "--clients", "2.5"), "Invalid value for '--clients': '2.5' is no number"),
        (("demo", "--interval", "-1"), "Invalid value for '--interval': -1 is not between 0 and 60000"),
        (("demo", "--wrong"), "No such option"),
        (("check",), "Missing argument 'MODULE...'"),
        (("swap", "shop"), "Missing option '--release'"),
        (("swap", "shop", "--release", ".", "--canary", "0"), "'0' is neither a number of processes"),
        (("swap", "shop", "--release", ".", "--canary", "101%"), "'101%' is neither a number of processes"),
        (("run", "--block", "shop"), "Missing argument 'COMMAND...'"),
    ],
)
def test_bad_arguments_are_named_and_end_with_status_2(
    arguments: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert complaint in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("demo", "--json", "--seconds", "0"), "0 is not between 0.1 and 3600"),
        (("swap", "shop", "--json"), "Missing option '--release'"),
        (("check", "--json"), "Missing argument 'MODULE...'"),
        (("demo", "--wrong", "--json"), "No such option"),
    ],
)
def test_bad_arguments_are_told_in_json_where_that_is_asked_for(
    arguments: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert complaint in told["error"]
    assert told["status"] == 2
    assert complaint in said.err


@pytest.mark.parametrize("arguments", [("run", "--json"), ("check", "--wrong", "--", "program", "--json")])
def test_the_option_of_another_program_asks_for_no_json(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr().out == ""


def test_a_command_that_cannot_run_tells_so_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise ControlError("cannot fetch the release, 'x==1': no route; try later")

    monkeypatch.setattr(command, "fetch_release", refuse)
    assert cli.main(["demo", "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == {
        "error": "cannot fetch the release, 'x==1': no route; try later",
        "status": 2,
    }


def test_a_command_that_cannot_run_says_so_in_one_line_and_ends_with_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise ControlError("cannot fetch the release, 'x==1': no route; try later")

    monkeypatch.setattr(command, "fetch_release", refuse)
    assert cli.main(["demo"]) == 2
    said = capsys.readouterr()
    assert said.err == "blockfreeze demo: cannot fetch the release, 'x==1': no route; try later\n"
    assert said.out == ""


def test_an_interrupt_ends_with_status_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "fetch_release", interrupt)
    assert cli.main(["demo"]) == 130


def test_without_the_extra_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main(["status"]) == 2
    assert "pip install 'blockfreeze[cli]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "of", "means"), [("1", 4, 1), ("9", 4, 4), ("10%", 4, 1), ("50%", 5, 3), ("100%", 3, 3)]
)
def test_a_share_of_the_processes_is_rounded_up(written: str, of: int, means: int) -> None:
    share: Callable[[int], int] = Share().convert(written, None, None)
    assert share(of) == means


OPTIONS = {"run": {"block", "release"}, "swap": {"release", "check", "timeout"}, "status": {"live"}}


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("", {}),
        ("timeout = 5", {"swap": {"timeout": 5}}),
        ('release = "/srv/current"', {"run": {"release": "/srv/current"}}),
        ('check = "a:b"\n[tool.blockfreeze.swap]\ncheck = "c:d"', {"swap": {"check": "c:d"}}),
        (
            "[tool.blockfreeze.swap]\ntimeout = 7\n[tool.blockfreeze.status]\nlive = true",
            {"swap": {"timeout": 7}, "status": {"live": True}},
        ),
    ],
)
def test_defaults_come_from_the_project(tmp_path: Path, table: str, found: dict[str, dict[str, object]]) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.blockfreeze]\n{table}\n", encoding="utf-8")
    (tmp_path / "inside").mkdir()
    assert {name: one for name, one in defaults_for(OPTIONS, tmp_path / "inside").items() if one} == found


@pytest.mark.parametrize("table", ["wrong = 1", "[tool.blockfreeze.swap]\nlive = true", "[tool.blockfreeze", "live ="])
def test_a_default_that_there_is_not_is_named(tmp_path: Path, table: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.blockfreeze]\n{table}\n", encoding="utf-8")
    with pytest.raises(ControlError, match=r"pyproject.toml: .*; correct it"):
        defaults_for(OPTIONS, tmp_path)
