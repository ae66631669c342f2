"""The class that a module gives itself is its generation's, as all that its body makes."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

BASES = ("types.ModuleType", "type(sys.modules[__name__])", "sys.modules[__name__].__class__")
GIVES = """
import sys, types

N = {n}
def helper(): return N
def call(): return seen(sys.modules[__name__])
def numbers():
    yield sys.modules[__name__].prop
    yield call()

class Kind({base}):
    "A module that computes."
    @property
    def prop(self): return N, helper()
    @prop.setter
    def prop(self, value): self.said = value
    N2 = {n}
    def method(self): return N, helper(), type(self) is not types.ModuleType, isinstance(self, Kind)
    @classmethod
    def made(cls): return cls.__name__
    def __getattr__(self, name):
        if name.startswith("late"): return name, helper()
        raise AttributeError(name)
    def __setattr__(self, name, value):
        super().__setattr__(name, (value, helper()) if name == "marked" else value)
    def __getitem__(self, key): return key, helper()

def seen(module):
    found = [module.prop, module.N2, module.method(), module.made(), module.late]
    try:
        module.none
    except AttributeError as error:
        found.append(str(error))
    return found

sys.modules[__name__].__class__ = Kind
"""
NONE = """
import sys
N = {n}
def call(): return [hasattr(sys.modules[__name__], name) for name in ("prop", "method", "late", "N2")]
"""
ANOTHER = GIVES.replace("Kind", "Other").replace("late", "other")


def plain(workshop: Workshop, name: str, text: str) -> ModuleType:
    workshop.write(f"{name}.py", text)
    return workshop.load(name)


@pytest.mark.parametrize("base", BASES)
def test_a_frozen_module_does_as_a_plain_one(workshop: Workshop, base: str) -> None:
    compared: list[Any] = [
        plain(workshop, "stall", GIVES.format(n=1, base=base)),
        workshop.freeze("shop", GIVES.format(n=1, base=base)),
    ]
    for number in (1, 1, 2):
        if number == 2:  # the same again, armed
            bf.swap(compared[1], source=GIVES.format(n=1, base=base))
        for module in compared:
            module.marked, module.prop = 5, number
        first, second = ([*one.call(), one.marked, one.said, one["key"]] for one in compared)
        assert first == second
        assert [one.__name__ for one in compared[1].Kind.__mro__] == [one.__name__ for one in compared[0].Kind.__mro__]
    del compared[1].marked
    assert not hasattr(compared[1], "marked")


@pytest.mark.parametrize("base", BASES)
def test_a_refused_version_leaves_no_class(workshop: Workshop, base: str) -> None:
    shop = workshop.freeze("shop", "N = 1\ndef f(): return N\n")
    kind = type(shop)
    with pytest.raises(bf.PrepareError):
        bf.swap(shop, source=GIVES.format(n=2, base=base) + "1 / 0\n")
    assert (shop.f(), hasattr(shop, "prop"), hasattr(shop, "late"), type(shop).__mro__[1:]) == (
        *(1, False, False),
        kind.__mro__[1:],
    )


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("second", [GIVES, ANOTHER, NONE], ids=["the same", "another", "none"])
def test_it_comes_with_a_swap_and_goes_with_a_rollback(workshop: Workshop, base: str, second: str) -> None:
    shop = workshop.freeze("shop", GIVES.format(n=1, base=base))
    expected = plain(workshop, "stall", second.format(n=2, base=base)).call()
    before = shop.call()
    for _ in range(3):
        bf.swap(shop, source=second.format(n=2, base=base))
        assert shop.call() == expected
        bf.rollback(shop)
        assert shop.call() == before


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    ("first", "second"),
    [(GIVES, GIVES), (GIVES, ANOTHER), (GIVES, NONE), (NONE, GIVES)],
    ids=["the same", "another", "none any more", "one"],
)
def test_whoever_began_in_a_version_sees_its_class(workshop: Workshop, base: str, first: str, second: str) -> None:
    shop = workshop.freeze("shop", first.format(n=1, base=base))
    before, expected = shop.call(), plain(workshop, "stall", second.format(n=2, base=base)).call()
    begun = shop.numbers() if first is GIVES else iter(())
    next(begun, None)
    with bf.pin(shop):
        bf.swap(shop, source=second.format(n=2, base=base))
        pinned, names = shop.call(), [hasattr(shop, name) for name in ("prop", "late")]
    assert pinned == before
    assert names == [first is GIVES] * 2
    assert shop.call() == expected
    assert next(begun, before) == before


def test_classes_do_not_pile_up(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", GIVES.format(n=0, base=BASES[1]))
    depths = set()
    for number in range(1, 6):
        bf.swap(shop, source=GIVES.format(n=number, base=BASES[1 + number % 2]))
        depths.add(len(type(shop).__mro__))
        assert shop.prop == (number, number)
    assert len(depths) == 1


HELPER = """
import sys, types
class Deprecating(types.ModuleType):
    def __getattr__(self, name):
        if name == "old": return "deprecated"
        raise AttributeError(name)
