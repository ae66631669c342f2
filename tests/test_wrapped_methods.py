"""Methods that a decorator has put into something else: what others hold of them is the entry, and is never torn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

OUTSIDE = """
import functools
held = {}

class Task:
    def __init__(self, function):
        self.function = function
        held[function.__qualname__] = self
    def __get__(self, instance, owner=None):
        return self
    def run(self, *given):
        return self.function(*given)

class Slotted:
    __slots__ = ("call",)
    def __init__(self, function):
        self.call = function
        held[function.__qualname__] = self
    def run(self, *given):
        return self.call(*given)

class Nested:
    def __init__(self, function):
        self.steps = [Task(function)]
        held[function.__qualname__] = self
    def run(self, *given):
        return self.steps[0].run(*given)

def hook(**options):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*given):
            return function(*given)
        held[function.__qualname__] = type("Raw", (), {"run": staticmethod(function)})
        return wrapper
    return decorate

def listed(function):
    held[function.__qualname__] = type("Raw", (), {"run": staticmethod(function)})
    return {"function": function}

class Meta(type):
    pass

class Base(metaclass=Meta):
    pass
"""

SHOP = """
from a_registry import Base, Nested, Slotted, Task, hook, listed

def mark():
    return "v1"

class {name}({base}):
    @Task
    def task(self):
        return "v1", self.own(), mark()

    @Slotted
    def slotted(self):
        return "v1", self.own(), mark()

    @Nested
    def nested(self):
        return "v1", self.own(), mark()

    @hook()
    def hooked(self):
        return "v1", self.own(), mark()

    @listed
    def listed(self):
        return "v1", self.own(), mark()

    @property
    @hook(some=1)
    def shown(self):
        return "v1", self.own(), mark()

    def own(self):
        return "v1"

    @Task
    def twice(self, then):
        first = mark()
        then()
        return first, self.own(), mark()
"""

NAMES = ("task", "slotted", "nested", "hooked", "listed", "shown")


@pytest.fixture
def registry(workshop: Workshop) -> Iterator[ModuleType]:
    """A module outside that holds what its decorators have made, and through it the methods."""
    workshop.write("a_registry.py", OUTSIDE)
    yield workshop.load("a_registry")
    sys.modules.pop("a_registry", None)


@pytest.fixture(params=["object", "Base"])
def shop(request: pytest.FixtureRequest, workshop: Workshop, registry: ModuleType) -> ModuleType:
    """A block with a class whose methods are held outside: a plain one, and one that is carried over."""
    workshop.write("shop.py", SHOP.format(name="Till", base=request.param))
    return bf.freeze_block("shop")


def text(workshop: Workshop, version: str) -> str:
    """Return the source of another version."""
    return (workshop.path / "shop.py").read_text().replace('"v1"', repr(version))


def answers(registered: dict[str, Any], till: object) -> dict[str, Any]:
    """Return what each held method answers."""
    return {name: registered[f"Till.{name}"].run(till) for name in NAMES}


def all_are(version: str) -> dict[str, Any]:
    """Return what `answers` is if everything is of one version."""
    return dict.fromkeys(NAMES, (version,) * 3)


def test_what_a_registry_outside_holds_of_a_method_is_current(
    shop: ModuleType, workshop: Workshop, registry: ModuleType
) -> None:
    held, till = dict(registry.held), shop.Till()
    assert answers(held, till) == all_are("v1")
    for version in ("v2", "v3"):
        bf.swap(shop, source=text(workshop, version))
        assert answers(held, till) == all_are(version)
        assert answers(registry.held, till) == all_are(version)
        assert (till.hooked(), till.shown) == ((version,) * 3,) * 2
    bf.rollback(shop)
    assert answers(held, till) == all_are("v2")


def test_a_call_that_has_begun_through_such_a_registry_stays_in_its_generation(
    shop: ModuleType, workshop: Workshop, registry: ModuleType
) -> None:
    held, till = dict(registry.held), shop.Till()

    def swap() -> None:
        bf.swap(shop, source=text(workshop, "v2"))
        assert answers(held, till) == all_are("v1")  # what the old call reaches

    assert held["Till.twice"].run(till, swap) == ("v1",) * 3
    assert held["Till.twice"].run(till, lambda: None) == ("v2",) * 3
    assert answers(held, till) == all_are("v2")


def test_a_swap_that_fails_leaves_such_methods_as_they_were(
    shop: ModuleType, workshop: Workshop, registry: ModuleType
) -> None:
    held, till = dict(registry.held), shop.Till()
    with pytest.raises(bf.PrepareError):
        bf.swap(shop, source=text(workshop, "v2") + "\n1 / 0\n")
    assert answers(held, till) == all_are("v1")
    bf.swap(shop, source=text(workshop, "v3"))
    assert answers(held, till) == all_are("v3")


def change_decorator(source: str) -> str:
    """Return a version in which other decorators hold the methods elsewhere."""
    return source.replace("@Task", "@Slotted").replace("@Nested", "@hook()")


def take_away(source: str) -> str:
    """Return a version without the decorator."""
    return source.replace("    @Task\n", "")


@pytest.mark.parametrize("change", [change_decorator, take_away])
def test_another_decorator_serves_what_is_held(
    shop: ModuleType, workshop: Workshop, registry: ModuleType, change: Callable[[str], str]
) -> None:
    held, till = dict(registry.held), shop.Till()
    bf.swap(shop, source=change(text(workshop, "v2")))
    assert answers(held, till) == all_are("v2")


def test_what_was_held_of_a_class_that_is_left_goes_on_whole(workshop: Workshop, registry: ModuleType) -> None:
    workshop.write("shop.py", SHOP.format(name="Till", base="object"))
    shop = bf.freeze_block("shop")
    held, till = dict(registry.held), shop.Till()
    bf.swap(shop, source=text(workshop, "v2").replace("Till(object):", 'Till(dict):\n    __slots__ = ("more",)'))
    assert answers(held, till) == all_are("v1")
    bf.swap(shop, source=text(workshop, "v3").replace("class Till", "class Other"))
    assert answers(held, till) == all_are("v1")


def test_a_method_that_is_gone_says_so(workshop: Workshop, registry: ModuleType) -> None:
    workshop.write("shop.py", SHOP.format(name="Till", base="object"))
    shop = bf.freeze_block("shop")
    held, till = dict(registry.held), shop.Till()
    bf.swap(shop, source="class Till:\n    pass\n")
    with pytest.raises(bf.EntryRemovedError, match=r"Till\.task"):
        held["Till.task"].run(till)
