"""The update kit: an update at every boundary of a call, what comes out, and what is advised; and the pytest plugin."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from conftest import Workshop
from processes import ROOT

import blockfreeze as bf
from blockfreeze.core.errors import ControlError
from blockfreeze.testing import update
from blockfreeze.testing.update import Update, at_each_boundary

pytestmark = [pytest.mark.needs_fork, pytest.mark.needs_threads]

PAIRS = """
def frob(a):
    return (a,) * {n}

def bar(them):
    {names} = them
    return a + b

def both(a):
    return bar(frob(a))
"""
SECOND = PAIRS.format(n=3, names="a, b, c")


@pytest.fixture
def shop(workshop: Workshop) -> Any:
    return workshop.freeze("shop", PAIRS.format(n=2, names="a, b"))


def test_a_call_into_the_block_is_whole_wherever_the_update_is(shop: Any) -> None:
    found = at_each_boundary(lambda: [shop.both(1), shop.both(2)], shop, SECOND)
    assert (found.boundaries, len(found.tried), found.failures) == (12, 13, ())
    assert {one.outcome for one in found.tried} == {"[2, 4]"}
    assert [one.place for one in found.tried[:3]] == [
        "before the first call",
        f"at the beginning of shop.both, called at {Path(__file__).name}:{line_of('[shop.both(1), shop.both(2)]')}",
        "at the beginning of shop.frob, called at shop.py:10",
    ]
    assert (bf.status(shop).current, shop.both(1)) == (1, 2)  # nothing of it was here


def line_of(text: str) -> int:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize("limit", [200, 3, 1])
def test_what_takes_a_result_of_one_version_to_the_other_fails_at_the_shortest_way_there(shop: Any, limit: int) -> None:
    found = at_each_boundary(lambda: [shop.both(1), shop.bar(shop.frob(1)), shop.both(1)], shop, SECOND, limit=limit)
    if limit == 1:
        assert found.failures == ()  # the one boundary is the first one
        return
    first = found.failures[0]
    # The first call has six boundaries; the update comes when frob has begun, and bar is the new one's.
    assert first.boundary == 7
    assert first.place.startswith("at the beginning of shop.frob")
    assert first.wrong.startswith("ValueError: not enough values to unpack (expected 3, got 2)")
    assert "in bar" in first.trace
    assert len(found.tried) == (17 if limit == 200 else 3 + 7)
    assert str(found).splitlines()[0].endswith(f"of 17 boundaries tried, {len(found.failures)} of them wrong")


MEANS = "def price(): return {n}\ndef whole(): return price() * 100\n"


def test_a_result_that_no_cold_start_has_is_wrong(workshop: Workshop) -> None:
    till = workshop.freeze("till", MEANS.format(n=1))
    second = MEANS.format(n=2)
    found = at_each_boundary(lambda: (till.whole(), till.whole()), till, second)
    assert [one.boundary for one in found.failures] == [1, 2, 3, 4]
    assert found.failures[0].wrong == "the result is (100, 200), and that of a cold start is (100, 100) or (200, 200)"
    assert "a meaning has changed that both versions meet (changed: till.price): widen first" in str(found)
    judged = at_each_boundary(lambda: (till.whole(), till.whole()), till, second, judge=lambda pair: sum(pair) < 400)
    assert [one.boundary for one in judged.failures] == [0]


@pytest.mark.parametrize(
    ("first", "second", "use", "advised"),
    [
        (
            "def f(a): return a\n",
            "def f(a, b): return a\n",
            lambda one: [one.f(1), one.f(2)],
            "old callers meet a new signature: aids.f(a) -> (a, b) (narrowed): give new parameters defaults",
        ),
        (
            "class C:\n    def __init__(self):\n        self.a = 1\ndef make(): return C()\ndef look(c): return c.a\n",
            "class C:\n    def __init__(self):\n        self.b = 1\ndef make(): return C()\ndef look(c): return c.b\n",
            lambda one: one.look(one.make()),
            "an object of the version before lacks something: C has no 'b': give the class a default for it",
        ),
        (
            "HELD = []\ndef put(): HELD.append(1)\ndef count(): return len(HELD)\n",
            "HELD = list(())\ndef put(): HELD.append(1)\ndef count(): return len(HELD)\n",
            lambda one: (one.put(), one.count())[1],
            "state starts afresh: HELD: list, 1 items -> 0; declare it with defvar to keep it",
        ),
    ],
    ids=["signature", "object", "state"],
)
def test_what_to_change_is_said(
    workshop: Workshop, first: str, second: str, use: Callable[[Any], object], advised: str
) -> None:
    aids = workshop.freeze("aids", first)
    found = at_each_boundary(lambda: use(aids), aids, second)
    assert any(one.advice.startswith(advised) for one in found.failures), str(found)


def test_an_update_that_is_refused_fails_everywhere(shop: Any) -> None:
    found = at_each_boundary(lambda: shop.both(1), shop, "1 / 0\n")
    assert len(found.failures) == len(found.tried) == 7
    assert found.failures[0].wrong.startswith("PrepareError: shop: the new version was not built: ZeroDivisionError")


@pytest.mark.parametrize("how", ["os._exit(1)", "while True: pass"])
def test_a_call_that_does_not_come_back_is_wrong(workshop: Workshop, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(update, "_PATIENCE", 1.0)
    ends = workshop.freeze("ends", "def f(): return 1\n")
    found = at_each_boundary(ends.f, ends, f"import os\ndef f():\n    {how}\n")
    assert found.failures[0].wrong == ("the process has ended" if "exit" in how else "it hangs for 1 s")
    assert [one.boundary for one in found.failures] == [0]


def test_a_call_that_fails_by_itself_tells_nothing_of_updates(shop: Any) -> None:
    with pytest.raises(ControlError, match="the call fails without an update: ZeroDivisionError"):
        at_each_boundary(lambda: 1 / 0, shop, SECOND)
    with pytest.raises(bf.BlockfreezeError, match="is not a block"):
        at_each_boundary(int, "json", SECOND)
    assert str(Update(3, ())) == "0 of 4 boundaries tried, 0 of them wrong"


IS_INSTALLED = any(one.name == "blockfreeze" for one in entry_points(group="pytest11"))
PLUGIN = [] if IS_INSTALLED else ["-p", "blockfreeze.testing.plugin"]
"""What makes pytest load the plugin: nothing, where blockfreeze was installed with it."""

TESTS = """
from unittest import mock
import pytest
import shop

