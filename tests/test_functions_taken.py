"""Functions whose code others take: to compile it, or to send it to another process."""

from __future__ import annotations

import pickle
import sys
from types import ModuleType
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

COMPILER = """
class Compiled:
    def __init__(self, function):
        self.function, self.seen = function, {}
    def __call__(self, *given):
        kinds = tuple(map(type, given))
        if kinds not in self.seen:
            assert not any("blockfreeze" in type(one).__module__ for one in self.function.__code__.co_consts)
            self.seen[kinds] = self.function
        return self.seen[kinds](*given)

def njit(function):
    return Compiled(function)
"""

SHOP = """
from numba import njit

STEP = 1

@njit
def step():
    return STEP

@njit
def add(x):
    return x + step()

def plain(x):
    return x + STEP

called = njit(plain)

class Math:
    @staticmethod
    @njit
    def twice(x):
        return 2 * x + STEP

def use(x):
    return add(x), called(x), Math.twice(x)
"""


def test_what_compiles_itself_is_given_the_functions_own_code(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.write("numba.py", COMPILER)
    monkeypatch.setitem(sys.modules, "numba", workshop.load("numba"))
    shop = workshop.freeze("shop", SHOP)
    held = shop.add
    assert shop.use(1) == (2, 2, 3)
    for step in (2, 3):
        bf.swap(shop, source=SHOP.replace("STEP = 1", f"STEP = {step}"))
        assert shop.use(1) == (1 + step, 1 + step, 2 + step)
        assert (shop.add(1.5), shop.called(1.5), shop.Math.twice(1.5)) == (1.5 + step, 1.5 + step, 3.0 + step)
        assert (held(1), held(step * 1j)) == (2, step * 1j + 1)
    bf.rollback(shop)
    assert (shop.use(1), shop.add(1 + 1j)) == ((3, 3, 4), 3 + 1j)


TASKS = """
LIMIT = 5

def helper():
    return "v1", LIMIT

def task():
    return helper()

def deep(more=2):
    return TABLE["task"](), [one() for one in (helper, task)][:more]

TABLE = {"task": task, "deep": deep}

class Job:
    def run(self):
        return helper()

    def again(self):
        return self.run()
"""


@pytest.fixture
def tasks(workshop: Workshop) -> ModuleType:
    """A block whose functions are sent elsewhere by value."""
    pytest.importorskip("cloudpickle")
    return workshop.freeze("tasks", TASKS)


def sent(value: Any, tasks: ModuleType) -> Any:
    """Return what has come out of a pickle by value, where nothing knows the block."""
    cloudpickle = pytest.importorskip("cloudpickle")

    cloudpickle.register_pickle_by_value(tasks)
    try:
        data = cloudpickle.dumps(value)
    finally:
        cloudpickle.unregister_pickle_by_value(tasks)
    assert b"blockfreeze.model" not in data
    assert b"blockfreeze.dispatch" not in data
    return pickle.loads(data)


def test_a_function_that_is_sent_by_value_is_the_one_that_serves(tasks: ModuleType) -> None:
    job = tasks.Job()
    held = [tasks.task, job.run, tasks.deep]
    for version in ("v2", "v3"):
        bf.swap(tasks, source=TASKS.replace("v1", version))
        for task in (tasks.task, held[0], tasks.Job().run, held[1], job.again):
            assert sent(task, tasks)() == (version, 5)
        for deep in (tasks.deep, held[2]):
            assert sent(deep, tasks)() == ((version, 5), [(version, 5)] * 2)
    bf.rollback(tasks)
    assert sent(held[0], tasks)() == ("v2", 5)


def test_what_was_sent_by_value_is_nobody_elses(tasks: ModuleType) -> None:
    bf.swap(tasks, source=TASKS.replace("v1", "v2"))
    taken = sent(tasks.task, tasks)
    bf.swap(tasks, source=TASKS.replace("v1", "v3"))
    assert taken() == ("v2", 5)
    assert tasks.task() == ("v3", 5)


def test_a_held_method_is_sent_by_reference(tasks: ModuleType) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")

    held = tasks.Job().run
    bf.swap(tasks, source=TASKS.replace("v1", "v2"))
    assert pickle.loads(cloudpickle.dumps(held))() == ("v2", 5)
