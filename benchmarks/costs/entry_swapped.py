"""What does a call through an entry cost after a swap, against a one-line wrapper written by hand?

The block was swapped and drained, so its entries forward through the plain vector. The wrapper is what one would
write to be able to replace a function later; it has the function's signature. An entry has a harder task: it passes on
exactly the arguments that it was given, so that defaults are always the current generation's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import blockfreeze as bf
from benchmarks.costs.effort import Effort
from benchmarks.costs.modules import calls, imported, written
from benchmarks.costs.question import Question
from benchmarks.costs.rows import Measured
from benchmarks.costs.versus import Contender, versus

TARGET = 1.25
STATEMENTS = ("leaf(1)", "foo(1)", "quote(3)", "quote(3, 2)", "quote(3, 2, discount=1)")

_WRAPPERS = '''\
"""One-line wrappers around the functions of the plain module."""

import plain

current_leaf = plain.leaf
current_foo = plain.foo
current_quote = plain.quote


def leaf(a):
    return current_leaf(a)


def foo(a):
    return current_foo(a)


def quote(price, amount=1, *, discount=0):
    return current_quote(price, amount, discount=discount)
'''


def measure(effort: Effort, place: Path, _subject: str) -> Iterator[Measured]:
    """Time calls through entries of a swapped, drained block, through wrappers, and of the plain functions."""
    written(place, "block", calls(1))
    plain = imported(place, "plain", calls(2))
    wrappers = imported(place, "wrappers", _WRAPPERS)
    block = bf.freeze_block("block")
    entries: dict[str, Callable[..., object]] = {name: getattr(block, name) for name in ("leaf", "foo", "quote")}
    bf.swap(block, source=calls(2))
    bf.drain(block, timeout=30)
    for statement in STATEMENTS:
        name = statement.partition("(")[0]
        entry = Contender("entry, swapped", {name: entries[name]}, TARGET)
        plainly = Contender("plain function", {name: getattr(plain, name)})
        wrapped = Contender("one-line wrapper", {name: getattr(wrappers, name)})
        yield from versus(statement, statement, wrapped, (entry,), effort)
        yield from versus(statement, statement, plainly, (Contender(entry.label, entry.names),), effort)


QUESTION = Question(__name__, __doc__, measure, repeated=True)
