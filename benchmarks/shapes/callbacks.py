"""Shapes of one module whose parts are called back, by C code or by foreign Python."""

from __future__ import annotations

from benchmarks.shapes.shape import Shape, module

__all__ = ["SHAPES"]

SHAPES: tuple[Shape, ...] = (
    module(
        "sorted",
        "sorted(key=) and min(key=)",
        """
def weigh(row):
    row.append(VERSION)
    return row[0]
#GAP
def bar(rows):
    return tuple(row[-1] for row in rows) + (VERSION,)

def foo(n):
    rows = [[3], [1], [2]]
    min(rows, key=weigh)
    return bar(rows) + bar(sorted(rows, key=weigh))
""",
    ),
    module(
        "map",
        "map and filter, lazily",
        """
def frob(n):
    return [VERSION]
#GAP
def bar(parts):
    parts.append(VERSION)
    return True

def foo(n):
    return tuple(tag for parts in filter(bar, map(frob, range(3))) for tag in parts)
""",
    ),
    module(
        "reduce",
        "functools.reduce",
        """
from functools import reduce

def frob(n):
    return (VERSION,)
#GAP
def join(left, right):
    return (*left, *frob(0), *right, VERSION)

def foo(n):
    return reduce(join, [frob(1), frob(2), frob(3)])
""",
    ),
    module(
        "re_sub",
        "re.sub with a function",
        """
import re

def frob(match):
    return "VERSION "
#GAP
def bar(text):
    return (*map(int, text.split()), VERSION)

def foo(n):
    return bar(re.sub("x", frob, "xxx"))
""",
    ),
    module(
        "protocol",
        "special methods that C code calls: __lt__, __iter__, __getitem__, __hash__, __eq__",
        """
class Row:
    def __init__(self, weight):
        self.weight = weight
        self.tags = [VERSION]

    def __lt__(self, other):
        self.tags.append(VERSION)
        return self.weight < other.weight

    def __iter__(self):
        return iter((*self.tags, frob(0)))

    def __getitem__(self, index):
        return VERSION if index < 2 else self.stop()

    def stop(self):
        raise IndexError

    def __hash__(self):
        self.tags.append(VERSION)
        return 1

    def __eq__(self, other):
        self.tags.append(VERSION)
        return True

def frob(n):
    return VERSION
#GAP
def foo(n):
    rows = sorted([Row(2), Row(1)])
    for row in {rows[0]: 1, rows[1]: 2}:
        rows.append(row)
    return (*rows[0], *rows[1], rows[2][0], VERSION)
""",
    ),
    module(
        "foreign",
        "foreign Python that calls back with what it was given",
        """
import OUTSIDE

def frob(n):
    return (VERSION,)
#GAP
def bar(parts):
    return (*parts, VERSION)

def foo(n):
    return OUTSIDE.call(bar, OUTSIDE.call(frob, n))
""",
    ),
    module(
        "foreign_chain",
        "block to foreign to block to foreign to block, and a chain over a list",
        """
import OUTSIDE

def frob(n):
    return OUTSIDE.call(lambda: (*OUTSIDE.call(leaf), VERSION))

def leaf():
    return (VERSION,)
#GAP
def bar(parts):
    return OUTSIDE.chain([push, push], (*parts, VERSION))

def push(parts):
    return (*parts, VERSION)

def foo(n):
    return OUTSIDE.chain([frob, bar, push], n)
""",
    ),
    module(
        "foreign_by_name",
        "foreign Python that calls back through what it imported from the block",
        """
import OUTSIDE

def frob(n):
    return (VERSION,)
#GAP
def bar(parts):
    return (*parts, VERSION)

def foo(n):
    return (*OUTSIDE.by_attribute(n), *OUTSIDE.by_import(n), VERSION)
""",
    ),
    module(
        "foreign_subclass",
        "a foreign class that inherits from the block's and is called from it",
        """
import OUTSIDE

class Till:
    def frob(self, n):
        return (VERSION,)

    def total(self, n):
        return bar(self.frob(n))
#GAP
def bar(parts):
    return (*parts, VERSION)

def foo(n):
    return (*OUTSIDE.till().total(n), VERSION)
""",
    ),
)
