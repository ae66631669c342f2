"""The benchmark of fidelity, tried on a tiny target with a tiny suite that the test writes: no network, no pip."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

pytest.importorskip("rich", reason="the benchmarks need the extra `bench`")

from benchmarks.fidelity import runner
from benchmarks.fidelity.covered import CORES, Compared, compare
from benchmarks.fidelity.engagement import Engagement
from benchmarks.fidelity.findings import Findings
from benchmarks.fidelity.runner import MODES, Outcome, compare_coverage, run_target
from benchmarks.fidelity.table import row, totals, troubles
from benchmarks.fidelity.targets import Target, package_targets, select, stdlib_targets

TARGET = Target("tillmodule", "tillmodule", ("test_tillmodule",))

MODULE = """
def total(prices):
    return add(prices) * 2

def add(prices):
    return sum(prices)

def as_value(prices):
    return list(map(add, prices))
"""

SUITE = """
import sys, unittest
from unittest import mock
import tillmodule

class Tests(unittest.TestCase):
    def test_total(self):
        self.assertEqual(tillmodule.total([1, 2]), 6)

    def test_value(self):
        self.assertEqual(tillmodule.as_value([[1], [2]]), [1, 2])

    def test_patched(self):
        with mock.patch.object(tillmodule, "add", lambda prices: 5):
            self.assertEqual(tillmodule.total([1]), 10)

    def test_fails_plain_too(self):
        self.fail("always")

    def test_of_free_variables(self):
        "Fails frozen, as it must: cells are how a block is linked."
        self.assertEqual(tillmodule.total.__code__.co_freevars, ())
"""


NEVER_ENDS = """
    def test_z(self):
        __import__("threading").Event().wait()
"""


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tillmodule.py").write_text(MODULE)
    (tmp_path / "test_tillmodule.py").write_text(SUITE)
    # The worker's path is the project's root and what the run adds; here, the folder of the target as well.
    monkeypatch.setattr(runner, "MORE_PATH", [tmp_path])
    return tmp_path


@pytest.mark.needs_subprocess
def test_a_difference_is_seen_in_every_mode_and_what_fails_plain_is_none(target: Path) -> None:
    outcome = run_target(TARGET, MODES, target / "cache", 60.0)
    assert outcome.plain is not None
    assert outcome.refused == ""
    assert len(outcome.plain.passing) == 4
    for mode, found in outcome.judged.items():
        assert found.error == found.ended == "", mode
        # A function that was plain when its module was frozen has no closure, and never gets one. One in which all
        # calls are inlined needs none, and nothing can be patched then.
        lost = {"late": set(), "inlined": {"test_patched"}}.get(mode, {"test_of_free_variables"})
        assert found.lost(outcome.plain).keys() == {f"test_tillmodule.Tests.{name}" for name in lost}, mode
    assert "AssertionError: Tuples differ" in next(iter(outcome.modes["frozen"].lost(outcome.plain).values()))
    assert outcome.modes["swapping"].swaps >= 1
    assert not outcome.modes["swapping"].swap_errors
    if sys.version_info >= (3, 12):
        watched = outcome.modes["engagement"]
        assert (watched.readers, watched.linked) == (2, 1)
        assert watched.unlinked == ["tillmodule.py:8 as_value"]


@pytest.mark.needs_subprocess
def test_a_freeze_that_fails_is_a_difference(target: Path) -> None:
    refuses = "assert 'blockfreeze' not in type(__spec__.loader).__module__\n"
    (target / "tillmodule.py").write_text(MODULE + refuses)
    outcome = run_target(TARGET, ("frozen",), target / "cache", 60.0)
    assert outcome.plain is not None
    frozen = outcome.modes["frozen"]
    assert not frozen.is_same(outcome.plain)
    assert "FreezeError" in frozen.error
    assert any("FreezeError" in line for line in troubles(outcome))
    assert totals([outcome], "frozen").startswith("frozen: 0 of 1 targets, 0 of 4 tests")


@pytest.mark.needs_subprocess
def test_a_suite_that_does_not_end_is_killed_and_named(target: Path) -> None:
    (target / "test_tillmodule.py").write_text(SUITE + NEVER_ENDS)
    outcome = run_target(TARGET, ("frozen",), target / "cache", 5.0)
    assert outcome.refused.startswith("plain: killed after 5 s")
    assert outcome.plain is not None
    assert "test_tillmodule.Tests.test_total" in outcome.plain.passing
    assert not outcome.modes


INTERRUPTED = """
    def test_interrupted(self):
        import signal
        with self.assertRaises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
