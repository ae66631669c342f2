"""Shapes of one module whose parts are called by name, plain and decorated."""

from __future__ import annotations

from benchmarks.shapes.shape import Shape, module

__all__ = ["SHAPES"]

_PAIR = """
def frob(n):
    return (VERSION,)  #v1
    return (VERSION, VERSION)  #v2
#GAP
def bar(parts):
    return (*parts, VERSION)
"""

SHAPES: tuple[Shape, ...] = (
    module(
        "nested",
        "bar(frob(n)): bar is looked up before frob is called",
        f"""{_PAIR}
def foo(n):
    return bar(frob(n))
""",
    ),
    module(
        "sequential",
        "x = frob(n); return bar(x)",
        f"""{_PAIR}
def foo(n):
    parts = frob(n)
    return bar(parts)
""",
    ),
    module(
        "recursive",
        "mutual recursion, twelve deep",
        """
def frob(n):
    return bar(n - 1) if n else (VERSION,)
#GAP
def bar(n):
    return (*frob(n - 1), VERSION) if n > 0 else (VERSION, VERSION)

def foo(n):
    return frob(n % 3 + 10)
""",
    ),
    module(
        "decorated",
        "a decorator of the block, with functools.wraps",
        """
from functools import wraps

def tagged(function):
    @wraps(function)
    def inner(*arguments):
        return (*function(*arguments), VERSION)
    return inner

@tagged
def frob(n):
    return (VERSION,)
#GAP
@tagged
@tagged
def bar(parts):
    return (*parts, VERSION)

@tagged
def foo(n):
    return bar(frob(n))
""",
    ),
    module(
        "decorated_by_class",
        "a decorator that is a class of the block, with __call__",
        """
class Tagged:
    def __init__(self, function):
        self.function = function

    def __call__(self, *arguments):
        return (*self.function(*arguments), VERSION)

@Tagged
def frob(n):
    return (VERSION,)
#GAP
@Tagged
def bar(parts):
    return (*parts, VERSION)

def foo(n):
    return bar(frob(n))
""",
    ),
    module(
        "decorated_foreign",
        "a foreign decorator, whose Python wrapper calls back",
        """
import OUTSIDE

@OUTSIDE.wrapping
def frob(n):
    return (VERSION,)
#GAP
@OUTSIDE.wrapping
def bar(parts):
    return (*parts, VERSION)

@OUTSIDE.wrapping
def foo(n):
    return bar(frob(n))
""",
    ),
    module(
        "contextmanager",
        "a foreign decorator of the standard library, contextlib.contextmanager",
        """
from contextlib import contextmanager

@contextmanager
def frob(n):
    yield (VERSION,)
#GAP
def bar(parts):
    return (*parts, VERSION)

def foo(n):
    with frob(n) as parts, frob(n) as more:
        return bar(parts + more)
""",
    ),
    module(
        "lru_cache",
        "functools.lru_cache on the callee",
        """
from functools import lru_cache

@lru_cache(maxsize=None)
def frob(n):
    return (VERSION,)
#GAP
@lru_cache
def bar(parts):
    return (*parts, VERSION)

def foo(n):
    return bar(frob(n % 10))
""",
    ),
    module(
        "singledispatch",
        "functools.singledispatch",
        """
from functools import singledispatch

@singledispatch
def frob(n):
    return (VERSION,)

@frob.register(str)
def frob_text(n):
    return (VERSION, VERSION)
#GAP
@singledispatch
def bar(parts):
    return (*parts, VERSION)

def foo(n):
    return bar(frob(n) + frob(str(n)))
""",
    ),
)
