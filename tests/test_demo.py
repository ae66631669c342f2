"""The demo's parts, on two tiny local versions of a package: no network, rounds bounded by counts."""

from __future__ import annotations

import importlib.util
import io
import itertools
import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from blockfreeze.cli import command_line as cli
from blockfreeze.core.errors import ControlError
from blockfreeze.demo import answers, command, display
from blockfreeze.demo.play_round import Limits, Round, play
from blockfreeze.demo.releases import cache_directory, fetch_release
from blockfreeze.demo.server import Order
from blockfreeze.demo.swapping import WAYS
from blockfreeze.demo.tally import Latencies, Tally, Totals
from blockfreeze.demo.workload import SQLPARSE, Call, Workload

KIOSK = Workload(
    package="kiosk",
    old="1",
    new="2",
    calls=(Call("foo", {"number": 3}), Call("foo", {"number": 40}), Call("greet", {"name": "Ada"})),
)

KIOSK_TOP = """
from .parts import frob
def foo(number): return bar(frob(number))
def bar(frobbed):
    {names} = frobbed
    return f"{version}: {{{total}}}"
def greet(name):
    from .parts import frob
    return bar(frob(len(name)))
"""

KIOSK_PARTS = """
def frob(number): return [number + step for step in steps()]
def steps(): return range({steps})
"""


@pytest.fixture
def kiosk(tmp_path: Path) -> tuple[Path, Path]:
    """Two directories with a version of `kiosk` each: `frob` returns one element more, and `bar` takes it."""
    for version, names, steps in (("1", "a, b", 2), ("2", "a, b, c", 3)):
        package = tmp_path / f"kiosk-{version}" / "kiosk"
        package.mkdir(parents=True)
        total = names.replace(", ", " + ")
        package.joinpath("__init__.py").write_text(KIOSK_TOP.format(names=names, version=version, total=total))
        package.joinpath("parts.py").write_text(KIOSK_PARTS.format(steps=steps))
    return tmp_path / "kiosk-1", tmp_path / "kiosk-2"


@pytest.fixture
def kiosk_round(kiosk: tuple[Path, Path]) -> Round:
    return Round(
        workload=KIOSK,
        old=kiosk[0],
        new=kiosk[1],
        answers=answers.of_both_versions(KIOSK, *kiosk),
        clients=3,
        interval=0.0,
        limits=Limits(seconds=60, requests=300, swaps=10),
    )


@pytest.mark.needs_subprocess
def test_a_blockfreeze_round_tears_and_fails_nothing(kiosk_round: Round) -> None:
    seen: list[Totals] = []
    totals = play(kiosk_round, "blockfreeze", seen.append)
    assert (totals.torn, totals.failed, totals.failed_swaps) == (0, 0, 0), display.evidence([totals])
    assert totals.whole
    assert totals.requests >= 300
    assert totals.swaps >= 10
    assert totals.old + totals.new == totals.requests
    assert 0 < totals.p50 <= totals.p99
    assert all(earlier.requests <= later.requests for earlier, later in itertools.pairwise(seen))


@pytest.mark.needs_subprocess
def test_a_reload_round_accounts_for_every_request_and_swaps_without_error(kiosk_round: Round) -> None:
    totals = play(kiosk_round, "importlib.reload", lambda _: None)
    assert totals.old + totals.new + totals.torn + totals.failed == totals.requests >= 300
    assert totals.swaps >= 10
    assert totals.failed_swaps == 0, totals.swap_failure


@pytest.mark.needs_subprocess
def test_a_server_that_cannot_start_is_an_error_that_says_why(kiosk_round: Round, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"server process could not start: .*kiosk"):
        play(replace(kiosk_round, old=tmp_path / "nowhere"), "importlib.reload", lambda _: None)


@pytest.mark.needs_subprocess
def test_a_version_that_cannot_be_swapped_in_is_counted_and_the_old_one_serves(kiosk_round: Round) -> None:
    kiosk_round.new.joinpath("kiosk", "__init__.py").write_text("def foo(:\n")
    totals = play(kiosk_round, "blockfreeze", lambda _: None)
    assert totals.failed_swaps > 0
    assert totals.new == totals.torn == totals.failed == 0
    assert totals.swap_failure is not None
    assert not totals.whole


@pytest.mark.needs_subprocess
def test_the_answers_are_those_of_each_version_alone(kiosk: tuple[Path, Path]) -> None:
    assert answers.of_both_versions(KIOSK, *kiosk) == (("1: 7", "2: 12"), ("1: 81", "2: 123"), ("1: 7", "2: 12"))


