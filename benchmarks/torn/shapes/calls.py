"""Shapes of one module: calls by name, decorated, through values, with data and state."""

from __future__ import annotations

from ..shape import Shape, module

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
    module(
        "table",
        "a dispatch table",
        f"""{_PAIR}
TABLE = {{"frob": frob, "bar": bar}}

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
