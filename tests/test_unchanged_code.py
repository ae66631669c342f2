"""What a swap takes over because code, or a text, is the same: what is told apart by less must still be told apart."""

from __future__ import annotations

import ast
import weakref
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf
from blockfreeze.linking import cpython
from blockfreeze.linking.analysis import copy_code, have_one_origin, nested_codes
from blockfreeze.versions.statements import said, say_alike

TWICE = """
def one(self):
    self.first = 1
def two(self):
    self.first = 1
"""


def functions_of(text: str) -> list[Any]:
    return nested_codes(compile(text, "text.py", "exec"))


def test_copies_have_one_origin_and_equal_functions_of_a_text_or_of_two_texts_have_not() -> None:
    one, two = functions_of(TWICE)
    again, _ = functions_of(TWICE)
    assert have_one_origin(one, copy_code(one))
    assert have_one_origin(copy_code(one), copy_code(copy_code(one)))
    assert not have_one_origin(one, two)
    assert not have_one_origin(one, again)


@pytest.mark.parametrize("attribute", ["first", "second"])
def test_an_attribute_that_only_the_new_method_assigns_is_seen_though_names_and_lines_are_the_same(
    workshop: Workshop, attribute: str
) -> None:
    text = "class Till:\n    def open(self):\n        self.first = 1\n    def seen(self):\n        return vars(self)\n"
    shop = workshop.freeze("shop", text)
    bf.swap(shop)
    till = shop.Till()
    bf.swap(shop, source=text.replace("first", attribute).replace("vars(self)", f"getattr(self, {attribute!r}, None)"))
    # An instance that lacks what the new method assigns goes on with the old method.
    assert till.seen() == (None if attribute == "first" else {})


def test_the_functions_that_a_method_has_had_forward_by_one_code_and_run_what_serves(workshop: Workshop) -> None:
    text = "class Till:\n    def total(self, add=1):\n        return VERSION + add\nVERSION = 1\n"
    shop = workshop.freeze("shop", text)
    held: list[Any] = []
    for version in range(2, 6):
        held.append(shop.Till.total)
        workshop.write("shop.py", text.replace("VERSION = 1", f"VERSION = {version}"))
        bf.swap(shop)
    till = shop.Till()
    assert [one(till) for one in held] == [6, 6, 6, 6]
    first, *others = (one.__code__ for one in held)
    assert all(one is first for one in others)
    # Another signature, and another line: they go on, and show what each of them had.
    bf.swap(shop, source="\n" + text.replace("add=1", "add=1, more=2").replace("VERSION + add", "VERSION + add + more"))
    assert [one(till, more=3) for one in held] == [5, 5, 5, 5]


@pytest.mark.parametrize(
    "put",
    [
        "Till.known.append(cls)",
        "Till.known.append((1, [cls]))",
        "Till.holder.cls = cls",
        "Till.known.append(weakref.ref(cls))",
        "Till.holder.call = lambda: cls",
    ],
)
def test_what_a_class_holds_leads_to_the_class_itself_while_the_body_goes_on(workshop: Workshop, put: str) -> None:
    text = f"""
import weakref

class Holder:
    pass

def register(cls):
    Till = cls
    {put}
    return cls

@register
class Till:
    known = []
    holder = Holder()

def found():
    held = [*Till.known, getattr(Till.holder, "cls", None), getattr(Till.holder, "call", lambda: None)()]
    held = [one[1][0] if isinstance(one, tuple) else one for one in held]
    return [one() if isinstance(one, weakref.ref) else one for one in held if one is not None]

FOUND = [one is Till for one in found()]
"""
    shop = workshop.freeze("shop", text)
    for number in range(3):
        bf.swap(shop, source=f"{text}\n# {number}\n")
        assert shop.FOUND
        assert all(shop.FOUND)


