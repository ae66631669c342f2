"""The code around a block: the foreign module that it uses and calls it back, and the client that calls it.

Both are ordinary modules that no tool is told about. The client takes everything before the first swap: a
from-import, a table that holds the entry, an instance and a bound method of it.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["ROUTES", "write_surroundings"]

ROUTES = ("attribute", "from-import", "table", "instance", "bound method")
"""How a call from outside reaches the block; the names of the client's functions, in the client's order."""

_OUTSIDE = '''
"""Foreign code that a block uses, and that calls back into it."""

import functools
import threading
import types

LOCK = threading.Lock()
_taken = {}


def call(function, *arguments):
    return function(*arguments)


def chain(functions, value):
    for function in functions:
        value = function(value)
    return value


def wrapping(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)

    return wrapper


@types.coroutine
def pause():
    yield


class Meta(type):
    """A framework's metaclass, which keeps the classes that it makes."""

    made = {}

    def __init__(cls, *arguments):
        super().__init__(*arguments)
        Meta.made.setdefault(cls.__name__, cls)


def by_attribute(n):
    import BLOCK

    return BLOCK.frob(n)


def by_import(n):
    if "bar" not in _taken:
        from BLOCK import bar

        _taken["bar"] = bar
    return _taken["bar"](())


def till():
    if "till" not in _taken:
        from BLOCK import Till

        class ForeignTill(Till):
            def total(self, n):
                return super().total(n)

        _taken["till"] = ForeignTill()
    return _taken["till"]
'''

_CLIENT = '''
"""Foreign code that calls a block by every route that it has."""

import BLOCK
from BLOCK import Handler, foo

TABLE = {"foo": foo}
INSTANCE = Handler()
BOUND = INSTANCE.handle


def by_attribute(n):
    return BLOCK.foo(n)


def by_import(n):
    return foo(n)


def by_table(n):
    return TABLE["foo"](n)


def by_instance(n):
    return INSTANCE.handle(n)


def by_bound_method(n):
    return BOUND(n)


ROUTES = (by_attribute, by_import, by_table, by_instance, by_bound_method)
'''


def write_surroundings(directory: Path, block: str) -> None:
    """Write the foreign module and the client of `block` into `directory`."""
    (directory / f"{block}_outside.py").write_text(_OUTSIDE.replace("BLOCK", block), encoding="utf-8")
    (directory / f"{block}_client.py").write_text(_CLIENT.replace("BLOCK", block), encoding="utf-8")
