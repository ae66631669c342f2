"""The benchmark of real releases, tried on releases of a package that the tests write: no network, no pip."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rich", reason="the benchmarks need the extra `bench`")

from benchmarks.fidelity.targets import package_targets
from benchmarks.release_pairs.changes import changed_definitions
from benchmarks.release_pairs.findings import Findings
from benchmarks.release_pairs.load import Load
from benchmarks.release_pairs.pairs import LISTS, Pair, read_pairs, select
from benchmarks.release_pairs.provision import Provision, unpack
from benchmarks.release_pairs.reach import FOREIGN, Live, Taken, alias_of, make_foreign
from benchmarks.release_pairs.recipes import Recipe, read_recipes
from benchmarks.release_pairs.runner import Outcome, run_pair
from benchmarks.release_pairs.suite import copy_suite
from benchmarks.release_pairs.table import row, totals, troubles
from benchmarks.release_pairs.witness import watch
from benchmarks.release_pairs.work import workload_of
from benchmarks.release_pairs.workloads import Workload, guessed, raised

PAIR = Pair("pairshop", "pairshop", "1.0", "2.0")

OLD = {
    "__init__.py": "from pairshop.till import Till, total\n\ndef greet(name):\n    return f'hello {name}'\n",
    "till.py": """
def total(prices):
    return sum(prices)

class Till:
    def __init__(self, prices):
        self.prices = prices
    def say(self):
        return total(self.prices)
""",
}
NEW = {
    "__init__.py": OLD["__init__.py"],
    "till.py": OLD["till.py"].replace("sum(prices)", "sum(prices) * 2"),
}
SUITE = """
import pairshop

def test_total_is_doubled():
    assert pairshop.total([1, 2]) == 6

def test_a_till_says_the_total():
    assert pairshop.Till([4]).say() == 8

def test_of_what_nobody_has():
    raise LookupError("there is none")