"""


@pytest.mark.needs_subprocess
def test_a_suite_may_interrupt_itself_though_the_runner_ignores_that(target: Path) -> None:
    (target / "test_tillmodule.py").write_text(SUITE + INTERRUPTED)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what it starts in the background
    try:
        outcome = run_target(TARGET, (), target / "cache", 60.0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert outcome.plain is not None
    assert "test_tillmodule.Tests.test_interrupted" in outcome.plain.passing


@pytest.mark.needs_subprocess
def test_coverage_counts_the_lines_and_steps_of_both_runs(target: Path) -> None:
    pytest.importorskip("coverage", reason="the benchmarks need the extra `bench`")
    compared = compare_coverage(TARGET, target / "cache", 60.0)
    assert [one.core for one in compared] == list(CORES)
    for one in compared:
        assert one.differences == ()
        # Three lines of the body, and three in functions.
        assert (one.files, one.lines) == (1, 6)
        assert one.steps or one.core == "sysmon"
    # The same module, but one that does more if it is frozen.
    tells = "import sys\nif 'blockfreeze' in type(__spec__.loader).__module__:\n    frozen = True\n"
    (target / "tillmodule.py").write_text(tells + MODULE)
    for one in compare_coverage(TARGET, target / "cache", 60.0):
        assert "tillmodule.py:3 frozen only" in one.differences
        assert "DIFFER" in one.text


def test_what_only_one_run_executes_is_a_difference() -> None:
    plain, frozen = {"a.py": [[1], [2], [1, 2]]}, {"a.py": [[1], [1, 2]], "b.py": [[7]]}
    assert compare("m", "ctrace", plain, plain) == Compared("m", "ctrace", 1, 2, 1, ())
    assert compare("m", "ctrace", plain, frozen).differences == ("a.py:2 plain only", "b.py:7 frozen only")


def test_verdicts_follow_from_the_findings() -> None:
    plain = Findings(tests={"a": "passed", "b": "xfailed", "c": "failed"}, seconds=2.0)
    same = Findings(tests={"a": "passed", "b": "xfailed", "c": "passed"}, seconds=3.0)
    assert same.is_same(plain)
    assert row(plain, same) == ["2 / 2", "-", "-", "1.50"]
    lost = Findings(tests={"a": "failed"}, causes={"a": "TypeError: no"})
    assert lost.lost(plain) == {"a": "TypeError: no", "b": "it did not run"}
    for spoiled in (
        lost,
        Findings(tests=same.tests, error="x"),
        Findings(tests=same.tests, ended="x"),
        Findings(tests=same.tests, swap_errors={"x": 1}),
    ):
        assert not spoiled.is_same(plain)
    outcome = Outcome(Target("m", "m"), plain, {"frozen": lost, "engagement": Findings(readers=4, linked=3)})
    assert troubles(outcome) == ["m frozen: a: TypeError: no", "m frozen: b: it did not run"]
    assert totals([outcome], "engagement") == "engagement: 3 of 4 functions (75.0 %)"


@pytest.mark.needs_library_tests
def test_targets_are_those_that_this_version_has_tests_for() -> None:
    names = {target.name: target for target in stdlib_targets()}
    assert names["textwrap"].tests == ("test.test_textwrap",)
    assert "ensurepip" not in names
    assert [target.name for target in select(package_targets(), "idna,toolz")] == ["idna", "toolz"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in 3.12")
def test_engagement_counts_executed_functions_that_read_a_definition(tmp_path: Path) -> None:
    file = tmp_path / "plainly.py"
    file.write_text("def f(): return g()\ndef g(): return 1\ndef never(): return g()\n")
    namespace: dict[str, object] = {}
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    watched = Engagement((str(file),))
    watched.start()
    try:
        namespace["f"]()  # type: ignore[operator]
    finally:
        watched.stop()
    assert watched.judge() == (1, ["plainly.py:1 f"])
