"""The modules that are measured, generated: in each, ``version`` changes every definition's body."""

from __future__ import annotations

import importlib
from pathlib import Path
from textwrap import indent
from types import ModuleType

from benchmarks.costs.interleave import UNROLLED

_CALLS = '''\
"""Small functions whose cost is nearly all call."""

RATE = {version}


def leaf(a):
    return a + {version}


def frob(a):
    return a + {version}


def bar(b):
    return b * {version}


def foo(a):
    return bar(frob(a))


def quote(price, amount=1, *, discount=0):
    return price * amount - discount * {version}


class Account:
    def __init__(self, balance):
        self.balance = balance

    def worth(self):
        return self.balance + {version}


def serve(orders):
    return sum(bar(frob(order)) for order in range(orders))


def park(reached, release):
    reached.set()
    release.wait()
    return {version}


account = Account(1)
'''

_TIMED = """

def time_{name}(loops, clock):
    started = clock()
    for _ in range(loops):
{body}
    return clock() - started
"""

_FUNCTION = """

def step_{index}(order, amount=1):
    total = order * amount + {version}
    for item in range(amount):
        if item % 2:
            total += {callee}(item, 0)
    return {{"total": total, "index": {index}}}["total"]
"""

_CLASS = """

class Part_{index}:
    def __init__(self, size):
        self.size = size + {version}

    def weight(self, amount=1):
        return {callee}(self.size, amount)

    def copies(self, amount):
        return [Part_{index}(self.size) for _ in range(amount)]
"""

INSIDE = {
    "leaf": "leaf(1)",
    "nested": "bar(frob(1))",
    "calling": "foo(1)",
    "method": "account.worth()",
    "instance": "Account(1)",
    "attribute": "account.mark = 1",
    "class_attribute": "Account.mark = 1",
}


def calls(version: int = 1) -> str:
    """Return a module of small functions and, for each statement in `INSIDE`, a loop of its own that times it."""
    loops = (
        _TIMED.format(name=name, body="\n".join([f"        {statement}"] * UNROLLED))
        for name, statement in INSIDE.items()
    )
    return _CALLS.format(version=version) + "".join(loops)


def as_closures(text: str) -> str:
    """Return module `text` as one function whose locals are the module's names: a block, linked by hand."""
    return f"def module():\n{indent(text, '    ')}\n    return locals()\n\n\nglobals().update(module())\n"


def sized(definitions: int, version: int = 1) -> str:
    """Return a module of `definitions` definitions, every tenth a class, each of which calls another."""
    parts = [f'"""A module of {definitions} definitions."""\n']
    for index in range(definitions):
        template = _CLASS if index % 10 == 9 else _FUNCTION
        # Class number 9, 19, … is preceded by a function, so what is called always is one.
        callee = f"step_{index - 1 if index % 10 else max(index - 2, 0)}"
        parts.append(template.format(index=index, callee=callee, version=version))
    return "".join(parts)


def written(place: Path, name: str, text: str) -> Path:
    """Write module `name` to `place`, drop what the import system remembers of the directory, return the file."""
    path = place / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    importlib.invalidate_caches()
    return path


def imported(place: Path, name: str, text: str) -> ModuleType:
    """Write module `name` to `place` and import it, plain."""
    written(place, name, text)
    return importlib.import_module(name)
