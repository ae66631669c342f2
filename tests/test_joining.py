"""Modules that a call is the first to import, after its version was left: it gets its own, and what it makes lasts."""

from __future__ import annotations

import inspect
from textwrap import dedent
from typing import Any

import pytest
from conftest import Workshop
from threads import ThreadedCall, elsewhere

import blockfreeze as bf

PACKAGE = """
    V = 1
    def go_on():
        given = None
        while True:
            given = (yield given(load()) if given else None)
    def load():
        from lazy import late
        return late
"""

LATE = """
    import functools
    V = 1
    MISSING = object()
    table = {}
    class Error(Exception): pass
    class Base:
        def hello(self): return "base", V
    class Thing(Base):
        limit = V
        def hello(self): return "thing", V, self.limit, super().hello()
        def fail(self): raise Error(V)
    @functools.cache
    def cached(): return V
    def registered(function):
        table[function.__name__] = function
        return function
    @registered
    def make(more=V): return Thing(), V, more
    def hand_out(): return make, Thing().hello, Thing, table["make"], Error, MISSING
    def use(given): return given()
"""


def version(number: int, text: str) -> str:
    return dedent(text).replace("V = 1", f"V = {number}")


def versions(number: int) -> dict[str, str]:
    return {"lazy": version(number, PACKAGE), "lazy.late": version(number, LATE)}


@pytest.fixture
def lazy(workshop: Workshop) -> Any:
    workshop.write("lazy/__init__.py", PACKAGE)
    workshop.write("lazy/late.py", LATE)
    return bf.freeze_block("lazy", history=4)


def begun(module: Any) -> Any:
    running = module.go_on()
    next(running)
    return running


def answers(late: Any) -> list[Any]:
    """Ask everything that a module can be asked, by names, by values and through instances."""
    make, hello, thing, entry, error, _ = late.hand_out()
    try:
        thing().fail()
    except error as caught:
        raised = caught.args
    return [late.make()[1:], make()[1:], entry()[1:], hello(), make()[0].hello(), late.use(make)[1:], raised, late.V]


def expected(number: int) -> list[Any]:
    hello = ("thing", number, number, ("base", number))
    return [*[(number, number)] * 3, hello, hello, (number, number), (number,), number]


@pytest.mark.parametrize("current_imports_it", ["before", "after", "never"])
def test_what_a_call_of_an_older_version_is_the_first_to_import_is_one_with_what_others_import(
    lazy: Any, current_imports_it: str
) -> None:
    running = begun(lazy)
    bf.swap(lazy, source=versions(2))
    if current_imports_it == "before":
        assert answers(lazy.load()) == expected(2)
    assert running.send(answers) == expected(1)
    if current_imports_it == "after":
        assert answers(lazy.load()) == expected(2)
    handed = make, hello, thing, entry, _, _ = running.send(lambda late: late.hand_out())
    instance = running.send(lambda late: late.make()[0])
    # Who holds any of it begins new calls, which are the new version's; a bound method is its maker's till that drains.
    assert [make()[1:], entry()[1:], instance.hello()[1], thing().hello()[1]] == [(2, 2), (2, 2), 2, 2]
    assert make is entry
    assert running.send(answers) == expected(1)
    running.close()
    bf.drain(lazy, timeout=30)
    for number in (2, 3):
        if number == 3:
            bf.swap(lazy, source=versions(3))
        assert [make()[1:], hello()[1], instance.hello()[1]] == [(number, number), number, number]
        assert answers(lazy.load()) == expected(number)
        again = lazy.load().hand_out()
        assert [one is other for one, other in zip(handed, again, strict=True)] == [True, False, True, True, True, True]
    bf.drain(lazy, timeout=30)
    bf.rollback(lazy, to=1)
    assert (answers(lazy.load()), make()[1:], instance.hello()[1]) == (expected(1), (1, 1), 1)


def test_a_module_may_join_while_a_version_is_prepared_that_comes_to_nothing(lazy: Any) -> None:
    running = begun(lazy)
    bf.swap(lazy, source=versions(2))
    candidate = bf.prepare(lazy, source={"lazy": version(3, PACKAGE) + "def added(): return 3\n"})
    make, *_ = running.send(lambda late: late.hand_out())
    assert running.send(answers) == expected(1)
    candidate.discard()
    assert make()[1:] == (2, 2)
    assert running.send(answers) == expected(1)
    assert answers(lazy.load()) == expected(2)
    # The entries that were dropped, and those that were not, have slots of their own.
    report = bf.swap(lazy, source={"lazy": version(4, PACKAGE) + "def other(): return 'other'\n"})
    assert "lazy.other" in report.added
    assert (lazy.other(), make()[1:], running.send(answers)) == ("other", (2, 2), expected(1))