@pytest.mark.needs_subprocess
def test_versions_that_answer_alike_are_refused(kiosk: tuple[Path, Path]) -> None:
    with pytest.raises(ControlError, match="both versions answer alike, 'foo'"):
        answers.of_both_versions(KIOSK, kiosk[0], kiosk[0])


@pytest.mark.needs_subprocess
def test_a_version_that_cannot_answer_is_an_error_that_says_why(kiosk: tuple[Path, Path]) -> None:
    kiosk[1].joinpath("kiosk", "__init__.py").write_text("raise RuntimeError('out of order')\n")
    with pytest.raises(ControlError, match="RuntimeError: out of order"):
        answers.of_both_versions(KIOSK, *kiosk)


def test_an_order_survives_its_line() -> None:
    for way in WAYS:
        order = Order(way, SQLPARSE, "old", "new", interval=0.005, lifetime=8.0)
        assert Order.from_line(order.to_line()) == order


def test_percentiles_are_within_two_percent() -> None:
    latencies = Latencies()
    assert latencies.percentile(0.5) == 0.0
    for milliseconds in range(1, 1001):
        latencies.add(milliseconds / 1000)
    assert latencies.percentile(0.50) == pytest.approx(0.500, rel=0.02)
    assert latencies.percentile(0.99) == pytest.approx(0.990, rel=0.02)
    latencies.add(0.0)
    latencies.add(1e9)


def test_a_response_is_the_old_answer_the_new_answer_or_torn() -> None:
    tally = Tally("some way")
    for text in ("1: 7", "2: 12", "2: 12", "1: 12", "2: 7"):
        tally.answered(text, "1: 7", "2: 12", 0.001)
    tally.failed("ValueError: too many values to unpack", 0.001)
    totals = tally.totals(seconds=1.0, swaps=4, failed_swaps=0, swap_failure=None)
    assert (totals.requests, totals.old, totals.new, totals.torn, totals.failed) == (6, 1, 2, 2, 1)
    assert totals.torn_example == "1: 12"
    assert totals.failures == (("ValueError: too many values to unpack", 1),)
    assert not totals.whole


def test_failure_texts_are_kept_in_bounded_number_and_counted_in_full() -> None:
    tally = Tally("some way")
    for number in range(1000):
        tally.failed(f"KeyError: {number}", 0.001)
    totals = tally.totals(1.0, 1, 0, None)
    assert totals.failed == 1000
    assert len(totals.failures) < 50


@pytest.mark.parametrize(
    "spoiled", [{"requests": 0}, {"swaps": 0}, {"torn": 1}, {"failed": 1}, {"failed_swaps": 1}], ids=str
)
def test_a_round_is_whole_only_with_load_and_swaps_and_nothing_wrong(spoiled: dict[str, int]) -> None:
    whole = Totals("blockfreeze", requests=10, old=5, new=5, swaps=3)
    assert whole.whole
    assert not replace(whole, **spoiled).whole  # type: ignore[arg-type]


ROUNDS = (
    Totals(
        "importlib.reload", 8.0, 1200, 500, 300, 390, 10, 40, failures=(("ValueError: [x]", 10),), torn_example="TORN"
    ),
    Totals("blockfreeze", 8.0, 1300, 700, 600, 0, 0, 44, p50=0.002, p99=0.0305),
)


def test_plain_lines_show_progress_once_a_second_and_the_totals_side_by_side() -> None:
    stream = io.StringIO()
    plain = display.PlainDisplay(stream)
    with plain.live(KIOSK):
        for tenth in range(25):
            plain.update(Totals("blockfreeze", seconds=tenth / 10, requests=tenth))
    plain.finish(ROUNDS)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "kiosk 1 <-> 2, served over HTTP while it is replaced"
    assert [line.split(":")[0] for line in lines[1:4]] == [f"blockfreeze, {second} s" for second in range(3)]
    table = {line.split("  ")[0] or line.strip().split("  ")[0]: line.split() for line in lines[4:]}
    assert table["importlib.reload"] == ["importlib.reload", "blockfreeze"]
    assert table["torn"] == ["torn", "390", "0"]
    assert table["latency p99"][-2:] == ["30.5", "ms"]
    assert "importlib.reload failed: 10 times ValueError: [x]" in lines


