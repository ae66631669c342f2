"""Shapes of one module whose parts are called through values, and read together with data and state."""

from __future__ import annotations

from benchmarks.shapes.shape import Shape, module

__all__ = ["SHAPES"]

SHAPES: tuple[Shape, ...] = (
    module(
        "table",
        "a dispatch table",
        """
def frob(n):
    return (VERSION,)  #v1
    return (VERSION, VERSION)  #v2
#GAP
def bar(parts):
    return (*parts, VERSION)

TABLE = {"frob": frob, "bar": bar}

def foo(n):
    return TABLE["bar"](TABLE["frob"](n))
""",
    ),
    module(
        "late_table",
        "a dispatch table that is filled by the body, ahead of a long rest",
        """
TABLE = {}

def register(function):
    TABLE[function.__name__] = function
    return function

@register
def frob(n):
    return (VERSION,)
#GAP
@register
def bar(parts):
    return (*parts, VERSION)

def foo(n):
    return TABLE["bar"](TABLE["frob"](n))
""",
    ),
    module(
        "partial",
        "functools.partial",
        """
from functools import partial

def frob(extra, n):
    return (VERSION,)

FROB = partial(frob, 1)
#GAP
def bar(more, parts):
    return (*parts, *more, VERSION)

BAR = partial(bar, (VERSION,))

def foo(n):
    return BAR(FROB(n))
""",
    ),
    module(
        "closure",
        "closures made once, and made by each call",
        """
def frob(n):
    return (VERSION,)

def make(tag):
    def inner(parts):
        return (*frob(tag), *parts, tag)
    return inner

INNER = make(VERSION)
#GAP
def bar(parts):
    return (*parts, VERSION)

def foo(n):
    return bar(make(VERSION)(INNER(())))
""",
    ),
    module(
        "lambda",
        "lambdas bound to names",
        """
frob = lambda n: (VERSION,)
#GAP
bar = lambda parts: (*parts, *frob(0), VERSION)

def foo(n):
    later = lambda: bar(frob(n))
    return later()
""",
    ),
    module(
        "comprehension",
        "calls from comprehensions and generator expressions",
        """
def frob(n):
    return VERSION
#GAP
def bar(*parts):
    return (*parts, VERSION)

def foo(n):
    listed = [bar(frob(one)) for one in range(2)]
    named = {one: frob(one) for one in range(2)}
    return (*listed[0], *listed[1], *named.values(), *(bar(one)[1] for one in named))
""",
    ),
    module(
        "defaults",
        "default arguments that hold functions and values",
        """
RATE = VERSION

def frob(n, tag=VERSION, rate=RATE):
    return (tag, rate)
#GAP
def bar(parts, *, tag=VERSION, rate=RATE):
    return (*parts, tag, rate)

def foo(n, frob=frob, bar=bar, tag=VERSION):
    return (*bar(frob(n)), tag)
""",
    ),
    module(
        "constants",
        "constants and tables that are read together with code",
        """
RATES = {"frob": VERSION}

def frob(n):
    return (RATES["frob"], VERSION)
#GAP
LIMIT = VERSION

def bar(parts):
    return (*parts, LIMITS[0], LIMIT)

LIMITS = [VERSION, VERSION]

def foo(n):
    return (LIMIT, RATES["frob"], *bar(frob(n)), LIMITS[1])
""",
    ),
    module(
        "errors",
        "exceptions of the block, raised and caught in it",
        """
class Refused(Exception):
    pass

class Declined(Refused):
    tag = VERSION

def frob(n):
    raise Refused(VERSION)
#GAP
def bar(parts):
    raise Declined((*parts, VERSION))

def foo(n):
    try:
        frob(n)
    except Refused as error:
        try:
            bar(error.args)
        except Declined as again:
            return (*again.args[0], again.tag)
""",
    ),
    module(
        "counter",
        "a counter rebound with global, under a foreign lock: no call may be lost",
        """
import OUTSIDE

counter = 0

def frob(n):
    global counter
    with OUTSIDE.LOCK:
        counter += 1
    return (VERSION,)
#GAP
def bar(parts):
    return (*parts, VERSION)

def counted():
    return counter

def foo(n):
    return bar(frob(n))
""",
        counts=True,
    ),
)
