"""What code that is not linked takes out of a class's dictionary while a version is built is the version's value."""

from __future__ import annotations

import sys
from textwrap import dedent
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

OUTSIDE = """
import copy, pickle, types

def taken(cls, name):
    return cls.__dict__[name]

def renamed(cls):
    for value in list(vars(cls).values()):
        if isinstance(value, types.FunctionType):
            value.__module__ = "shown"
    return cls.method.__module__

def marked(cls):
    for name in ("method", "table"):
        value = taken(cls, name)
        value.mark = name
    return vars(cls)["method"].mark, vars(cls)["table"].mark

def unmarked(cls):
    marked(cls)
    del taken(cls, "table").mark
    return hasattr(cls.table, "mark"), sorted(vars(cls.table))

def copied(cls):
    again = copy.copy(taken(cls, "table"))
    return type(again).__name__, again.version, again is cls.table

def copied_deep(cls):
    again = copy.deepcopy({"in": taken(cls, "table")})["in"]
    return type(again).__name__, again.version, again.list, again.list is cls.table.list

def pickled(cls):
    return pickle.loads(pickle.dumps(taken(cls, "table"))).version

def pickled_list(cls):
    return pickle.loads(pickle.dumps([taken(cls, "number")]))

class Table:
    def __init__(self, version):
        self.version, self.list = version, [version]

class Field(Table):
    def __get__(self, instance, owner=None):
        return self
    def __set__(self, instance, value):
        raise AttributeError("read-only")
"""

SHOP = """
import outside

class Till:
    def method(self): return V
    table = outside.KIND(V)
    number = V

found = outside.SPELLING(Till)
"""

SPELLINGS = ("renamed", "marked", "unmarked", "copied", "copied_deep", "pickled", "pickled_list")


@pytest.mark.parametrize("kind", ["Table", "Field"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_value_out_of_a_class_dictionary_is_worked_on_as_after_a_cold_start(
    workshop: Workshop, spelling: str, kind: str
) -> None:
    workshop.write("outside.py", OUTSIDE)
    texts = [SHOP.replace("SPELLING", spelling).replace("KIND", kind).replace("V", str(v)) for v in (1, 2)]
    cold: list[Any] = []
    for version, text in enumerate(texts, 1):
        workshop.write(f"cold{version}.py", text)
        cold.append(workshop.load(f"cold{version}").found)
    workshop.write("shop.py", texts[0])
    shop = bf.freeze_block("shop")
    assert shop.found == cold[0]
    before = vars(shop.Till)["table"]
    workshop.write("shop.py", texts[1])
    bf.swap(shop)
    assert shop.found == cold[1]
    assert before.version == 1
    bf.drain(shop, timeout=60)
    assert sorted(vars(vars(shop.Till)["table"])) == sorted(vars(sys.modules["cold2"].Till.table))


def test_what_an_attribute_is_set_on_belongs_to_the_version_that_is_built(workshop: Workshop) -> None:
    workshop.write("outside.py", OUTSIDE)
    workshop.write(
        "shop.py",
        SHOP.replace("SPELLING", "taken")
        .replace("(Till)", '(Till, "table").version')
        .replace("KIND", "Table")
        .replace("V", "1"),
    )
    shop = bf.freeze_block("shop")
    before = shop.Till.table
    workshop.write("shop.py", SHOP.replace("SPELLING", "marked").replace("KIND", "Table").replace("V", "2"))
    candidate = bf.prepare(shop)
    assert not hasattr(before, "mark")
    assert not hasattr(shop.Till.table, "mark")
    candidate.discard()
    assert vars(shop.Till)["table"] is before


def test_a_metaclass_that_watches_assignments_is_told_nothing_when_a_version_is_built(workshop: Workshop) -> None:
    text = dedent("""
        class Watching(type):
            def __setattr__(cls, name, value):
                cls.told(name)
                super().__setattr__(name, value)
        class Base:
            @classmethod
            def told(cls, name): raise LookupError(name)
        class Till(Base, metaclass=Watching):
            def method(self): return V
        held = Till().method
    """)
    workshop.write("shop.py", text.replace("V", "1"))
    shop = bf.freeze_block("shop")
    held = shop.held
    workshop.write("shop.py", text.replace("V", "2"))
    bf.swap(shop)
    assert held() == shop.Till().method() == 2


@pytest.mark.parametrize("metaclass", ["type", "Watching"])
def test_a_function_that_exec_has_made_in_globals_of_its_own_finds_the_class_that_stays(
    workshop: Workshop, metaclass: str
) -> None:
    text = dedent("""
        class Watching(type):
            def __setattr__(cls, name, value):
                super().__setattr__(name, value)
        class Shelf(metaclass=METACLASS): pass
        def made(cls):
            names = dict(globals())
            names["own"] = cls
            made = {}
            exec("def make(): return own()", names, made)
            return staticmethod(made["make"])
        def registering(cls):
            setattr(Shelf, "make", made(cls))
            return cls
        @registering
        class Till:
            def method(self): return V
        table = {Till: V}
    """).replace("METACLASS", metaclass)
    workshop.write("shop.py", text.replace("V", "1"))
    shop = bf.freeze_block("shop")
    held = shop.Till, shop.Shelf
    workshop.write("shop.py", text.replace("V", "2"))
    bf.swap(shop)
    assert type(held[1].make()) is held[0]
    assert shop.table[type(shop.Shelf.make())] == 2
    bf.rollback(shop)
    assert shop.table[type(shop.Shelf.make())] == 1


@pytest.mark.parametrize("statement", ["cls.own = own", 'setattr(cls, "own", own)'])
def test_a_closure_sets_an_attribute_of_a_class_for_its_own_version(workshop: Workshop, statement: str) -> None:
    text = dedent("""
        class Till:
            @classmethod
            def registering(cls, own):
                def register(function):
                    STATEMENT
                    return function
                return register
        @Till.registering(V)
        def first(): return V
        found = Till.own
    """).replace("STATEMENT", statement)
    workshop.write("shop.py", text.replace("V", "1"))
    shop = bf.freeze_block("shop")
    workshop.write("shop.py", text.replace("V", "2"))
    candidate = bf.prepare(shop)
    assert shop.Till.own == 1
    candidate.commit()
    assert shop.Till.own == shop.found == 2
    bf.rollback(shop)
    assert shop.Till.own == shop.found == 1


@pytest.mark.parametrize("inside", ["", "lambda: cls_"])
def test_the_first_argument_of_a_class_method_is_a_class_whatever_its_name(workshop: Workshop, inside: str) -> None:
    text = (
        dedent("""
        class Visitor:
            @classmethod
            def register(cls_, kind):
                INSIDE
                if "table" not in cls_.__dict__:
                    cls_.table = {}
                def put(function):
                    assert kind not in Visitor.table, kind
                    Visitor.table[kind] = VERSION
                return put
        @Visitor.register(int)
        def visit(): pass
        @Visitor.register(str)
        def visit_other(): pass
    """)
        .replace("INSIDE", inside or "pass")
        .replace("cls_", "first")
    )
    workshop.write("shop.py", text.replace("VERSION", "1"))
    shop = bf.freeze_block("shop")
    workshop.write("shop.py", text.replace("VERSION", "2"))
    bf.swap(shop)
    assert shop.Visitor.table == {int: 2, str: 2}
    bf.rollback(shop)
    assert shop.Visitor.table == {int: 1, str: 1}
