"""A check, and whoever has activated a candidate, is in it: by whatever way it reaches the block. Nobody else is."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import sys
from collections.abc import Callable
from typing import Any

import pytest
from threads import elsewhere

import blockfreeze as bf

MODEL = """
def price(): return {0}
class Tag:
    def text(self): return {0}
    @classmethod
    def made(cls): return {0}
"""
VIEWS = """
from .model import Tag, price
def index(): return price()
ROUTES = {"/": index}
async def later(): return price()
"""
OWN = """
import blockfreeze as bf
def price(): return {0}
def renew(source, check):
    bf.swap("own", source=source, check=check)
    return price()
"""


def version(number: int) -> dict[str, str]:
    return {"shop": "", "shop.model": MODEL.format(number), "shop.views": VIEWS}


@pytest.fixture
def views(workshop: Any) -> Any:
    workshop.write("shop/__init__.py", "")
    workshop.write("shop/model.py", MODEL.format(1))
    workshop.write("shop/views.py", VIEWS)
    bf.freeze_block("shop")
    return workshop.load("shop.views")


def ways(views: Any) -> dict[str, Callable[[Any], object]]:
    """Return how code may come to the block: given the candidate, or nothing of it."""
    held, table, tag, tag_class, bound = views.index, {"/": views.index}, views.Tag(), views.Tag, views.Tag().text
    return {
        "a member": lambda candidate: candidate.views.index(),
        "a member of a member's import": lambda candidate: candidate.views.price(),
        "import_module": lambda _: importlib.import_module("shop.views").index(),
        "import": lambda _: __import__("shop.views", fromlist=["index"]).index(),
        "sys.modules": lambda _: sys.modules["shop.model"].price(),
        "an attribute of the package": lambda _: sys.modules["shop"].model.price(),
        "an entry held": lambda _: held(),
        "an entry in a table": lambda _: table["/"](),
        "a table of the block": lambda _: views.ROUTES["/"](),
        "a method": lambda _: tag.text(),
        "a bound method": lambda _: bound(),
        "a class method": lambda _: tag_class.made(),
        "a new instance": lambda _: tag_class().text(),
        "an instance of the candidate's class": lambda candidate: candidate.model.Tag().text(),
        "a call back through C": lambda _: max((held() for _ in (0,)), key=lambda answer: held()),
        "a call back through sorted": lambda _: sorted([1], key=lambda _: held()) and held(),
    }


NAMES = tuple(ways(type("views", (), {"index": None, "Tag": type("Tag", (), {"text": None})})))


@pytest.mark.parametrize("name", NAMES)
def test_a_check_is_in_the_candidate_by_every_way(views: Any, name: str) -> None:
    way = ways(views)[name]
    seen = []
    bf.swap("shop", source=version(2), check=lambda candidate: seen.append(way(candidate)))
    assert seen == [2]
    with pytest.raises(bf.PrepareError, match="not 3"):
        bf.swap("shop", source=version(9), check=lambda candidate: _must_be_three(way(candidate)))
    assert way_outside(views) == 2


def _must_be_three(answer: object) -> None:
    if answer != 3:
        raise ValueError("not 3")


def way_outside(views: Any) -> object:
    return views.index()


@pytest.mark.parametrize("name", NAMES)
def test_who_activates_a_prepared_candidate_is_in_it_and_nobody_else(views: Any, name: str) -> None:
    way = ways(views)[name]
    with bf.prepare("shop", source=version(4)) as candidate:
        with candidate.active():
            assert way(candidate) == 4
        if "candidate" not in way.__code__.co_varnames:
            assert way(candidate) == 1
    assert views.index() == 1


@pytest.mark.needs_threads
def test_another_thread_is_not_in_it_unless_it_has_the_context(views: Any) -> None:
    with bf.prepare("shop", source=version(2)) as candidate, candidate.active():
        assert elsewhere(views.index) == 1
        context = contextvars.copy_context()
        assert elsewhere(lambda: context.run(views.index)) == 2


def test_a_check_of_a_swap_that_the_block_itself_asks_for_is_in_the_candidate(workshop: Any) -> None:
    workshop.write("own.py", OWN.format(1))
    own = bf.freeze_block("own")
    seen = []
    held = own.price
    assert own.renew(OWN.format(2), lambda candidate: seen.append((held(), own.price(), candidate.price()))) == 1
    assert (seen, held()) == ([(2, 2, 2)], 2)


@pytest.mark.needs_event_loop
def test_tasks_that_an_active_candidate_starts_stay_in_it_until_it_is_discarded(views: Any) -> None:
    async def main() -> list[object]:
        go_on = asyncio.Event()

        async def task() -> list[object]:
            first = views.index()
            await go_on.wait()
            return [first, views.index(), await views.later()]

        with bf.prepare("shop", source=version(2)) as candidate:
            with candidate.active():
                before, after = asyncio.create_task(task()), asyncio.create_task(task())
                await asyncio.sleep(0)
            go_on.set()
            answers = [await before]
            go_on.clear()
            last = asyncio.create_task(task())
            await asyncio.sleep(0)
        go_on.set()
        return [*answers, await after, await last]

    assert asyncio.run(main()) == [[2, 2, 2], [2, 2, 2], [1, 1, 1]]


def test_who_is_in_a_candidate_that_is_discarded_goes_on_in_the_one_that_serves(views: Any) -> None:
    candidate = bf.prepare("shop", source=version(2))
    with candidate.active():
        assert views.index() == 2
        candidate.discard()
        assert views.index() == 1
        with pytest.raises(bf.SwapError, match="activation was refused"), candidate.active():
            pass
    bf.swap("shop", source=version(3))
    assert views.index() == 3


def test_who_is_in_a_candidate_that_fails_to_be_committed_goes_on_in_the_one_that_serves(
    views: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blockfreeze.swapping import commit

    candidate = bf.prepare("shop", source=version(2))

    def fails(*given: object) -> None:
        raise LookupError("no")

    with candidate.active():
        monkeypatch.setattr(commit, "move_to_legacy_classes", fails)
        with pytest.raises(bf.PrepareError):
            candidate.commit()
        assert views.index() == 1


def test_a_member_that_nothing_has_imported_yet_is_the_candidates(workshop: Any) -> None:
    workshop.write("lazy/__init__.py", "")
    workshop.write("lazy/part.py", "def f(): return 1\n")
    lazy = bf.freeze_block("lazy")
    source = workshop.version("v2", {"lazy/__init__.py": "", "lazy/part.py": "def f(): return 2\n"})
    with bf.prepare(lazy, source=source) as candidate:
        assert candidate.part.f() == 2
        assert "f" in dir(candidate.part)
        for missing in ("nothing", "f"):
            with pytest.raises(AttributeError, match=missing):
                getattr(candidate, missing)
        with pytest.raises(AttributeError, match="nothing"):
            candidate.part.nothing  # noqa: B018 - the look-up is the test
    assert workshop.load("lazy.part").f() == 1


@pytest.mark.needs_threads
def test_a_bad_version_can_be_rolled_back_while_its_report_looks_for_who_lingers(
    views: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blockfreeze.swapping import commit

    converge, reports = commit.converge, []

    def rolls_back_first(block: Any, **given: Any) -> Any:
        monkeypatch.setattr(commit, "converge", converge)
        reports.append(elsewhere(lambda: bf.rollback("shop")))
        return converge(block, **given)

    monkeypatch.setattr(commit, "converge", rolls_back_first)
    report = bf.swap("shop", source=version(2))
    assert (report.to_generation, reports[0].to_generation, views.index()) == (2, 1, 1)
    assert bf.swap("shop", source=version(3)).from_generation == 1