def deprecate(name): sys.modules[name].__class__ = Deprecating
"""


def test_what_a_body_has_others_do_is_its_own(workshop: Workshop) -> None:
    workshop.write("helping.py", HELPER)
    text = "import helping\nN = {}\nhelping.deprecate(__name__)\ndef f(): return N\n"
    shop = workshop.freeze("shop", text.format(1))
    assert (shop.old, shop.f()) == ("deprecated", 1)
    bf.swap(shop, source="N = 2\ndef f(): return N\n")
    assert (hasattr(shop, "old"), shop.f()) == (False, 2)
    bf.rollback(shop)
    assert (shop.old, shop.f()) == ("deprecated", 1)


def test_what_somebody_outside_has_given_stays(workshop: Workshop) -> None:
    helping: Any = plain(workshop, "helping", HELPER)
    shop = workshop.freeze("shop", "N = 1\ndef f(): return N\n")
    helping.deprecate("shop")
    assert shop.old == "deprecated"
    for number in (2, 3):
        bf.swap(shop, source=f"N = {number}\ndef f(): return N\n")
        assert (shop.old, shop.f()) == ("deprecated", number)
    shop.__class__ = ModuleType
    assert not hasattr(shop, "old")
    bf.swap(shop, source="N = 4\ndef f(): return N\n")
    assert (hasattr(shop, "old"), shop.f()) == (False, 4)


@pytest.mark.parametrize("value", [int, 5, object, type("Kind", (), {})])
def test_what_is_no_class_for_modules_is_refused_as_of_a_plain_one(workshop: Workshop, value: Any) -> None:
    shop = workshop.freeze("shop", "N = 1\n")
    with pytest.raises(TypeError) as frozen:
        shop.__class__ = value
    with pytest.raises(TypeError) as unfrozen:
        ModuleType("stall").__class__ = value
    assert str(frozen.value) == str(unfrozen.value)
    assert shop.N == 1


@pytest.mark.parametrize("base", BASES)
def test_a_module_that_was_imported_before_keeps_it(workshop: Workshop, base: str) -> None:
    workshop.write("shop.py", GIVES.format(n=1, base=base))
    shop: Any = workshop.load("shop")
    before = shop.call()
    bf.freeze_block("shop")
    assert shop.call() == before
    bf.swap(shop, source=NONE.format(n=2))
    assert shop.call() == [False] * 4
    bf.rollback(shop)
    assert shop.call() == before


def test_a_module_is_its_members_facade_whatever_its_class(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", GIVES.format(n=1, base=BASES[0]))
    bf.swap(shop, source=GIVES.format(n=2, base=BASES[0]))
    assert sys.modules["shop"] is shop
    assert bf.status(shop).current == 2
    assert isinstance(shop, shop.Kind)
    assert isinstance(shop, ModuleType)