def test_what_is_done_again_is_told_with_the_place_where_the_text_lies_now(workshop: Workshop, tmp_path: Path) -> None:
    text = "import atexit\natexit.register(print)\n"
    shop = workshop.freeze("shop", text)
    places: list[str] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "shop.py").write_text(text, encoding="utf-8")
        (told,) = bf.swap(shop, source=tmp_path / name).done_again
        places.append(told)
    assert [Path(one.partition(".py:")[0]).parent.name for one in places] == ["one", "two"]


def test_a_function_that_a_class_attribute_holds_is_found_in_whatever_holds_it(workshop: Workshop) -> None:
    text = """
import typing

class Table:
    def one(self): return VERSION
    def two(self): return VERSION
    def three(self): return VERSION
    constants = (1, "a", None, int)
    table = {"two": two, "x": (1, 2)}
    kind: typing.Annotated[int, three]
    listed = [(1, one)]

VERSION = 1
"""
    shop = workshop.freeze("shop", text)
    bf.swap(shop)
    held = [shop.Table.table["two"], shop.Table.listed[0][1], shop.Table.__annotations__["kind"].__metadata__[0]]
    assert all(type(one) is FunctionType for one in held)
    bf.swap(shop, source=text.replace("VERSION = 1", "VERSION = 2"))
    assert [one(shop.Table()) for one in held] == [2, 2, 2]


def test_a_weak_reference_to_a_method_stays_equal_though_nobody_else_holds_the_function(workshop: Workshop) -> None:
    text = "class Till:\n    def total(self): return VERSION\nVERSION = 1\n"
    shop = workshop.freeze("shop", text)
    till = shop.Till()
    for version in range(2, 5):
        held = weakref.WeakMethod(till.total)
        bf.swap(shop, source=text.replace("VERSION = 1", f"VERSION = {version}"))
        assert held == weakref.WeakMethod(till.total)
        assert till.total() == version


EXPRESSIONS = (
    *("1", "True", "1.0", "1j", "-0.0", "0.0", "1e999", "10 ** 5000", "0x" + "f" * 5000, "None", "...", "'1'", "b'1'"),
    *("a", "a.b", "a.c", "a[1]", "a[1:]", "f(a)", "f(a, b)", "f(a=b)", "f(*a)", "(a, b)", "[a, b]", "{a: b}", "{**a}"),
    *("lambda: a", "lambda a: a", "lambda a, /: a", "lambda *, a: a", "[a for a in b]", "[a async for a in b]"),
    *("f'{a}'", "f'{a!r}'", "a if b else c", "a < b", "a < b < c", "not a", "a and b", "a or b", "(a := b)"),
)


@pytest.mark.parametrize("one", EXPRESSIONS)
def test_two_trees_say_alike_if_what_they_say_has_one_text(one: str) -> None:
    tree = ast.parse(f"x = {one}")
    for other in EXPRESSIONS:
        with_layout = ast.parse(f"x  =  ( {other} )  # a comment")
        assert say_alike(tree, with_layout) is (said(tree) == said(with_layout)) is (one == other)


def test_versions_that_come_back_by_turns_are_compared_and_surveyed_once(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {
        number: workshop.version(
            number,
            {
                "turns/__init__.py": f"from turns import same\ndef foo():{' ' * int(number)}return {number}\n",
                "turns/same.py": "import atexit\natexit.register(print)\n",
            },
        )
        for number in "12"
    }
    turns = workshop.freeze("turns", "")
    reports = {number: bf.swap(turns, source=places[number]) for number in "1212"}
    parsed: list[Any] = []
    parse = cpython.parse
    monkeypatch.setattr(cpython, "parse", lambda data: parsed.append(data) or parse(data))
    for number in "1212":
        report = bf.swap(turns, source=places[number])
        assert (report.changed, report.unchanged) == (("turns.foo",), ())
        assert report.done_again == reports[number].done_again
        assert str(places[number]) in report.done_again[0]
        assert turns.foo() == int(number)
    assert not parsed
