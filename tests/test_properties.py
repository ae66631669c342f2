"""Generated modules: frozen they answer as plain ones do, through any sequence of swaps, rollbacks and failures.

`HYPOTHESIS_PROFILE=thorough` runs many more and larger examples; the default is bounded to be part of every run.
"""

from __future__ import annotations

import ast
import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from generated import NAMES, modules
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pairs import Pair, own_functions, write_pair

import blockfreeze as bf

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "default")
_BOUNDS = {"default": (25, 10), "thorough": (2000, 50)}
EXAMPLES, STEPS = _BOUNDS.get(PROFILE, _BOUNDS["default"])
BOUNDED = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
# A failing sequence is shown as it was found: each step of shrinking one would freeze and swap whole modules again.
SEQUENCES = settings(BOUNDED, max_examples=max(EXAMPLES // 3, 1), phases=[Phase.explicit, Phase.generate])


class RefusedError(Exception):
    """What a check raises."""


def plain_answers(text: str) -> tuple[list[object], list[list[object]]]:
    """Run a text as an ordinary module; return the answers of `probe` and of each step of `steps`."""
    module = ModuleType("plain")
    exec(compile(text, "plain", "exec"), vars(module))
    return module.probe(), list(module.steps())


def broken(text: str, at: int, how: str) -> str:
    """Break a version after one of its top-level statements."""
    lines = text.splitlines(keepends=True)
    statements = ast.parse(text).body
    place = statements[at % len(statements)].end_lineno
    return "".join([*lines[:place], f"{how}\n", *lines[place:]])


BREAKS = {
    "raise LookupError('broken')": bf.PrepareError,
    "import a_module_that_does_not_exist": bf.PrepareError,
    "raise SystemExit(3)": bf.PrepareError,
    "def (": bf.PrepareError,
    "1 / 0": bf.PrepareError,
}


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp())
    yield path
    shutil.rmtree(path)


@BOUNDED
@given(text=modules(), late=st.booleans())
def test_a_frozen_module_answers_as_the_plain_one(text: str, late: bool, directory: Path) -> None:
    answers, stepped = plain_answers(text)
    pair = write_pair(directory, "generated", text, text)
    try:
        module = pair.freeze(late=late)
        assert module.probe() == answers
        assert list(module.steps()) == stepped
    finally:
        pair.forget()


@BOUNDED
@given(first=modules(), second=modules())
def test_the_versions_of_a_pair_never_mix(first: str, second: str, directory: Path) -> None:
    (answers_1, stepped_1), (answers_2, stepped_2) = plain_answers(first), plain_answers(second)
    pair = write_pair(directory, "generated", first, second)
    try:
        module = pair.freeze()
        probe, suspended = module.probe, module.steps()
        assert next(suspended) == stepped_1[0]
        pair.swap("v2")
        assert probe() == answers_2
        assert list(module.steps()) == stepped_2
        assert list(suspended) == stepped_1[1:]
        bf.drain(module, timeout=10)
        assert probe() == module.probe() == answers_2
        bf.rollback(module)
        assert probe() == answers_1
    finally:
        pair.forget()


class Block(RuleBasedStateMachine):
    """A block and its model: what each generation must answer, by its number, and the suspended generators."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.expected: dict[int, tuple[list[object], list[list[object]]]] = {}
        self.suspended: list[tuple[Iterator[list[object]], list[list[object]]]] = []

    @initialize(text=modules())
    def freeze(self, text: str) -> None:
        self.pair: Pair = write_pair(self.directory, "sequence", text, text)
        self.module = self.pair.freeze()
        self.probe, self.steps = self.module.probe, self.module.steps
        self.functions = own_functions(self.module)
        self.current = bf.status(self.module).current
        self.expected[self.current] = plain_answers(text)

    @rule(text=modules(), as_text=st.booleans())
    def swap(self, text: str, as_text: bool) -> None:
        self.pair.write("v2", text)
        report = bf.swap(self.module, source=text) if as_text else self.pair.swap("v2")
        assert report.from_generation == self.current
        self.current = report.to_generation
        assert self.current not in self.expected
        self.expected[self.current] = plain_answers(text)

    @rule(text=modules(), commit=st.booleans())
    def prepare(self, text: str, commit: bool) -> None:
        candidate = bf.prepare(self.module, source=text)
        answers = plain_answers(text)
        assert candidate.probe() == answers[0]
        assert self.module.probe() == self.expected[self.current][0]
        if commit:
            self.current = candidate.commit().to_generation
            self.expected[self.current] = answers
        else:
            candidate.discard()

    @rule(text=modules(), at=st.integers(0, 30), how=st.sampled_from(sorted(BREAKS)))
    def fail_to_swap(self, text: str, at: int, how: str) -> None:
        with pytest.raises(BREAKS[how]) as caught:
            bf.swap(self.module, source=broken(text, at, how))
        assert caught.value.__cause__ is not None

    @rule(text=modules())
    def refuse_to_swap(self, text: str) -> None:
        asked: list[object] = []

        def check(candidate: ModuleType) -> None:
            asked.append(candidate.probe())
            raise RefusedError

        with pytest.raises(bf.PrepareError) as caught:
            bf.swap(self.module, source=text, check=check)
        assert isinstance(caught.value.__cause__, RefusedError)
        assert caught.value.phase == "check"
        assert asked == [plain_answers(text)[0]]

    @rule()
    def roll_back(self) -> None:
        kept = [one.number for one in bf.status(self.module).generations if one.state == "previous"]
        if kept:
            report = bf.rollback(self.module)
            assert report.to_generation in kept
            self.current = report.to_generation
        else:
            with pytest.raises(bf.NoSuchGenerationError):
                bf.rollback(self.module)

    @rule()
    def suspend(self) -> None:
        iterator, steps = self.steps(), self.expected[self.current][1]
        assert next(iterator) == steps[0]
        self.suspended.append((iterator, steps[1:]))

    @precondition(lambda self: self.suspended)
    @rule(last=st.booleans())
    def resume(self, last: bool) -> None:
        iterator, steps = self.suspended.pop(-1 if last else 0)
        assert list(iterator) == steps

    @precondition(lambda self: not self.suspended)
    @rule()
    def drain(self) -> None:
        bf.drain(self.module, timeout=10)
        assert bf.status(self.module).lingering == ()

    @invariant()
    def answers_are_those_of_the_current_generation(self) -> None:
        if self.expected:
            assert self.probe() == self.expected[self.current][0]
            assert bf.status(self.module).current == self.current

    @invariant()
    def identities_hold(self) -> None:
        if self.expected:
            assert sys.modules[self.pair.name] is self.module
            assert importlib.import_module(self.pair.name) is self.module
            assert self.module.probe is self.probe
            now = own_functions(self.module)
            for name in NAMES:
                if name in now and name in self.functions:
                    assert now[name] is self.functions[name], name

    def teardown(self) -> None:
        if self.expected:
            self.pair.forget()
        shutil.rmtree(self.directory)


Block.TestCase.settings = SEQUENCES
TestSequences = Block.TestCase
