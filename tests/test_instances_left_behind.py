"""An instance that stays on its old methods meets nothing that a later version adds, however many versions follow."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

FIRST = """
import functools

class Base:
    def __repr__(self): return "base"
    def label(self): return "base"
class Item(Base):
    def total(self): return 1
class Failure(Item, ValueError): pass
"""

LATER = """
import functools

class Base:
    def __repr__(self): return "base"
    def label(self): return "base"
class Item(Base):
    {attribute}
    def __init__(self):
        self.__dict__["lines"] = []
        self.lines = []
    def total(self): return 2
    {added}
class Failure(Item, ValueError): pass
"""

WANTS_LINES = "self.lines.append(1)"

NOTES_THE_READER = """
        object.__getattribute__(self, "__dict__")["read"] = name
        return object.__getattribute__(self, name)"""

ADDED: dict[str, tuple[str, Callable[[Any, Any], object]]] = {
    "__add__": ("self, other", lambda one, other: one + other),
    "__bool__": ("self", lambda one, other: bool(one)),
    "__contains__": ("self, item", lambda one, other: 1 in one),
    "__copy__": ("self", lambda one, other: type(copy.copy(one)).__name__),
    "__del__": ("self", lambda one, other: None),
    "__delattr__": ("self, name", lambda one, other: (setattr(one, "mark", 1), delattr(one, "mark"), vars(one))),
    "__dir__": ("self", lambda one, other: "total" in dir(one)),
    "__enter__": ("self", lambda one, other: hasattr(one, "__enter__")),
    "__eq__": ("self, other", lambda one, other: (one == other, one == 1, one in [other, one])),
    "__float__": ("self", lambda one, other: float(one)),
    "__format__": ("self, spec", lambda one, other: f"{one}"),
    "__getattr__": ("self, name", lambda one, other: (getattr(one, "absent", 1), one.absent)),
    "__getattribute__": ("self, name", lambda one, other: (one.total(), vars(one))),
    "__getitem__": ("self, key", lambda one, other: list(one)),
    "__getstate__": ("self", lambda one, other: vars(copy.copy(one))),
    "__hash__": ("self", lambda one, other: ({one: 1}[one], hash(one) == hash(other))),
    "__iter__": ("self", lambda one, other: list(one)),
    "__len__": ("self", lambda one, other: (bool(one), len(one))),
    "__lt__": ("self, other", lambda one, other: sorted([one, other])),
    "__radd__": ("self, other", lambda one, other: 1 + one),
    "__reduce_ex__": ("self, protocol", lambda one, other: type(pickle.loads(pickle.dumps(one)))),
    "__reduce__": ("self", lambda one, other: vars(copy.copy(one))),
    "__repr__": ("self", lambda one, other: repr(one)),
    "__setattr__": ("self, name, value", lambda one, other: (setattr(one, "mark", 1), vars(one))),
    "__set_name__": ("self, owner, name", lambda one, other: type("Owner", (), {"one": one}).__name__),
    "__sizeof__": ("self", lambda one, other: sys.getsizeof(one) > 0),
    "__str__": ("self", lambda one, other: str(one)),
    "label": ("self", lambda one, other: one.label()),
    "other": ("self", lambda one, other: hasattr(one, "other")),
}
"""What a later version adds, its arguments, and what is done with two instances that were made before."""

ATTRIBUTES = {"constant": "limit = 3", "property": "limit = property(lambda self: self.lines)", "none": ""}


def outcome(operation: Callable[[Any, Any], object], one: Any, other: Any) -> str:
    try:
        return str(operation(one, other))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("name", ADDED)
@pytest.mark.parametrize("cls", ["Item", "Failure"])
def test_what_later_versions_add_is_not_met(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, name: str, cls: str
) -> None:
    told: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda failed: told.append(str(failed.exc_value)))
    arguments, operation = ADDED[name]
    module = workshop.freeze("items", FIRST, history=4)
    one, other = getattr(module, cls)(), getattr(module, cls)()
    before = outcome(operation, one, other)
    body = NOTES_THE_READER if name == "__getattribute__" else WANTS_LINES
    method = f"def {name}({arguments}): {body}"
    second = LATER.format(attribute="", added=method)
    first_without = LATER.format(attribute="", added="")
    for sources in ([second], [first_without, second]):
        for source in sources:
            bf.swap(module, source=source)
            assert outcome(operation, one, other) == before
            bf.drain(module, timeout=30)
            assert outcome(operation, one, other) == before
            assert (one.total(), getattr(module, cls)().total(), isinstance(one, module.Base)) == (1, 2, True)
        for _ in sources:
            bf.rollback(module)
            bf.drain(module, timeout=30)
        assert (type(one), outcome(operation, one, other)) == (getattr(module, cls), before)
    bf.swap(module, source=second)
    bf.drain(module, timeout=30)
    del one, other
    gc.collect()
    assert not told


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_an_attribute_of_the_class_that_a_later_version_adds_is_not_met(workshop: Workshop, kind: str) -> None:
    module = workshop.freeze("items", FIRST)
    one = module.Item()
    bf.swap(module, source=LATER.format(attribute="", added=""))
    bf.drain(module, timeout=30)
    bf.swap(module, source=LATER.format(attribute=ATTRIBUTES[kind], added=""))
    assert not hasattr(one, "limit")
    one.limit = 7
    bf.drain(module, timeout=30)
    assert (one.limit, hasattr(module.Item(), "limit")) == (7, kind != "none")


MADE_FOR_GOOD = """
from collections import namedtuple
from enum import Enum
from typing import NamedTuple

class Described:
    def described(self): return self.name
class Point(NamedTuple):
    x: int
    def total(self): return sum(self)
Pair = namedtuple("Pair", "a b")
class Size(namedtuple("Size", "w h")):
    def area(self): return self.w * self.h
class Colour(Enum):
    RED = 1
def total(point): return point.total()
"""

MADE_OTHERWISE = (
    MADE_FOR_GOOD.replace("    x: int\n", "    x: int\n    y: int = 0\n")
    .replace("sum(self)", "self.x + self.y")
    .replace('"a b"', '"a b c"')
    .replace('"w h"', '"w h d"')
    .replace("self.w * self.h", "self.w * self.h * self.d")
    .replace("Colour(Enum)", "Colour(Described, Enum)")
)


@pytest.mark.parametrize("quiesce", [None, 5.0])
def test_nothing_is_moved_to_a_class_that_would_not_have_made_it(workshop: Workshop, quiesce: float | None) -> None:
    module: Any = workshop.freeze("made", MADE_FOR_GOOD)

    class Elsewhere(module.Point):  # type: ignore[misc]
        pass

    held = module.Point(1), module.Pair(1, 2), module.Size(2, 3), module.Colour.RED, Elsewhere(4)
    classes = [type(one) for one in held]
    report = bf.swap(module, source=MADE_OTHERWISE, quiesce=quiesce)
    bf.drain(module, timeout=30)
    assert [type(one) for one in held] == classes
    assert not report.converted
    assert (held[0].total(), held[1]._asdict(), held[2].area(), held[4].total()) == (1, {"a": 1, "b": 2}, 6, 4)
    assert (module.total(held[0]), module.total(module.Point(1, 2)), repr(held[0])) == (1, 3, "Point(x=1)")
    assert (held[3] in classes[3], held[3] in list(module.Colour), list(classes[3])) == (True, False, [held[3]])
    bf.rollback(module, quiesce=quiesce)
    bf.drain(module, timeout=30)
    assert (module.Point, module.total(held[0]), held[3] is module.Colour.RED) == (classes[0], 1, True)
