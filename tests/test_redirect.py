"""What lasts through swaps may hold much: what a new body has put into it gets the entries, the rest is passed by."""

from __future__ import annotations

import gc
from types import ModuleType
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

TEXT = """
from collections import deque
from functools import partial
from types import MappingProxyType, SimpleNamespace
import blockfreeze as bf

class Holder:
    pass

class Slotted:
    __slots__ = ("kept",)

class Table(dict):
    pass

kept = bf.defvar("kept", lambda: {
    "list": [], "deque": deque(), "set": set(), "dict": {}, "tuple": {}, "table": Table(), "holder": Holder(),
    "slotted": Slotted(), "namespace": SimpleNamespace(), "partial": [], "key": {}, "number": 1, "views": [],
})

def mark():
    return "VERSION"

kept["list"].append(mark)
kept["deque"].append(mark)
kept["set"].add(mark)
kept["dict"]["x"] = mark
kept["tuple"]["x"] = (1, (2, mark))
kept["table"]["x"] = mark
kept["holder"].kept = mark
kept["slotted"].kept = mark
kept["namespace"].kept = mark
kept["partial"].append(partial(mark))
kept["key"][mark] = 1
kept["views"] += [MappingProxyType({"x": mark}), vars(Holder)]
"""


def held(module: Any) -> list[Any]:
    kept = module.kept
    found = [
        *kept["list"],
        *kept["deque"],
        *kept["set"],
        kept["dict"]["x"],
        kept["tuple"]["x"][1][1],
        kept["table"]["x"],
    ]
    found += [kept["holder"].kept, kept["slotted"].kept, kept["namespace"].kept, *kept["key"]]
    return found + [one.func for one in kept["partial"]] + [one["x"] for one in kept["views"] if "x" in one]


@pytest.fixture
def holding(workshop: Workshop) -> ModuleType:
    return workshop.freeze("holding", TEXT)


def test_what_a_new_body_puts_into_what_lasts_is_the_entry(holding: Any) -> None:
    for version in ("2", "3"):
        bf.swap(holding, source=TEXT.replace("VERSION", version))
        assert {id(one) for one in held(holding)} == {id(holding.mark)}
        assert {one() for one in held(holding)} == {version}


def test_instances_that_last_do_not_get_dictionaries_by_a_swap(holding: Any) -> None:
    instances = [holding.Holder() for _ in range(3)]
    for number, one in enumerate(instances):
        one.number = number
    holding.kept["dict"]["instances"] = instances

    def dictionaries() -> int:
        return sum(type(one) is dict for instance in instances for one in gc.get_referents(instance))

    assert dictionaries() == 0
    bf.swap(holding, source=TEXT)
    assert dictionaries() == 0


def test_a_walk_leaves_nothing_behind_for_the_collector(holding: Any) -> None:
    gc.collect()
    gc.disable()
    try:
        bf.swap(holding, source=TEXT)
        left = [one for one in gc.get_objects() if type(one).__module__ == "blockfreeze.identity.redirect"]
    finally:
        gc.enable()
    assert left == []


def test_containers_with_classes_of_their_own_are_entered_whatever_they_refuse(workshop: Workshop) -> None:
    frozen: Any = workshop.freeze(
        "containers",
        """
        from collections import OrderedDict, deque

        def refuse(self, *args, **kwargs):
            raise TypeError("it cannot be changed")

        class Frozen(dict):
            __setitem__ = __delitem__ = update = clear = refuse
        class Ordered(OrderedDict):
            __setitem__ = clear = refuse
        class List(list):
            __iter__ = __setitem__ = refuse
        class Queue(deque):
            __setitem__ = refuse
        class Set(set):
            add = discard = remove = refuse
        class Pair(tuple):
            pass

        def mark():
            return "marked"

        values = [Frozen(x=mark), List([mark]), Queue([mark]), Set([mark]), Frozen({mark: 1}), Pair((mark,))]
        attributes = [Frozen(), List(), Queue(), Set(), Pair()]
        for one in attributes:
            one.mark = mark
        order = Ordered()
        OrderedDict.__setitem__(order, mark, 1)
        OrderedDict.__setitem__(order, "last", mark)
        """,
    )
    for _ in range(2):
        bf.swap(frozen)
        mapping, items, queue, members, keys, pair = frozen.values
        held = [mapping["x"], items[0], queue[0], *members, *keys, pair[0], *frozen.order, *frozen.order.values()]
        held += [one.mark for one in frozen.attributes]
        assert {one for one in held if one not in (1, "last")} == {frozen.mark}
        assert list(frozen.order) == [frozen.mark, "last"]
