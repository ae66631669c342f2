"""The benchmark of identity: what it asks holds for blockfreeze, not for `importlib.reload`, and is in the manual."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.identity.__main__ import main
from benchmarks.identity.program import Change
from benchmarks.identity.relations import RELATIONS
from benchmarks.identity.table import BEGIN, END, markdown, readme_with
from benchmarks.identity.worker import holds

PAGE = Path(__file__).parents[1] / "docs" / "pages" / "comparison.md"
LOST_WITH_RELOAD = {
    "the class that was imported `is` the module's",
    "`except` with the class that was imported",
    "an enum member as a key",
    "a sentinel `is` the module's",
}


@pytest.mark.parametrize("change", [Change.NONE, Change.BODY])
def test_everything_holds_after_a_swap_that_keeps_the_shape_of_the_classes(change: Change) -> None:
    assert holds("blockfreeze", change) == dict.fromkeys(RELATIONS, "yes")


def test_what_is_no_class_of_another_shape_keeps_its_identity_beside_one() -> None:
    found = holds("blockfreeze", Change.SHAPE)
    assert {name for name in LOST_WITH_RELOAD if found[name] == "yes"} == LOST_WITH_RELOAD
    assert found["the module's classes have the bases of the new version"] == "yes"


@pytest.mark.parametrize("change", Change)
def test_reload_loses_identity_whatever_changes(change: Change) -> None:
    found = holds("reload", change)
    assert {name for name in LOST_WITH_RELOAD if found[name] == "no"} == LOST_WITH_RELOAD
    assert found["a pickle from before, loaded"] == "yes"


@pytest.mark.needs_subprocess
def test_the_command_asks_each_tool_in_processes_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--tool", "blockfreeze", "reload"]) == 0
    first, _, *rows, last = capsys.readouterr().out.splitlines()
    assert first.endswith("| blockfreeze | reload |")
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(RELATIONS)
    assert last.startswith(f"| **all of them** | {len(RELATIONS)}, {len(RELATIONS)}, ")


def test_a_failed_update_is_shown_as_such_and_the_readme_keeps_what_is_around_the_table() -> None:
    table = markdown({("reload", change): {"update": "ValueError"} for change in Change})
    assert "| not updated, not updated, not updated |" in table
    text = readme_with(f"before\n{BEGIN}\nold\n{END}\nafter\n", {("reload", one): {} for one in Change})
    assert text.startswith(f"before\n{BEGIN}\n| CPython ")
    assert text.endswith(f"{END}\nafter\n")
    with pytest.raises(ValueError, match="the markers"):
        readme_with("no markers", {})


def test_the_manual_has_a_row_for_each_relation() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition(BEGIN)[2].partition(END)[0]
    assert [name for name in RELATIONS if f"| {name} |" not in table] == []
