"""Whatever holds more than its module's body has put there, and starts afresh, is in the report; nothing else is."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from pairs import NAMES, feature_pair

import blockfreeze as bf

# What the module has, what somebody does with it, what the next version says instead, and what the report says of it.
FILLED: dict[str, tuple[str, Callable[[Any], object], tuple[str, str], str]] = {
    "a table whose statement has changed": (
        "known = {}",
        lambda module: module.known.update(a=1),
        ("{}", "dict()"),
        "known: dict, 1 items -> 0; declare it with defvar to keep it",
    ),
    "a queue whose statement has changed": (
        "import queue\njobs = queue.Queue()",
        lambda module: module.jobs.put(1),
        ("Queue()", "Queue(9)"),
        "jobs: Queue, 1 items -> 0; declare it with defvar to keep it",
    ),
    "an array": (
        "from array import array\nsums = array('i', [1])",
        lambda module: module.sums.append(2),
        ("", ""),
        "sums: array, 2 items -> 1; declare it with defvar to keep it",
    ),
    "a table in a tuple": (
        "both = ([], {})",
        lambda module: module.both[1].update(a=1),
        ("{}", "dict()"),
        "both.1: dict, 1 items -> 0; keep it in what is declared with defvar",
    ),
    "a table in a tuple of a class": (
        """
        class Base:
            both = (1, [])
        """,
        lambda module: module.Base.both[1].append(1),
        ("[])", "list())"),
        "Base.both.1: list, 1 items -> 0; keep it in what is declared with defvar",
    ),
    "what a built-in method is bound to": (
        "add = [].append",
        lambda module: module.add(1),
        ("[]", "list()"),
        "add.__self__: list, 1 items -> 0; keep it in what is declared with defvar",
    ),
    "a count of which only the method is kept": (
        "import itertools\nfollowing = itertools.count(3).__next__",
        lambda module: module.following(),
        ("", ""),
        "following.__self__: count, 4 -> 3; keep it in what is declared with defvar",
    ),
    "an iterator": (
        "numbers = iter([1, 2, 3])",
        lambda module: next(module.numbers),
        ("", ""),
        "numbers: list_iterator, 2 left -> 3; declare it with defvar to keep it",
    ),
    "a default of a function": (
        "def put(value, found=[]): found.append(value)",
        lambda module: module.put(1),
        ("[]", "list()"),
        "put.found: list, 1 items -> 0; keep it in what is declared with defvar",
    ),
    "a memory of results in a default of a method": (
        """
        def twice(at): return 2 * at
        class Base:
            def double(self, at, *, known={}):
                if at not in known: known[at] = twice(at)
                return known[at]
        """,
        lambda module: module.Base().double(2),
        ("2 * at", "at + at"),
        "Base.double.known: dict, 1 items -> 0; keep it in what is declared with defvar",
    ),
    "maps that are chained": (
        "from collections import ChainMap\noptions = ChainMap({}, {'own': 1})",
        lambda module: module.options.update(a=1),
        ("{}", "dict()"),
        "options.maps[0]: dict, 1 items -> 0; keep it in what is declared with defvar",
    ),
    "a generator of the block": (
        """
        def numbers(): yield from range(9)
        ids = numbers()
        """,
        lambda module: next(module.ids),
        ("", ""),
        "ids: generator, 1 begun -> 0; declare it with defvar to keep it",
    ),
    "a registry of a class whose statement has changed": (
        """
        class Base:
            known = {}
        """,
        lambda module: module.Base.known.update(a=1),
        ("{}", "dict()"),
        "Base.known: dict, 1 items -> 0; keep it in what is declared with defvar",
    ),
    "a counter of a class whose statement has changed": (
        """
        class Base:
            made = 5
        """,
        lambda module: setattr(module.Base, "made", 6),
        ("5", "4"),
        "Base.made: int, 6 -> 4; keep it in what is declared with defvar",
    ),
    "an object that the new body leaves otherwise": (
        """
        class Signal:
            def __init__(self):
                self.sent = 0
        changed = Signal()
        """,
        lambda module: setattr(module.changed, "sent", 3),
        ("self.sent = 0", "self.sent = 1"),
        "changed.sent: int, 3 -> 1; keep it in what is declared with defvar",
    ),
    "a memory of results that other code has computed": (
        """
        results = {}
        def double(at):
            if at not in results:
                results[at] = twice(at)
            return results[at]
        def twice(at): return 2 * at
        """,
        lambda module: module.double(2),
        ("2 * at", "at + at"),
        "results: dict, 1 items -> 0; declare it with defvar to keep it",
    ),
    "what a decorator remembers of other code": (
        """
        import functools
        def once(function):
            memory = {}
            @functools.wraps(function)
            def wrapper(at):
                return memory.setdefault(at, function(at))
            return wrapper
        @once
        def double(at): return twice(at)
        def twice(at): return 2 * at
        """,
        lambda module: module.double(2),
        ("2 * at", "at + at"),
        "double.memory: dict, 1 items -> 0; keep it in what is declared with defvar",
    ),
    "a memory in an object": (
        """
        class Memo:
            def __init__(self, function):
                self.function, self.found = function, {}
            def get(self, at):
                try:
                    return self.found[at]
                except KeyError:
                    self.found[at] = result = self.function(at)
                    return result
        def twice(at): return 2 * at
        double = Memo(twice)
        """,
        lambda module: module.double.get(2),
        ("2 * at", "at + at"),
        "double.found: dict, 1 items -> 0; keep it in what is declared with defvar",
    ),
    "a cache of a method": (
        """
        import functools
        class Till:
            @staticmethod
            def all(): pass
            @functools.lru_cache
            def ask(self): pass
        """,
        lambda module: module.Till().ask(),
        ("", ""),
        "Till.ask: lru_cache, 1 items -> 0",
    ),
}


@pytest.mark.parametrize("what", FILLED)
def test_what_others_have_filled_is_in_the_report(what: str, workshop: Any) -> None:
    text, fill, change, said = FILLED[what]
    text = dedent(text) + "\n"
    block = workshop.freeze("filled", text)
    for _ in range(2):
        assert bf.swap(block, source=f"{text}# as before\n").afresh == ()
        fill(block)
        found = bf.swap(block, source=f"{text.replace(*change)}def more(): pass\n").afresh
        assert [str(one) for one in found] == [said]
        path = said.partition(":")[0]
        assert (found[0].name, found[0].path) == (f"filled.{path}", path)
        bf.swap(block, source=text)
        bf.drain(block, timeout=30)


def test_what_a_module_makes_that_is_imported_later_is_as_its_body_has_left_it(workshop: Any) -> None:
    workshop.write("later/__init__.py", "KNOWN = {}\n")
    text = "from . import KNOWN\nKNOWN[1] = 2\nTABLE = {1: 2}\nclass Part:\n    of = [1]\n"
    workshop.write("later/part.py", text)
    block = bf.freeze_block("later")
    part = importlib.import_module("later.part")
    assert bf.swap(block).afresh == ()
    part.Part.of.append(2)
    block.KNOWN["outside"] = 1
    workshop.write("later/part.py", text.replace("of = [1]", "of = [3]"))
    workshop.write("later/__init__.py", "KNOWN = dict()\n")
    assert {one.name: (one.before, one.after) for one in bf.swap(block).afresh} == {
        "later.KNOWN": (2, 1),
        "later.part.Part.of": (2, 1),
    }


@pytest.mark.parametrize("feature", NAMES)
def test_what_nobody_has_filled_is_not(feature: str, tmp_path: Path) -> None:
    pair = feature_pair(tmp_path, feature)
    block = pair.freeze()
    try:
        for _ in range(2):
            assert bf.swap(block).afresh == ()
    finally:
        pair.forget()


@pytest.mark.needs_threads
def test_a_closure_is_held_outside_though_the_thread_that_swaps_leads_to_it(workshop: Any) -> None:
    text = "def made():\n    def ask(): return helped()\n    return ask\ndef helped(): return 1\n"
    shop = workshop.freeze("shop", text)
    held = {"ask": shop.made()}
    reports: list[bf.SwapReport] = []

    def swap(held: dict[str, object]) -> None:
        reports.append(bf.swap(shop, source=text.replace("ask():", "ask(_=0):")))  # it cannot follow

    thread = threading.Thread(target=swap, args=(held,))
    thread.start()
    thread.join()
    assert [one.name for one in reports[0].unreached] == ["shop.made.<locals>.ask"]


def test_what_has_a_name_starts_afresh_with_that_though_defaults_and_tuples_lead_to_it(
    workshop: Any,
) -> None:
    text = "known = {}\nclass Base:\n    both = (known, 1)\n    def put(self, name, found=known): found[name] = 1\n"
    block = workshop.freeze("led", text)
    block.Base().put("a")
    assert bf.swap(block, source=f"{text}# as before\n").afresh == ()
    found = bf.swap(block, source=text.replace("{}", "dict()")).afresh
    assert [one.path for one in found] == ["known", "Base.both.0", "Base.put.found"]
    assert block.known == block.Base.both[0] == {}
    block.Base().put("b")
    bf.swap(block, source=text.replace("{}", "dict()").replace("= 1\n", "= 2\n"))
    assert block.known == {"b": 1}
