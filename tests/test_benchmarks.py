"""The benchmark suite runs, its result has the documented shape, and the manual's tables come from it alone.

Nothing here looks at a time: what is fast enough is for the benchmarks to say, on a quiet machine.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Workshop
from threads import LIMIT

pytest.importorskip("psutil", reason="the benchmarks need the extra `bench`")
pytest.importorskip("pyperf", reason="the benchmarks need the extra `bench`")
pytest.importorskip("rich", reason="the benchmarks need the extra `bench`")

from benchmarks import conversion
from benchmarks.costs.catalog import QUESTIONS
from benchmarks.costs.document import FORMAT, Answer, Document, Failure, from_json
from benchmarks.costs.effort import QUICK
from benchmarks.costs.interleave import interleaved
from benchmarks.costs.rows import Measured, Row, Spread, summed_up
from benchmarks.costs.tables import BEGIN, END, readme_with
from benchmarks.frame import processes
from benchmarks.frame.command_line import CommandLine, chosen
from benchmarks.frame.pages import PAGES, put_between
from benchmarks.frame.tables import Column, Table, Verdict

ROOT = Path(__file__).resolve().parent.parent
Worker = Callable[..., processes.Ended]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def names_of(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def sample(python: str = "3.12.1") -> Document:
    kept = Row("a call", "entry", "plain", "second", 4.12e-8, 4e-8, Spread(1.03, 1.0, 1.3, 0.9, 2), 9, 1.02, "missed")
    alone = Row("one update", "blockfreeze", "", "second", 0.001, None, None, 3, None, "no target")
    return Document(
        python, "CPython", "Linux x86_64", "2 × CPU", True, [Answer("entry", "What does it cost?", [kept, alone])], []
    )


@pytest.mark.needs_subprocess
def test_a_quick_run_of_one_question_writes_json_of_the_documented_shape(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    done = run("--quick", "--json", str(result), "method")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    written = json.loads(result.read_text(encoding="utf-8"))
    assert written.keys() == {"format", *names_of(Document)}
    assert written["format"] == FORMAT
    assert written["quick"] is True
    assert written["failures"] == []
    [answer] = written["answers"]
    assert answer.keys() == names_of(Answer)
    assert answer["name"] == "method"
    assert answer["rows"]
    for row in answer["rows"]:
        assert row.keys() == names_of(Row)
        assert row["ratio"].keys() == names_of(Spread)
        assert row["pairs"] == QUICK.processes * QUICK.rounds


@pytest.mark.needs_subprocess
def test_an_unknown_question_is_refused_and_the_known_ones_are_named() -> None:
    done = run("nonsense")
    assert done.returncode == 2
    assert "no such question: nonsense" in done.stderr
    assert "entry_swapped" in done.stderr


@pytest.mark.needs_subprocess
def test_help_lists_every_question() -> None:
    shown = run("--help").stdout
    assert [question.text for question in QUESTIONS.values() if question.text not in shown] == []


def test_every_question_file_asks_one_question_in_its_docstring_and_is_in_the_catalog() -> None:
    folder = ROOT / "benchmarks" / "costs"
    files = {path.stem for path in folder.glob("*.py") if "\nQUESTION = " in path.read_text("utf-8")}
    assert set(QUESTIONS) == files
    assert [question.name for question in QUESTIONS.values() if not question.text.endswith("?")] == []


def test_ratios_are_taken_pair_by_pair_over_all_processes() -> None:
    first = Measured("call", "entry", [2.0, 8.0], "plain", [1.0, 2.0], target=3.5)
    second = Measured("call", "entry", [9.0], "plain", [3.0], target=3.5)
    row = summed_up([first, second])
    assert row.ratio == Spread(3.0, 2.5, 3.5, 2.0, 4.0)
    assert (row.candidate_median, row.baseline_median, row.pairs, row.verdict) == (8.0, 2.0, 3, "met")


def test_a_median_above_the_target_is_a_miss_and_without_a_target_there_is_no_verdict() -> None:
    missed = Measured("call", "entry", [2.0], "plain", [1.0], target=1.02)
    assert summed_up([missed]).verdict == "missed"
    assert summed_up([dataclasses.replace(missed, target=None)]).verdict == "no target"


def test_contenders_take_turns_and_give_one_value_per_round() -> None:
    turns: list[str] = []

    def batch(label: str, seconds: float) -> float:
        turns.append(label)
        return seconds

    effort = dataclasses.replace(QUICK, rounds=3, batches=20, batch_seconds=0)
    values = interleaved({"a": lambda _loops: batch("a", 1.0), "b": lambda _loops: batch("b", 2.0)}, effort)
    assert values == {"a": (1.0, 1.0, 1.0), "b": (2.0, 2.0, 2.0)}
    assert turns.count("a") == turns.count("b") == 1 + 3 * 20
    assert turns != sorted(turns)


def test_a_document_survives_json() -> None:
    failed = dataclasses.replace(sample(), failures=[Failure("latency", "jurigged", "ImportError: jurigged")])
    assert from_json(failed.to_json()) == failed


def test_a_result_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="python -m benchmarks --json FILE"):
        from_json('{"format": 0}')


def test_the_readme_tables_are_the_same_when_generated_twice_and_touch_nothing_else() -> None:
    readme = f"# before\n\n{BEGIN}\nstale\n{END}\n\nafter\n"
    once = readme_with(readme, [sample()])
    assert readme_with(once, [sample()]) == once
    assert once.startswith(f"# before\n\n{BEGIN}\n")
    assert once.endswith(f"\n{END}\n\nafter\n")
    assert "stale" not in once


def test_the_readme_tables_show_misses_and_rows_without_a_baseline_one_line_each() -> None:
    lines = readme_with(f"{BEGIN}\n{END}", [sample("3.12.1"), sample("3.13.0")]).splitlines()
    [head] = [line for line in lines if "CPython 3.12.1" in line]
    assert "CPython 3.13.0" in head
    [missed] = [line for line in lines if "entry" in line]
    assert missed.count("1.03 (1.00–1.30), missed; 41.2 ns") == 2
    [alone] = [line for line in lines if "one update" in line]
    assert alone.count("1.00 ms") == 2


@pytest.mark.parametrize("readme", ["no markers", f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}"])
def test_a_readme_without_its_markers_is_refused(readme: str) -> None:
    with pytest.raises(ValueError, match="markers"):
        readme_with(readme, [sample()])


WORKER = """
import os, sys
from benchmarks.frame.task import carry_out