def test_a_module_that_the_new_version_does_not_have_goes_on_for_the_old_call_alone(
    lazy: Any, workshop: Workshop
) -> None:
    running = begun(lazy)
    bf.swap(lazy, source=workshop.version("without", {"lazy/__init__.py": version(2, PACKAGE)}))
    assert running.send(answers) == expected(1)
    make, *_ = running.send(lambda late: late.hand_out())
    with pytest.raises(bf.EntryRemovedError, match="make"):
        make()
    assert running.send(lambda late: late.use(make)[1:]) == (1, 1)
    with pytest.raises(AttributeError, match="make"):
        lazy.load().make()
    running.close()
    bf.drain(lazy, timeout=30)
    with pytest.raises(bf.EntryRemovedError, match="make"):
        make()
    bf.rollback(lazy)
    assert (make()[1:], answers(lazy.load())) == ((1, 1), expected(1))


def test_a_module_whose_new_body_fails_is_the_old_calls_own_until_it_does_not(lazy: Any) -> None:
    running = begun(lazy)
    bf.swap(
        lazy,
        source=versions(2)
        | {"lazy.late": "import builtins\nif not hasattr(builtins, 'lazy_may'): 1 / 0\n" + version(2, LATE)},
    )
    assert running.send(answers) == expected(1)
    with pytest.raises(ZeroDivisionError):
        lazy.load()
    running.close()
    bf.drain(lazy, timeout=30)
    bf.swap(lazy, source=versions(3))
    assert answers(lazy.load()) == expected(3)


@pytest.mark.needs_threads
def test_a_thread_that_an_older_call_begins_with_a_function_of_such_a_module_is_a_new_call(lazy: Any) -> None:
    running = begun(lazy)
    for number in (2, 3):
        bf.swap(lazy, source=versions(number))
    assert running.send(lambda late: elsewhere(late.hand_out()[0])[1]) == 3


@pytest.mark.needs_threads
@pytest.mark.parametrize("body", ["old", "current"])
@pytest.mark.parametrize("what", ["swap", "failing swap", "prepare and discard", "rollback"])
def test_a_module_may_join_while_another_thread_swaps(workshop: Workshop, body: str, what: str) -> None:
    def act() -> None:
        if what == "swap":
            bf.swap(lazy, source=versions(3))
        elif what == "failing swap":
            with pytest.raises(bf.PrepareError):
                bf.swap(lazy, source=versions(3) | {"lazy": "raise ValueError"})
        elif what == "prepare and discard":
            with bf.prepare(lazy, source={"lazy": version(3, PACKAGE) + "def added(): return 3\n"}):
                pass
        else:
            bf.rollback(lazy)

    acting: list[ThreadedCall[None]] = []

    def begin() -> None:
        acting.append(ThreadedCall(act))
        if body == "old":  # the body of the current version is run under a lock that a commit waits for
            acting[0].join()

    numbers = {"old": 1, "current": 2}
    hook = f"import lazy_steps\nlazy_steps.at({numbers[body]} == V)\n"
    workshop.write("lazy_steps.py", "def at(now):\n    if now and hook: hook.pop()()\nhook = []\n")
    steps = workshop.load("lazy_steps")
    workshop.write("lazy/__init__.py", PACKAGE)
    workshop.write("lazy/late.py", dedent(LATE) + hook)
    lazy = bf.freeze_block("lazy", history=4)
    running = begun(lazy)
    bf.swap(lazy, source=versions(2) | {"lazy.late": version(2, LATE) + hook})
    steps.hook.append(begin)
    assert running.send(answers) == expected(1)
    assert steps.hook == []
    acting[0].result()
    make, *_ = running.send(lambda late: late.hand_out())
    serves = {"swap": 3, "rollback": 1}.get(what, 2)
    assert (make()[1:], answers(lazy.load())) == ((serves, serves), expected(serves))
    running.close()
    bf.drain(lazy, timeout=30)
    assert (make()[1:], answers(lazy.load())) == ((serves, serves), expected(serves))
    bf.swap(lazy, source=versions(4))
    assert (make()[1:], answers(lazy.load())) == ((4, 4), expected(4))


@pytest.mark.parametrize("commits", [True, False])
def test_a_module_may_join_a_candidate_and_the_version_that_serves(lazy: Any, commits: bool) -> None:
    asked = version(2, PACKAGE) + "def seen(): return load().V, load().make()[1:]\n"
    with bf.prepare(lazy, source=versions(2) | {"lazy": asked}) as candidate:
        assert answers(lazy.load()) == expected(1)
        make, _, thing, *_ = lazy.load().hand_out()
        instance = thing()
        assert candidate.seen() == (2, (2, 2))
        assert (make()[1:], instance.hello()[1], answers(lazy.load())) == ((1, 1), 1, expected(1))
        if commits:
            candidate.commit()
    serves = 2 if commits else 1
    again, _, thing_again, *_ = lazy.load().hand_out()
    for number in (serves, 3):
        if number == 3:
            bf.swap(lazy, source=versions(3))
        assert answers(lazy.load()) == expected(number)
        assert (again is make, thing_again is thing) == (True, True)
        assert (make()[1:], instance.hello()[1]) == ((number, number), number)
        assert str(inspect.signature(make)) == f"(more={number})"