@pytest.mark.needs_threads
def test_the_live_table_shows_both_rounds_and_the_totals() -> None:
    console_module = pytest.importorskip("rich.console")
    from blockfreeze.demo.rich_display import RichDisplay

    stream = io.StringIO()
    live = RichDisplay(console_module.Console(file=stream, force_terminal=True, width=120))
    with live.live(KIOSK):
        for totals in ROUNDS:
            live.update(totals)
    live.finish(ROUNDS)
    text = stream.getvalue()
    assert text.count("importlib.reload") >= 2
    assert "1,300" in text
    assert "ValueError: [x]" in text


def _wheel(directory: Path, version: str) -> None:
    info = f"kiosk-{version}.dist-info"
    with zipfile.ZipFile(directory / f"kiosk-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("kiosk/__init__.py", f"version = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: kiosk\nVersion: {version}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def local_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is the only place where pip looks."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return wheels


@pytest.mark.needs_subprocess
def test_a_release_is_fetched_once(local_wheels: Path, tmp_path: Path) -> None:
    _wheel(local_wheels, "1.0")
    cache = tmp_path / "cache"
    fetched = fetch_release("kiosk", "1.0", cache)
    assert fetched.joinpath("kiosk", "__init__.py").read_text() == "version = '1.0'\n"
    local_wheels.joinpath("kiosk-1.0-py3-none-any.whl").unlink()
    assert fetch_release("kiosk", "1.0", cache) == fetched
    assert list(cache.iterdir()) == [fetched]


@pytest.mark.needs_subprocess
def test_a_release_that_cannot_be_fetched_is_an_error_that_says_why_and_leaves_no_trace(
    local_wheels: Path, tmp_path: Path
) -> None:
    with pytest.raises(ControlError, match=r"cannot fetch the release, 'kiosk==9.9': ERROR: .*; run once where pip"):
        fetch_release("kiosk", "9.9", tmp_path / "cache")
    assert not list(tmp_path.joinpath("cache").iterdir())


@pytest.mark.needs_subprocess
def test_without_pip_the_one_that_uv_brings_is_asked(
    local_wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _wheel(local_wheels, "1.0")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ControlError, match="there is neither pip nor uv here"):
        fetch_release("kiosk", "1.0", tmp_path / "cache")
    uv = tmp_path / "uv"  # as `uv tool run pip` runs it
    lines = [
        "import sys, runpy",
        "assert sys.argv[1:5] == ['--quiet', 'tool', 'run', 'pip'], sys.argv",
        "del sys.argv[1:5]",
    ]
    uv.write_text("\n".join([f"#!{sys.executable}", *lines, "runpy.run_module('pip', run_name='__main__')"]))
    uv.chmod(0o755)
    assert fetch_release("kiosk", "1.0", tmp_path / "cache").is_dir()


def test_a_cache_that_cannot_be_written_is_an_error_that_says_why(tmp_path: Path) -> None:
    occupied = tmp_path / "cache"
    occupied.write_text("a file, not a directory")
    with pytest.raises(ControlError, match="cannot fetch the release"):
        fetch_release("kiosk", "1.0", occupied)


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "blockfreeze"


@pytest.mark.needs_subprocess
@pytest.mark.parametrize(("torn", "status"), [(0, 0), (1, 1)])
def test_the_command_plays_both_ways_and_its_status_tells_whether_blockfreeze_tore(
    torn: int,
    status: int,
    kiosk: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def pretend(one: Round, way: str, watch: object) -> Totals:
        assert (one.clients, one.interval, one.limits.seconds) == (2, 0.007, 1.5)
        return replace(ROUNDS[list(WAYS).index(way)], torn=torn if way == "blockfreeze" else 390)

    directories = dict(zip(("1", "2"), kiosk, strict=True))
    monkeypatch.setattr(command, "SQLPARSE", KIOSK)
    monkeypatch.setattr(command, "fetch_release", lambda package, version, cache: directories[version])
    monkeypatch.setattr(command, "play", pretend)
    arguments = ["demo", "--clients", "2", "--interval", "7", "--seconds", "1.5"]
    assert cli.main([*arguments, "--json"]) == status
    written = json.loads(capsys.readouterr().out)
    assert [(one["way"], one["torn"]) for one in written["rounds"]] == [
        ("importlib.reload", 390),
        ("blockfreeze", torn),
    ]
    assert cli.main(arguments) == status
    assert "blockfreeze" in capsys.readouterr().out
