"""The command line: what it offers, what it refuses, and with which exit status."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from processes import run_python

from blockfreeze import __version__
from blockfreeze.cli import command_line as cli
from blockfreeze.core.errors import ControlError
from blockfreeze.demo import command


def _status(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return ended.value.code


def test_the_installed_command_is_a_function_that_there_is() -> None:
    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert EntryPoint("blockfreeze", project["scripts"]["blockfreeze"], "console_scripts").load() is cli.main


def test_help_names_every_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert _status("--help") == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: blockfreeze ")
    assert set(re.findall(r"--[a-z]+", text)) == {"--help", "--version"}
    assert re.findall(r"^    ([a-z]+) ", text, re.MULTILINE) == ["check", "demo"]


def test_demo_help_names_every_option_and_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert _status("demo", "--help") == 0
    text = capsys.readouterr().out
    assert set(re.findall(r"--[a-z]+", text)) == {"--help", "--seconds", "--clients", "--interval", "--json"}
    assert "exit status: 0" in text


def test_check_help_names_every_option_and_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert _status("check", "--help") == 0
    text = capsys.readouterr().out
    assert set(re.findall(r"--[a-z]+", text)) == {"--help", "--against", "--program", "--json"}
    assert "exit status: 0" in text


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert _status("--version") == 0
    assert capsys.readouterr().out == f"blockfreeze {__version__}\n"


@pytest.mark.needs_subprocess
def test_the_package_runs_as_a_module() -> None:
    run = run_python("-m", "blockfreeze", "--version")
    assert (run.returncode, run.stdout) == (0, f"blockfreeze {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("frobnicate",), "invalid choice: 'frobnicate'"),
        (("demo", "--seconds", "0"), "argument --seconds: 0 is not between 0.1 and 3600"),
        (("demo", "--seconds", "nan"), "argument --seconds: nan is not between 0.1 and 3600"),
        (("demo", "--seconds", "soon"), "argument --seconds: invalid number value: 'soon'"),
        (("demo", "--clients", "0"), "argument --clients: 0 is not between 1 and 64"),
        (("demo", "--clients", "2.5"), "argument --clients: invalid number value: '2.5'"),
        (("demo", "--interval", "-1"), "argument --interval: -1 is not between 0 and 60000"),
        (("demo", "--wrong"), "unrecognized arguments: --wrong"),
    ],
)
def test_bad_arguments_are_named_and_end_with_status_2(
    arguments: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _status(*arguments) == 2
    said = capsys.readouterr()
    assert complaint in said.err
    assert said.out == ""


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
