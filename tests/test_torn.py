"""The torn-call harness: a short run of every shape is clean, and the harness sees what it is there to see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import run_python

from benchmarks.shapes import SHAPES
from benchmarks.shapes.shape import Drive, Layout, Shape, module
from benchmarks.shapes.tally import Floor, Tally
from benchmarks.torn.__main__ import main
from benchmarks.torn.run import Outcome, Settings, run
from benchmarks.torn.tools import TOOLS, Reload, Tool

LONGER = Settings(calls=2_000, threads=4, swaps=10, seconds=60.0)
SHORT = {
    Layout.DIRECT: Settings(calls=1_000, threads=3, swaps=6, seconds=60.0),
    Layout.FAR: Settings(calls=1_000, threads=3, swaps=4, seconds=60.0),  # its modules are long, and so is each swap
}
FAR_EACH = 4
"""Every so manieth shape is tried in the layout `far` too; the exhaustive run tries all, shortly and longer."""

needs_threads = pytest.mark.needs_threads
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))


def _runs() -> Iterator[object]:
    """Yield every shape in every layout, shortly and longer."""
    for layout in Layout:
        for number, shape in enumerate(SHAPES.values()):
            name = f"{shape.name}-{layout.value}"
            marks = [] if layout is Layout.DIRECT or number % FAR_EACH == 1 else [pytest.mark.exhaustive]
            yield pytest.param(shape, layout, SHORT[layout], marks=marks, id=name)
            yield pytest.param(shape, layout, LONGER, marks=[pytest.mark.exhaustive], id=f"{name}-longer")


@needs_threads
@pytest.mark.parametrize(("shape", "layout", "settings"), list(_runs()))
def test_no_call_is_torn_while_a_block_is_swapped(shape: Shape, layout: Layout, settings: Settings) -> None:
    outcome = run(TOOLS["blockfreeze"](), shape, layout, settings)
    assert outcome.is_clean, outcome
    assert outcome.swaps == settings.swaps
    assert outcome.calls >= settings.calls


@every_shape
def test_neighbouring_versions_of_a_shape_differ_and_the_layouts_do(shape: Shape) -> None:
    texts = {(serial, layout): list(shape.render("block", serial, layout)) for serial in (1, 2, 3) for layout in Layout}
    assert texts[1, Layout.DIRECT] != texts[2, Layout.DIRECT] != texts[3, Layout.DIRECT]
    assert len(str(texts[1, Layout.FAR])) > len(str(texts[1, Layout.DIRECT])) + 2_000
    for found in texts.values():
        for place, text in found:
            compile(text, place, "exec")
            for marker in ("VERSION", "#v", "#GAP", "BLOCK", "OUTSIDE"):
                assert marker not in text


class _Untouched(Reload):
    """A tool that never replaces anything."""

    def replace(self) -> None:
        raise RuntimeError("not replaced")


class _Silent(Reload):
    """A tool that says that it replaced, and did not."""

    def replace(self) -> None:
        pass


@needs_threads
@every_shape
def test_every_shape_is_whole_in_a_plain_module_that_nobody_replaces(shape: Shape) -> None:
    outcome = run(_Untouched(), shape, Layout.DIRECT, Settings(calls=200, threads=2, swaps=1))
    assert (outcome.torn, outcome.raised, outcome.stale, outcome.lost) == (0, 0, 0, 0), outcome
    assert outcome.failed_swaps == 1
    assert not outcome.is_clean


def _run(tool: Tool, name: str) -> Outcome:
    return run(tool, SHAPES[name], Layout.DIRECT, LONGER)


@needs_threads
def test_a_tool_that_replaces_nothing_is_seen_as_stale() -> None:
    outcome = _run(_Silent(), "nested")
    assert outcome.torn == outcome.raised == 0
    assert outcome.stale > 0
    assert "stale" in outcome.samples


@needs_threads
def test_reloading_is_seen_to_tear_through_instances_and_to_lose_state() -> None:
    outcome = _run(Reload(), "counter")
    assert outcome.by_route["instance"]["torn"] > 0
    assert outcome.by_route["bound method"]["torn"] > 0
    assert outcome.lost > 0
    assert "torn" in outcome.samples


@needs_threads
def test_reloading_the_members_is_seen_to_tear_through_from_imports() -> None:
    outcome = _run(Reload(), "member_attribute")
    assert outcome.by_route["from-import"]["torn"] > 0


@needs_threads
@pytest.mark.parametrize("drive", [drive for drive in Drive if drive is not Drive.HELD], ids=lambda drive: drive.name)
def test_a_call_that_raises_is_counted_and_does_not_end_the_run(drive: Drive) -> None:
    shape = module("raising", "an entry that raises", "\ndef foo(n):\n    raise ValueError(VERSION)\n", drive=drive)
    outcome = run(_Silent(), shape, Layout.DIRECT, Settings(calls=500, threads=2, swaps=2))
    assert outcome.raised == outcome.calls >= 500
    assert "ValueError" in outcome.samples["raised"]


def test_a_result_of_mixed_versions_is_torn_and_raises_no_floor() -> None:
    tally = Tally(Floor(1))
    tally.judge("attribute", (2, 2, 1), 1)
    assert (tally.torn["attribute"], tally.stale["attribute"], tally.since()) == (1, 0, 1)


def test_a_call_that_shows_an_older_version_than_was_seen_before_it_began_is_stale() -> None:
    tally = Tally(Floor(1))
    tally.judge("attribute", (3, 3), tally.since())
    assert tally.since() == 3
    tally.judge("table", (2, 2), tally.since())
    assert tally.stale["table"] == 1
    tally.judge("table", (2, 2), None)
    assert tally.stale["table"] == 1


def test_a_result_without_a_version_counts_as_raised() -> None:
    tally = Tally(Floor(1))
    tally.judge("attribute", (), 1)
    tally.judge("attribute", None, 1)
    assert tally.raised["attribute"] == tally.calls == 2


@needs_threads
@pytest.mark.needs_subprocess
def test_the_command_prints_a_table_and_writes_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich", reason="the benchmarks need the extra `bench`")
    file = tmp_path / "outcomes.json"
    chosen = ["--tool", "reload", "--shape", "nested", "--layout", "direct", "--calls", "500", "--swaps", "3"]
    assert main([*chosen, "--json", str(file)]) == 0
    assert "nested" in capsys.readouterr().out
    (outcome,) = json.loads(file.read_text(encoding="utf-8"))
    assert (outcome["tool"], outcome["shape"], outcome["layout"], outcome["swaps"]) == ("reload", "nested", "direct", 3)


@pytest.mark.needs_subprocess
def test_the_command_can_be_imported_where_rich_is_not_installed() -> None:
    code = "import sys; sys.modules['rich'] = None; import benchmarks.torn.__main__"
    done = run_python("-c", code)
    assert (done.returncode, done.stderr) == (0, "")
