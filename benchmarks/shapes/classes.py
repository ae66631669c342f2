"""Shapes of one module whose parts are attributes of classes and kinds of classes."""

from __future__ import annotations

from benchmarks.shapes.shape import PARKED, Shape, module

__all__ = ["SHAPES"]

SHAPES: tuple[Shape, ...] = (
    module(
        "class_attributes",
        "data that hang on a class, read together with code",
        """
class Rates:
    frob = VERSION

    class Inner:
        bar = VERSION

def frob(n):
    return (Rates.frob, VERSION)
#GAP
def bar(parts):
    return (*parts, Rates.Inner.bar, Rates().frob)

def foo(n):
    return (*bar(frob(n)), Rates.frob)
""",
    ),
    module(
        "dataclass",
        "dataclasses",
        """
from dataclasses import dataclass, field

@dataclass
class Order:
    parts: tuple
    tag: int = VERSION

    def total(self):
        return bar((*self.parts, self.tag))

@dataclass(frozen=True, order=True)
class Line:
    number: int
    tags: tuple = field(default_factory=lambda: (VERSION,))

def frob(n):
    return min(Line(2), Line(1)).tags
#GAP
def bar(parts):
    return (*parts, VERSION)

def foo(n):
    return Order(frob(n)).total()
""",
    ),
    module(
        "slots",
        "slots, a named tuple, an enumeration",
        """
from enum import Enum
from typing import NamedTuple

class Cell:
    __slots__ = ("parts",)

    def __init__(self, parts):
        self.parts = (*parts, VERSION)

    def total(self):
        return bar(self.parts)

class Pair(NamedTuple):
    left: tuple
    right: int = VERSION

    def joined(self):
        return (*self.left, self.right, VERSION)

class Kind(Enum):
    ONLY = VERSION

    def tag(self):
        return VERSION

def frob(n):
    return (VERSION, Kind.ONLY.value, Kind.ONLY.tag())
#GAP
def bar(parts):
    return (*parts, VERSION)

def foo(n):
    return Pair(Cell(frob(n)).total()).joined()
""",
    ),
    module(
        "registry",
        "__init_subclass__ that registers, and a metaclass",
        """
REGISTRY = {}

class Meta(type):
    def tag(cls):
        return VERSION

class Base:
    def __init_subclass__(cls, **named):
        REGISTRY[cls.__name__] = cls

    def total(self, n):
        return (VERSION,)
#GAP
class Leaf(Base):
    def total(self, n):
        return (*super().total(n), VERSION)

class Made(metaclass=Meta):
    pass

def foo(n):
    return (*REGISTRY["Leaf"]().total(n), Made.tag(), VERSION)
""",
    ),
    module(
        "carried",
        "a class of a foreign metaclass, which is carried over, called from where the metaclass keeps it",
        """
import OUTSIDE

class Till(metaclass=OUTSIDE.Meta):
    rate = 1

    def frob(self, n):
        return (VERSION, mark())

    @property
    def shown(self):
        return mark()

    @classmethod
    def bar(cls, parts):
        return (*parts, mark(), VERSION)
#GAP
def mark():
    return VERSION

def foo(n):
    till = OUTSIDE.Meta.made["Till"]()
    return (*Till.bar(till.frob(n)), till.shown)
""",
    ),
    module(
        "method_table",
        "methods taken as values into tables and partials",
        """
from functools import partial

class Till:
    def frob(self, n):
        return (VERSION,)

    def bar(self, parts):
        return (*parts, VERSION)
#GAP
TILL = Till()
TABLE = {"frob": Till.frob, "bar": TILL.bar}
BAR = partial(Till.bar, TILL)

def foo(n):
    return BAR(TABLE["bar"](TABLE["frob"](TILL, n)))
""",
        handler=PARKED,
    ),
)