"""


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def provision(tmp_path: Path) -> Provision:
    """Two releases, the sdist of the newer one, and what a trial needs, as `provide` would lay them out."""
    old = write(tmp_path / "old", {f"pairshop/{name}": text for name, text in OLD.items()})
    new = write(tmp_path / "new", {f"pairshop/{name}": text for name, text in NEW.items()})
    sdist = write(tmp_path / "sdist", {f"pairshop/{name}": text for name, text in NEW.items()})
    write(sdist, {"tests/test_till.py": SUITE, "setup.cfg": "", "src/stray.py": "", "pairshop.egg-info/x": ""})
    return Provision(old, new, Path(pytest.__file__).parents[1], sdist)


@pytest.fixture
def pairshop(provision: Provision, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(provision.old)
    yield importlib.import_module("pairshop")
    for name in [name for name in sys.modules if f"{name}.".startswith(("pairshop.", f"{FOREIGN}."))]:
        del sys.modules[name]


def test_the_lists_name_each_pair_once_and_every_package_has_a_workload() -> None:
    pairs = [pair for path in LISTS for pair in read_pairs(path)]
    assert len({pair.name for pair in pairs}) == len(pairs)
    assert {pair.package for pair in read_pairs(LISTS[0])}.isdisjoint(pair.package for pair in read_pairs(LISTS[1]))
    recipes = read_recipes()
    assert recipes.keys() <= {pair.package for pair in pairs} | {target.name for target in package_targets()}
    assert all(recipe.why for recipe in recipes.values() if recipe.patchable)
    guesses = guessed.__code__
    for pair in pairs:
        assert workload_of(pair.package, "json").steps.__code__.co_filename != guesses.co_filename, pair.package


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "a list of pairs is needed"),
        ('[{"package": "a"}]', "not a pair"),
        ('[{"package": "a", "module": "a", "old": "1", "new": "2", "more": 1}]', "not a pair"),
        (json.dumps([dataclasses.asdict(PAIR)] * 2), "listed twice"),
    ],
)
def test_a_wrong_list_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pairs.json").write_text(text)
    with pytest.raises(ValueError, match=said):
        read_pairs(tmp_path / "pairs.json")


def test_pairs_are_selected_by_package_or_by_name() -> None:
    other = Pair("other", "other", "1", "2")
    assert select([PAIR, other], None) == [PAIR, other]
    assert select([PAIR, other], "pairshop-1.0-2.0, none") == [PAIR]
    assert select([PAIR, other], "other") == [other]


def test_an_sdist_is_unpacked_without_its_top_folder(tmp_path: Path) -> None:
    write(tmp_path / "made", {"shop-2.0/tests/test_it.py": "1", "shop-2.0/setup.py": "2"})
    with tarfile.open(tmp_path / "shop-2.0.tar.gz", "w:gz") as tarred:
        tarred.add(tmp_path / "made" / "shop-2.0", "shop-2.0")
    with zipfile.ZipFile(tmp_path / "shop-2.0.zip", "w") as zipped:
        zipped.write(tmp_path / "made" / "shop-2.0" / "setup.py", "shop-2.0/setup.py")
    for kind, found in ((".tar.gz", {"tests", "setup.py"}), (".zip", {"setup.py"})):
        into = tmp_path / kind
        into.mkdir()
        unpack(tmp_path / f"shop-2.0{kind}", into)
        assert {path.name for path in into.iterdir()} == found


def test_the_copied_suite_lacks_the_package(provision: Provision, tmp_path: Path) -> None:
    assert copy_suite(provision.sdist, "pairshop", (), tmp_path / "tree") == ["tests"]
    assert {path.name for path in (tmp_path / "tree").iterdir()} == {"tests", "setup.cfg"}


def test_a_suite_inside_the_package_is_copied_beside_it(provision: Provision, tmp_path: Path) -> None:
    write(provision.sdist / "pairshop", {"tests/test_inside.py": ""})
    assert copy_suite(provision.sdist, "pairshop", ("pairshop/tests",), tmp_path / "tree") == ["suite_tests"]
    assert (tmp_path / "tree" / "suite_tests" / "test_inside.py").exists()


def test_changes_are_told_by_definition_and_not_by_position(provision: Provision) -> None:
    write(provision.new, {"pairshop/__init__.py": f"\n\n# moved\n{OLD['__init__.py']}"})
    assert changed_definitions("pairshop", provision.old, provision.new) == {"pairshop/till.py:total"}


def test_the_foreign_module_takes_what_the_package_defines(pairshop: Any) -> None:
    places = make_foreign("pairshop", ("till",))
    assert places == {
        "Till": ("pairshop", "Till"),
        "total": ("pairshop", "total"),
        "greet": ("pairshop", "greet"),
        alias_of("till", "Till"): ("pairshop.till", "Till"),
        alias_of("till", "total"): ("pairshop.till", "total"),
    }
    taken, live = Taken("pairshop"), Live("pairshop")
    before, pairshop.total, pairshop.till.total = pairshop.total, max, max
    assert (taken.total, taken["till:total"]) == (before, before)
    assert (live.total, live["till:total"]) == (max, max)
    pairshop.late = 5
    assert taken.late == 5


def test_a_guessed_workload_calls_functions_of_one_argument(pairshop: Any) -> None:
    workload = guessed("pairshop")
    results = workload.results(Live("pairshop"), {})
    assert repr("hello a b") in results
    assert repr(6) in results


def test_only_the_named_exception_is_caught() -> None:
    assert raised(ValueError, int, "x") == "ValueError"
    assert raised(ValueError, int, "7") == "returned 7"
    with pytest.raises(TypeError):
        raised(ValueError, int, [])


def _returned(kept: Any, api: Any) -> Any:
    return kept


@pytest.mark.needs_threads
def test_the_load_counts_exceptions_and_results_of_neither_release(pairshop: Any) -> None:
    def steps(api: Any, kept: Any) -> Iterator[object]:
        if kept:
            raise LookupError("lost")
        yield api.greet("you")

    for keeps, expected, exceptions, neither in (
        ({}, {repr("hello you")}, {}, {}),
        ({}, {"'no'"}, {}, {"step 0: 'hello you'"}),
        ({"any": 1}, {"'no'"}, {"LookupError: lost"}, {}),
    ):
        load = Load(Workload(partial(_returned, keeps), steps), (Live("pairshop"), Live("pairshop")), [expected])
        load.start()
        load.await_rounds(2)
        load.stop()
        assert min(load.rounds) >= 2
        assert load.exceptions.keys() == set(exceptions)
        assert load.neither.keys() == set(neither)
        assert all("steps" in text for text in load.tracebacks.values())


def test_the_witness_tells_whose_code_runs(pairshop: Any, provision: Provision) -> None:
    ran = watch(lambda: pairshop.Till([1]).say(), provision.old, provision.new)
    assert ran.old == {"pairshop/till.py:Till.__init__", "pairshop/till.py:Till.say", "pairshop/till.py:total"}
    assert not ran.new
    ran = watch(lambda: pairshop.total([1]), provision.new, provision.old)
    assert ran.new == {"pairshop/till.py:total"}
    assert not ran.old


def test_verdicts_follow_from_the_findings() -> None:
    cold = Findings(tests={"a": "passed", "b": "xfailed", "c": "failed"})
    good = Findings(applied=True, back=True, tests={"a": "passed", "b": "xfailed"}, new_code_run=3)
    assert good.lost(cold) == []
    assert good.survives(cold)
    assert good.importers_run_new_code
    assert good.instances_stay
    assert dataclasses.replace(good, tests={"a": "skipped", "b": "xfailed"}).lost(cold) == ["a"]
    for spoiled in (
        {"applied": False},
        {"back": False},
        {"tests": {"a": "passed"}},
        {"thread_exceptions": {"KeyError: 1": 1}},
        {"neither": {"step 0": 1}},
        {"errors": {"inspect": "x"}},
        {"ended": "killed"},
    ):
        assert not dataclasses.replace(good, **spoiled).survives(cold), spoiled
    assert dataclasses.replace(good, stale={"m.missing": "object"}).importers_run_new_code
    assert not dataclasses.replace(good, stale={"m.f": "callable"}).importers_run_new_code
    assert not dataclasses.replace(good, old_code_run=["m.py:f"]).importers_run_new_code
    assert not dataclasses.replace(good, instances={"one": True, "other": False}).instances_stay


def test_the_table_shows_what_was_lost_and_why() -> None:
    cold = Findings(tests={"a": "passed", "b": "passed"})
    found = Findings(applied=True, tests={"a": "passed", "b": "failed"}, causes={"b": "TypeError: no"}, new_code_run=1)
    outcome = Outcome(PAIR, cold, {"reload": found})
    assert row(outcome, "reload", found)[6] == "1 / 2"
    assert troubles(outcome) == ["pairshop-1.0-2.0 reload: lost b: TypeError: no"]
    assert totals([outcome], "reload").startswith("reload: 0 of 1 survive; importers run new code in 1")
    assert troubles(Outcome(PAIR, None, {}, "pip: no")) == ["pairshop-1.0-2.0: pip: no"]


@pytest.mark.needs_subprocess
@pytest.mark.needs_threads
def test_a_pair_goes_through_every_stage_with_each_tool(provision: Provision) -> None:
    outcome = run_pair(PAIR, Recipe(members=("till",)), provision, ("blockfreeze", "reload"), 120.0)
    assert outcome.refused == ""
    assert outcome.cold is not None
    assert outcome.cold.tests == {
        "tests/test_till.py::test_total_is_doubled": "passed",
        "tests/test_till.py::test_a_till_says_the_total": "passed",
        "tests/test_till.py::test_of_what_nobody_has": "failed",
    }
    assert outcome.cold.causes == {"tests/test_till.py::test_of_what_nobody_has": "LookupError: there is none"}
    frozen, reloaded = outcome.tools["blockfreeze"], outcome.tools["reload"]
    assert frozen.survives(outcome.cold), frozen
    assert frozen.importers_run_new_code
    assert frozen.changed_run == frozen.changed == ["pairshop/till.py:total"]
    assert reloaded.applied
    assert not reloaded.importers_run_new_code
    assert {"pairshop.Till": "class", "pairshop.total": "callable"}.items() <= reloaded.stale.items()
    written = json.loads(json.dumps(outcome.to_json()))
    assert written["tools"]["blockfreeze"]["survives"]


@pytest.mark.needs_subprocess
def test_a_process_that_does_not_end_is_killed_and_named(provision: Provision) -> None:
    write(provision.sdist, {"tests/test_till.py": "import threading\n\ndef test():\n    threading.Event().wait()\n"})
    outcome = run_pair(PAIR, Recipe(), provision, ("reload",), 6.0)
    assert "killed after 6 s" in outcome.refused
    assert not outcome.tools
