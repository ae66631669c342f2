"""What an outside registry holds of a block: an entry, or reported, and then the old version, whole."""

from __future__ import annotations

import dataclasses
import functools
import types
import weakref
from collections.abc import Callable, Iterator
from textwrap import dedent
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf


class Slot:
    __slots__ = ("function",)

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, *given: Any) -> Any:
        return self.function(*given)


class Command:
    def __init__(self, function: Any) -> None:
        self.callback = function
        self.hooks = [function]

    def __call__(self, *given: Any) -> Any:
        return self.callback(*given)


@dataclasses.dataclass
class Route:
    function: Any
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __call__(self, *given: Any) -> Any:
        return self.function(*given)


def wrapper_of(function: Any) -> Any:
    def wrapper(*given: Any) -> Any:
        return function(*given)

    return wrapper


def by_default(function: Any) -> Any:
    def wrapper(*given: Any, call: Any = function) -> Any:
        return call(*given)

    return wrapper


def generator_with(function: Any) -> Iterator[Any]:
    while True:
        yield function


def started(generator: Any) -> Any:
    next(generator)
    return generator


def class_with(function: Any) -> type:
    return type("Other", (), {"hook": staticmethod(function)})


HELD: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "function": (lambda f: f, lambda held: held),
    "list": (lambda f: [f], lambda held: held[0]),
    "tuple": (lambda f: ("name", f, {}), lambda held: held[1]),
    "set": (lambda f: {f}, lambda held: next(iter(held))),
    "nested": (lambda f: {"a": [{"b": f}]}, lambda held: held["a"][0]["b"]),
    "mapping proxy": (lambda f: types.MappingProxyType({"f": f}), lambda held: held["f"]),
    "weak keys": (lambda f: (weakref.WeakKeyDictionary({f: 1}), f), lambda held: next(iter(held[0]))),
    "object": (Command, lambda held: held),
    "hook of an object": (Command, lambda held: held.hooks[0]),
    "object in an object": (lambda f: Command(Command(f)), lambda held: held),
    "slot": (Slot, lambda held: held),
    "dataclass": (Route, lambda held: held),
    "partial": (functools.partial, lambda held: held),
    "closure": (wrapper_of, lambda held: held),
    "wrapper": (lambda f: functools.wraps(f)(wrapper_of(f)), lambda held: held),
    "default value": (by_default, lambda held: held),
    "generator": (lambda f: started(generator_with(f)), next),
    "class": (class_with, lambda held: held.hook),
    "bound method": (lambda f: types.MethodType(f, 1), lambda held: lambda *_: held()),
}

RETURNED: dict[str, Callable[[Any, Any], Any]] = {
    "nothing": lambda function, held: None,
    "the function": lambda function, held: function,
    "what is held": lambda function, held: held,
    "something else": lambda function, held: Command(len),
}

DEFINED = {
    "function": "@registry.register\ndef command(*given): return V, helper()\n",
    "method": (
        "class Commands:\n"
        "    @registry.register\n"
        "    def command(*given): return V, helper(), Commands.of()\n"
        "    @staticmethod\n"
        "    def of(): return V\n"
    ),
    "method with super": (
        "class Base:\n"
        "    def of(self): return V\n"
        "class Commands(Base):\n"
        "    @registry.register\n"
        "    def command(*given): return V, super(Commands, Commands()).of(), __class__().of()\n"
    ),
}
MADE = {
    "closure": (
        "def make(also):\n"
        "    def command(*given): return 'v1', helper(), also()\n"
        "    return command\n"
        "kept = registry.register(make(helper))\n"
    ),
    "lambda": "kept = registry.register(lambda *given: (V, helper()))\n",
}
TEXT = "import registry\nV = 'v1'\ndef helper(): return V\n"


@pytest.fixture
def registry(workshop: Workshop) -> Any:
    workshop.write("registry.py", "held = []\nregister = None\n")
    return workshop.load("registry")


def freeze(workshop: Workshop, registry: Any, text: str, holder: str, returned: str) -> tuple[Any, Any]:
    """Return a block in which something has registered, and what calls that in the first version, from outside."""
    hold, function_of = HELD[holder]

    def register(function: Any) -> Any:
        registry.held.append(hold(function))
        return RETURNED[returned](function, registry.held[-1])

    registry.register = register
    return workshop.freeze("commands", TEXT + text), function_of