@pytest.fixture
def number():
    return 1

def test_frozen():
    import blockfreeze
    assert blockfreeze.status("shop").current == 1
    with mock.patch("shop.frob", lambda a: (5, 6)):
        assert shop.both(1) == 11

@pytest.mark.update(to="second")
def test_holds(number):
    assert shop.both(number) == 2

@pytest.mark.update(from_="first", to="second")
def test_breaks(number):
    assert shop.bar(shop.frob(number)) == 2

@pytest.mark.update(to="third")
def test_other_meaning():
    assert shop.both(1) == 2

@pytest.mark.update(to="second", from_="third")
def test_wrong_before():
    assert shop.both(1) == 2

@pytest.mark.update(from_="first")
def test_wrong_mark():
    pass
"""


@pytest.mark.needs_subprocess
def test_the_plugin_freezes_and_tries_updates(tmp_path: Path) -> None:
    first, third = PAIRS.format(n=2, names="a, b"), PAIRS.format(n=2, names="a, b") + "def both(a): return 9\n"
    for place, text in ((".", first), ("first", first), ("second", SECOND), ("third", third)):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / "shop.py").write_text(text, encoding="utf-8")
    (tmp_path / "test_shop.py").write_text(TESTS, encoding="utf-8")
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", *PLUGIN, "--blockfreeze", "shop"),
            *("-p", "no:cacheprovider", "-W", "error", "--strict-markers", "-rA", "test_shop.py"),
        ],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    lines = [line for line in ran.stdout.splitlines() if line.startswith(("PASSED", "FAILED"))]
    passed = [line.rpartition("::")[2] for line in lines if line.startswith("PASSED")]
    assert passed == ["test_frozen", "test_holds"], ran.stdout
    assert "the shortest way there:\nboundary 1, at the beginning of shop.frob, called at test_shop.py" in ran.stdout
    assert "an update fails at 2 of 5 boundaries tried, of 5" in ran.stdout
    assert "in pytest_pyfunc_call" not in ran.stdout
    assert "third' started afresh, without any update" in ran.stdout
    assert "it fails before the update" in ran.stdout
    assert "the mark 'update' needs to=" in ran.stdout


@pytest.mark.needs_subprocess
def test_what_cannot_be_frozen_is_a_usage_error(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGIN, "--blockfreeze", "no_such_package"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 4
    assert "--blockfreeze: no_such_package: the module was not frozen: there is no such module" in ran.stderr


THREADS = """
import threading
from concurrent.futures import ThreadPoolExecutor

def frob(a):
    return (a,) * {n}

def bar(them):
    {names} = them
    return a + b

def work(a):
    return bar(frob(a))