def work(way, number):
    print("at work")
    if way == "fails":
        raise LookupError("there is none")
    if way == "hangs":
        import fcntl, threading
        fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)
        os.fork()
        threading.Event().wait()
    if way == "exits":
        sys.exit(3)
    return [number + 1]

carry_out(work)
"""


@pytest.fixture
def worker(workshop: Workshop, tmp_path: Path) -> Worker:
    workshop.write("at_work.py", WORKER)
    environment = processes.closed_environment([workshop.path, ROOT])

    def start(way: str, seconds: float | None = None) -> processes.Ended:
        orders = {"way": way, "number": 1}
        return processes.run("at_work", orders, tmp_path, seconds=seconds, environment=environment)

    return start


@pytest.mark.needs_subprocess
def test_a_worker_gives_what_it_found_or_how_it_failed(worker: Worker) -> None:
    good = worker("works")
    assert (good.findings, good.status, good.how, good.was_killed) == ([2], 0, "ended with 0", False)
    assert good.last_words == "at work"


@pytest.mark.needs_subprocess
@pytest.mark.parametrize(
    ("way", "status", "last"), [("fails", 1, "LookupError: there is none"), ("exits", 3, "at work")]
)
def test_a_worker_that_fails_has_no_findings(worker: Worker, way: str, status: int, last: str) -> None:
    bad = worker(way)
    assert (bad.findings, bad.status, bad.how, bad.last_words) == (None, status, f"ended with {status}", last)
    assert str(processes.WorkerError(bad)) == last


@pytest.mark.needs_subprocess
@pytest.mark.needs_fork
@pytest.mark.needs_threads
def test_a_worker_that_hangs_is_killed_with_its_children(worker: Worker, tmp_path: Path) -> None:
    late = worker("hangs", 2.0)
    assert late.was_killed
    assert (late.findings, late.how) == (None, "killed after 2 s")
    assert str(processes.WorkerError(late)) == "killed after 2 s"
    fcntl = pytest.importorskip("fcntl")
    # The child has inherited the lock, which is free when nobody who has it lives.
    with (tmp_path / "orders.json").open() as orders:
        taking = threading.Thread(target=fcntl.flock, args=(orders, fcntl.LOCK_EX), daemon=True)
        taking.start()
        taking.join(LIMIT)
        assert not taking.is_alive()


@pytest.mark.needs_subprocess
def test_asking_a_worker_that_fails_raises_the_reason() -> None:
    orders = {"name": "method", "subject": "blockfreeze"}
    with pytest.raises(processes.WorkerError, match="missing 1 required positional argument: 'quick'"):
        processes.ask("benchmarks.costs.worker", orders)


def test_a_table_is_drawn_by_rich_and_as_markdown_from_one_description(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(["name", Column("n", is_number=True)], [["[red]a[/]", Verdict("10", is_good=False)], ["b", "2"]], "T")
    assert table.markdown().splitlines() == ["| name | n |", "|---|---|", "| [red]a[/] | 10 |", "| b | 2 |"]
    assert table.markdown(aligned=True).splitlines() == [
        "| name      | n  |",
        "|-----------|----|",
        "| [red]a[/] | 10 |",
        "| b         | 2  |",
    ]
    table.show()
    title, *lines = capsys.readouterr().out.splitlines()
    assert title == "T"
    assert [line.split() for line in lines if line.strip()][2:] == [["[red]a[/]", "10"], ["b", "2"]]


def test_amounts_are_full_quick_or_as_given() -> None:
    line = CommandLine("benchmarks.sample", "What?\n\nMore.")
    line.add_amount("--swaps", 1000, 10)
    line.add_amount("--threads", 8, 4)
    line.add_quick()
    assert line.description == "What?"
    for words, swaps, threads in (([], 1000, 8), (["--quick"], 10, 4), (["--quick", "--swaps", "7"], 7, 4)):
        options = line.parse(words)
        assert (options.swaps, options.threads) == (swaps, threads)


def test_only_chooses_by_name() -> None:
    assert [name for name in ("a", "b", "c") if chosen(name, "a, c,d")] == ["a", "c"]
    assert chosen("a", None)


def test_every_table_has_a_page_with_a_place_for_it() -> None:
    for name, page in PAGES.items():
        text = (ROOT / page).read_text(encoding="utf-8")
        assert "stale" in put_between(text, name, "stale"), name


@pytest.mark.needs_threads
def test_what_converts_instances_is_measured_and_written_into_the_readme(workshop: Workshop) -> None:
    workshop.write("accounts_of_few.py", conversion.first_version())
    rows = conversion.measure("accounts_of_few", count=20, rounds=1)
    assert [row.what for row in rows] == [
        "gc.collect()", "a swap that changes none", "a converter", "a second class", "a table migrated"
    ]  # fmt: skip
    assert all(row.seconds > row.convert > 0 for row in rows[1:])
    text = conversion.readme_with("a\n<!-- conversion:begin -->\nold\n<!-- conversion:end -->\nb\n", rows, 20)
    assert text.startswith("a\n<!-- conversion:begin -->\n| 20 instances")
    assert text.endswith("<!-- conversion:end -->\nb\n")
    assert "old" not in text
    with pytest.raises(ValueError, match="conversion:begin"):
        conversion.readme_with("no table\n", rows, 20)