@pytest.mark.parametrize(
    ("holder", "returned"),
    [(holder, returned) for holder in HELD for returned in RETURNED if returned == "nothing" or holder == "object"],
)
@pytest.mark.parametrize("defined", DEFINED)
def test_a_definition_that_was_registered_is_an_entry(
    workshop: Workshop, registry: Any, defined: str, holder: str, returned: str
) -> None:
    text = DEFINED[defined]
    module, function_of = freeze(workshop, registry, text, holder, returned)
    first = registry.held[0]
    call = function_of(first)
    assert set(call(1)) == {"v1"}
    for version in ("v2", "v3"):
        bf.swap(module, source=(TEXT + text).replace("'v1'", f"'{version}'"))
        assert set(call(1)) == {version}
        assert set(function_of(registry.held[-1])(1)) == {version}
    bf.rollback(module)
    assert set(call(1)) == {"v2"}


@pytest.mark.parametrize("holder", [one for one in HELD if one != "generator"])  # calls that are suspended end
@pytest.mark.parametrize("made", MADE)
def test_what_has_no_name_is_reported_and_goes_on_whole(
    workshop: Workshop, registry: Any, made: str, holder: str
) -> None:
    text = MADE[made]
    module, function_of = freeze(workshop, registry, text, holder, "nothing")
    call = function_of(registry.held[0])
    report = bf.swap(module, source=(TEXT + text).replace("'v1'", "'v2'"))
    bf.drain(module, timeout=5)
    assert set(call(1)) == {"v1"}
    assert any("and go on with generation 1" in str(one) for one in report.unreached), report
    assert set(function_of(registry.held[-1])(1)) == {"v2"}


@pytest.mark.parametrize("holder", [one for one in HELD if one != "generator"])
def test_a_closure_of_an_unchanged_function_follows(workshop: Workshop, registry: Any, holder: str) -> None:
    text = MADE["closure"].replace("'v1'", "V")
    module, function_of = freeze(workshop, registry, text, holder, "nothing")
    call = function_of(registry.held[0])
    for version in ("v2", "v3"):
        report = bf.swap(module, source=(TEXT + text).replace("'v1'", f"'{version}'"))
        bf.drain(module, timeout=5)
        assert (set(call(1)), report.unreached) == ({version}, ())


def test_the_report_says_who_holds_it(workshop: Workshop, registry: Any) -> None:
    module, _ = freeze(workshop, registry, MADE["lambda"], "function", "nothing")
    report = bf.swap(module, source=(TEXT + MADE["lambda"]).replace("'v1'", "'v2'"))
    assert [str(one) for one in report.unreached] == [
        "commands.<lambda>: 1 made at line 4 are held by registry.held (list), and go on with generation 1"
    ]


def test_what_only_the_block_itself_holds_is_not_reported(workshop: Workshop) -> None:
    text = dedent("""
        import functools
        V = 'v1'
        class Table(dict):
            pass
        class Thing:
            def __init__(self, call): self.call = call
        table = Table(a=lambda: V, b=[Thing(lambda: V)])
        thing = Thing(lambda: V)
        def make():
            def inner(): return V
            return inner
        pairs = [(make(), Thing(make()))]
        class Shape:
            area = property(lambda self: V)
            rules = {"a": lambda: V}
            made = make()
        """)
    module = workshop.freeze("inside", text)
    assert bf.swap(module, source=text.replace("'v1'", "'v2'")).unreached == ()


def test_the_functions_of_a_property_are_those_of_the_class(workshop: Workshop) -> None:
    text = dedent("""
        class Shape:
            @property
            def area(self): return 'v1'
            @area.setter
            def area(self, value): self.given = value, 'v1'
        """)
    module = workshop.freeze("shapes", text)
    shape = module.Shape()
    bf.swap(module, source=text.replace("'v1'", "'v2'"))
    shape.area = 1
    assert (shape.area, shape.given) == ("v2", (1, "v2"))


def test_what_a_method_has_cached_starts_afresh(workshop: Workshop) -> None:
    text = dedent("""
        from functools import lru_cache
        class Shape:
            @lru_cache
            def area(self): return 'v1'
        """)
    module = workshop.freeze("shapes", text)
    shape, held = module.Shape(), module.Shape.area
    assert held(shape) == "v1"
    bf.swap(module, source=text.replace("'v1'", "'v2'"))
    assert held(shape) == shape.area() == "v2"
