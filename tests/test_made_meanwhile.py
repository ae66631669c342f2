"""What calls of the old version make, whenever they make it, has all that the methods need that are called on it."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from conftest import Workshop
from threads import ParkedCall

import blockfreeze as bf
from blockfreeze.swapping import commit

V1 = """
class Base:
    def __init__(self, name): self.name = name
    def told(self): return self.name, 1
class Own(Base): pass
class Slotted:
    __slots__ = ("name", "more", "__weakref__")
    def __init__(self, name): self.name = name
    def told(self): return self.name, 1
class Caught(Exception):
    def __init__(self, name):
        super().__init__(name)
        self.name = name
    def told(self): return self.name, 1
KINDS = {"Base": Base, "Own": Own, "Slotted": Slotted, "Caught": Caught}
def make(kind, into, wait=None):
    into.append(KINDS[kind]("first"))
    if wait is not None:
        wait()
    into.append(KINDS[kind]("then"))
    return [one.told() for one in into]
"""
V2 = V1.replace("self.name = name", "self.name = name; self.more = 2").replace("self.name, 1", "self.name, self.more")
KINDS = ("Base", "Own", "Slotted", "Caught", "Outside")


def kind_of(shop: Any, kind: str) -> None:
    """Enter a class that others have derived, if that is asked for."""
    if kind == "Outside":
        shop.KINDS[kind] = type("Outside", (shop.Base,), {"__module__": __name__})


@pytest.mark.needs_threads
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_call_in_flight_makes_after_the_commit_is_whole(workshop: Workshop, kind: str) -> None:
    shop = workshop.freeze("shop", V1)
    into: list[Any] = []
    kind_of(shop, kind)
    with ParkedCall(lambda wait: shop.make(kind, into, wait)) as call:
        bf.swap(shop, source=V2)
        assert call.finish() == [("first", 1), ("then", 1)]
    for _ in range(2):
        assert [one.told() for one in into] == [("first", 1), ("then", 1)]
        assert {isinstance(one, shop.KINDS[kind]) for one in into} == {True}
        bf.drain(shop, timeout=60)
    assert shop.make(kind, []) == [("first", 2), ("then", 2)]
    bf.rollback(shop)
    assert [one.told() for one in into] == [("first", 1), ("then", 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_made_while_a_swap_commits_is_whole(
    workshop: Workshop, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = workshop.freeze("shop", V1)
    kind_of(shop, kind)
    into: list[Any] = []
    then = commit.supersede_classes

    def meanwhile(*args: Any) -> None:
        then(*args)
        shop.make(kind, into)

    monkeypatch.setattr(commit, "supersede_classes", meanwhile)
    bf.swap(shop, source=V2)
    assert [one.told() for one in into] == [("first", 1), ("then", 1)]
    bf.drain(shop, timeout=60)
    assert [one.told() for one in into] == [("first", 1), ("then", 1)]


def test_a_class_that_stays_without_old_instances_has_no_subclass_more(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", V1)
    bf.swap(shop, source=V2)
    bf.drain(shop, timeout=60)
    gc.collect()
    assert [one.__name__ for one in shop.Base.__subclasses__()] == ["Own"]
    assert shop.Slotted.__subclasses__() == []