"""


def test_boundaries_are_those_of_threads_that_the_call_starts_as_well(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", THREADS.format(n=2, names="a, b"))
    second = THREADS.format(n=3, names="a, b, c")

    def call() -> list[int]:
        with shop.ThreadPoolExecutor(1, thread_name_prefix="pool") as pool:
            return list(pool.map(lambda a: shop.bar(shop.frob(a)), [1, 2]))

    found = at_each_boundary(call, shop, second)
    assert (found.boundaries, len(found.tried), found.missed) == (8, 9, 0)
    assert {one.place.rpartition(", ")[2] for one in found.tried[1:]} == {"in the thread pool_0"}
    assert [one.boundary for one in found.failures] == [1, 2, 5, 6]
    whole = at_each_boundary(lambda: [shop.work(1)], shop, second)
    assert (whole.boundaries, whole.failures) == (6, ())


def test_what_does_not_come_when_it_is_to_be_tried_is_counted(workshop: Workshop, tmp_path: Path) -> None:
    shop = workshop.freeze("shop", "def frob(): return 1\n")

    def call() -> int:
        once = tmp_path / "once"
        once.touch()  # what is outside of the process is not put back, so each call finds what the one before has left
        more = once.stat().st_size == 0
        once.write_text("called")
        return shop.frob() if more else 1

    found = at_each_boundary(call, shop, "def frob(): return 1 + 0\n")
    assert (found.boundaries, [one.boundary for one in found.tried], found.missed) == (2, [0], 2)
    assert "2 did not come when they were to be tried" in str(found)


OTHER_TESTS = """
import unittest
import pytest
import shop

class Case(unittest.TestCase):
    def setUp(self):
        self.held = shop.frob(1)

    @pytest.mark.update(to="second")
    def test_holds(self):
        self.assertEqual(shop.both(1), 2)

    @pytest.mark.update(to="second")
    def test_breaks(self):
        self.assertEqual(shop.bar(self.held), 2)

    @pytest.mark.update(to="second")
    def test_skipped(self):
        self.skipTest("not here")

class Loop(unittest.IsolatedAsyncioTestCase):
    @pytest.mark.update(to="second")
    async def test_breaks_too(self):
        self.assertEqual(shop.bar(shop.frob(1)), 2)

class TestPlain:
    @pytest.mark.update(to="second")
    def test_in_a_class(self):
        assert shop.both(1) == 2

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture
async def number(anyio_backend):
    return 1

@pytest.mark.anyio
@pytest.mark.update(to="second")
async def test_awaits(number):
    import anyio
    pair = shop.frob(number)
    await anyio.sleep(0)
    assert shop.bar(pair) == 2

@pytest.mark.anyio
@pytest.mark.update(to="second")
async def test_awaits_and_holds(number):
    import anyio
    await anyio.sleep(0)
    assert await anyio.to_thread.run_sync(shop.both, number) == 2

@pytest.mark.update(to="second")
async def test_nobody_awaits():
    pass
"""


COMES_OUT = {
    "test_holds": "PASSED",
    "test_breaks": "FAILED",
    "test_skipped": "PASSED",
    "test_breaks_too": "FAILED",
    "test_in_a_class": "PASSED",
    "test_awaits": "FAILED",
    "test_awaits_and_holds": "PASSED",
    "test_nobody_awaits": "FAILED",
}


@pytest.mark.needs_subprocess
@pytest.mark.needs_event_loop
@pytest.mark.parametrize(
    "names",
    [["Case::test_breaks", "test_awaits"], pytest.param([], marks=pytest.mark.exhaustive)],
    ids=["one of each kind", "all"],
)
def test_methods_and_coroutines_are_tried_as_their_plugins_run_them(tmp_path: Path, names: list[str]) -> None:
    pytest.importorskip("anyio")
    for place, text in ((".", PAIRS.format(n=2, names="a, b")), ("second", SECOND)):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / "shop.py").write_text(text, encoding="utf-8")
    (tmp_path / "test_shop.py").write_text(OTHER_TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", *PLUGIN, "--blockfreeze", "shop", "-p", "no:cacheprovider", "-rA"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    files = [f"test_shop.py::{name}" for name in names] or ["test_shop.py"]
    ran = subprocess.run([*command, *files], cwd=tmp_path, check=False, capture_output=True, text=True, env=environment)
    lines = [line.split(" - ")[0] for line in ran.stdout.splitlines() if line.startswith(("PASSED", "FAILED"))]
    said = {line.rpartition("::")[2]: line.partition(" ")[0] for line in lines}
    wanted = [name.rpartition("::")[2] for name in names] or COMES_OUT
    assert said == {name: COMES_OUT[name] for name in wanted}, ran.stdout
    assert ran.stdout.count("not enough values to unpack (expected 3, got 2)") >= 2
    assert names or "async def functions are not natively supported" in ran.stdout


def test_a_change_of_meaning_that_a_failure_names_is_told_with_its_remedy(workshop: Workshop) -> None:
    first = "def frob(a):\n    return a, a\n\ndef bar(pair):\n    a, b = pair\n    return a + b\n"
    second = first.replace("return a, a", "return a, a, a").replace("a, b = pair", "a, b, c = pair")
    shop = workshop.freeze("shop", first)
    found = at_each_boundary(lambda: shop.bar(shop.frob(1)), shop, second)
    assert [one.boundary for one in found.failures] == [1, 2]
    assert found.failures[0].advice.startswith(
        "shop.frob: returned a tuple of 2, and returns a tuple of 3 now: widen first: in one release let whoever takes "
        "it accept both forms"
    )
    assert {one.advice for one in found.tried if not one.wrong} == {""}
