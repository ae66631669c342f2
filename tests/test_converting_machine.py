"""State and instances through swaps, rollbacks, failures and calls in flight in any order, against a model.

Version n counts everything in units of n: a count c is the number c * n. Whoever mixes versions gets a count wrong, or
shows a unit that is not the method's. Everything runs in one thread, so that a run can be repeated.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pairs import forget_modules

import blockfreeze as bf

_names = itertools.count(1)

TEXT = """
import blockfreeze as bf
UNIT = {version}

def on(number): return number // {before} * {version}
def back(number): return number // {version} * {before}
def on_all(numbers): return {{key: on(value) for key, value in numbers.items()}}
def back_all(numbers): return {{key: back(value) for key, value in numbers.items()}}

total = bf.defvar("total", int, version={version}, migrate=on, inverse=back)
book = bf.defvar("book", dict, version={version}, migrate=on_all, inverse=back_all)

class Plain: pass
class Other: pass

class Till({base}):
    def __init__(self, name):
        self.name, self.unit, self.amount = name, UNIT, 0
    def sell(self):
        self.amount += UNIT
        return self.show()
    def show(self):
        return UNIT, self.unit, self.count
    @property
    def count(self):
        return self.amount / UNIT

def to_unit(till, unit):
    till.amount = till.amount // till.unit * unit
    till.unit = unit
    {fails}

@bf.converts(Till, version={version}, inverse=lambda till, *_: to_unit(till, {before}))
def convert(till, added, discarded, old):
    assert dict(old) == {{"name": till.name, "unit": till.unit, "amount": till.amount}}
    to_unit(till, UNIT)

def make(name): return Till(name)

def tick():
    global total
    total += UNIT
    book["ticks"] = book.get("ticks", 0) + UNIT
    return UNIT, total, book["ticks"]

def visit(till):
    while True:
        yield till.sell(), tick()
"""


def text(version: int, before: int, *, other: bool = False, fails: str = "pass") -> str:
    return TEXT.format(version=version, before=before, base="Other" if other else "Plain", fails=fails)


class Counted:
    """A till and what the model knows of it."""

    def __init__(self, till: Any) -> None:
        self.till = till
        self.show = till.show  # a bound method, held for ever
        self.count = 0


class Visit:
    """A call in flight: in which generation it began, and at which till."""

    def __init__(self, generation: int, call: Any, counted: Counted) -> None:
        self.generation = generation
        self.call = call
        self.counted = counted


class Converting(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.name = f"converting_{next(_names)}"
        self.directory = TemporaryDirectory()
        Path(self.directory.name, f"{self.name}.py").write_text(text(1, 1))
        sys.path.insert(0, self.directory.name)
        self.module: Any = bf.freeze_block(self.name)
        self.ticks = {1: 0}  # by generation, which are numbered as their versions are
        self.newest = self.serves = 1
        self.before: list[int] = []
        self.tills: list[Counted] = []
        self.visits: list[Visit] = []

    def teardown(self) -> None:
        for visit in self.visits:
            visit.call.close()
        sys.path.remove(self.directory.name)
        forget_modules(self.name)
        self.directory.cleanup()

    def change(self, to: int) -> None:
        self.ticks[to] = self.ticks[self.serves]
        self.serves = to

    @rule(other=st.booleans(), gate=st.booleans())
    def swap(self, other: bool, gate: bool) -> None:
        source = text(self.newest + 1, self.serves, other=other)
        if gate and self.visits:
            with pytest.raises(bf.DrainTimeoutError):
                bf.swap(self.module, source=source, quiesce=0)
        else:
            bf.swap(self.module, source=source, quiesce=0 if gate else None)
            self.before.append(self.serves)
            self.change(self.newest + 1)
        # A number is given to every generation that was built.
        self.newest += 1

    @precondition(lambda self: not self.visits)
    @rule(other=st.booleans(), phase=st.sampled_from(["convert", "check"]))
    def fail(self, other: bool, phase: str) -> None:
        fails = "assert till.name % 2" if phase == "convert" else "pass"
        source = text(self.newest + 1, self.serves, other=other, fails=fails)
        if phase == "convert" and not any(one.till.name % 2 == 0 for one in self.tills):
            return
        with pytest.raises(bf.PrepareError):
            bf.swap(self.module, source=source, quiesce=0, check=lambda candidate: phase == "convert")
        self.newest += 1

    @precondition(lambda self: self.before)
    @rule(gate=st.booleans())
    def rollback(self, gate: bool) -> None:
        with contextlib.suppress(bf.NoSuchGenerationError):
            if gate and self.visits:
                with pytest.raises(bf.DrainTimeoutError):
                    bf.rollback(self.module, quiesce=0)
                return
            bf.rollback(self.module, quiesce=0 if gate else None)
            self.change(self.before.pop())

    @rule()
    def make(self) -> None:
        self.tills.append(Counted(self.module.make(len(self.tills))))

    @precondition(lambda self: self.tills)
    @rule(data=st.data())
    def sell(self, data: st.DataObject) -> None:
        counted = data.draw(st.sampled_from(self.tills))
        counted.count += 1
        self.check(counted, counted.till.sell())

    @rule()
    def tick(self) -> None:
        self.ticks[self.serves] += 1
        self.check_ticks(self.serves, self.module.tick())

    @precondition(lambda self: self.tills)
    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        counted = data.draw(st.sampled_from(self.tills))
        self.visits.append(Visit(self.serves, self.module.visit(counted.till), counted))
        self.go_on_with(self.visits[-1])

    @precondition(lambda self: self.visits)
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        self.go_on_with(data.draw(st.sampled_from(self.visits)))

    @precondition(lambda self: self.visits)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        visit = data.draw(st.sampled_from(self.visits))
        self.visits.remove(visit)
        visit.call.close()

    @rule()
    def drain(self) -> None:
        if any(visit.generation != self.serves for visit in self.visits):
            with pytest.raises(bf.DrainTimeoutError):
                bf.drain(self.module, timeout=0)
            return
        bf.drain(self.module, timeout=0)
        if not self.visits:
            assert {one.till.unit for one in self.tills} <= {self.serves}
            assert {type(one.till) for one in self.tills} <= {self.module.Till}

    def go_on_with(self, visit: Visit) -> None:
        visit.counted.count += 1
        self.ticks[visit.generation] += 1
        shown, ticks = next(visit.call)
        self.check(visit.counted, shown)
        self.check_ticks(visit.generation, ticks)

    def check(self, counted: Counted, shown: tuple[int, int, float]) -> None:
        unit, own, count = shown
        assert (own, count) == (unit, counted.count)

    def check_ticks(self, generation: int, ticks: tuple[int, int, int]) -> None:
        assert ticks == (generation, *[self.ticks[generation] * generation] * 2)

    @invariant()
    def every_till_is_whole_whoever_asks_it(self) -> None:
        for counted in self.tills:
            self.check(counted, counted.till.show())
            self.check(counted, counted.show())
            assert isinstance(counted.till, self.module.Till) or self.visits
        if self.ticks[self.serves]:
            assert (self.module.total, self.module.book) == (
                self.ticks[self.serves] * self.serves,
                {"ticks": self.ticks[self.serves] * self.serves},
            )


TestConverting = Converting.TestCase
TestConverting.settings = settings(max_examples=25, stateful_step_count=30)
