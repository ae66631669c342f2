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


def sub_class(module: Any) -> None:
    module.kept = type("Outside", (module.Base,), {})


def wait_for_item(module: Any) -> None:
    threading.Thread(target=module.waiting.get, daemon=True).start()
    while not module.waiting.not_empty._waiters:
        pass


# What the module has, what somebody does with it, and what the report says of it.
FILLED: dict[str, tuple[str, Callable[[Any], object], str]] = {
    "a weak set": (
        """
        import weakref
        class One: pass
        alive = weakref.WeakSet()
        """,
        lambda module: [one := module.One(), module.alive.add(one), setattr(module.One, "kept", one)],
        "alive: WeakSet, 1 items -> 0; declare it with defvar to keep it",
    ),
    "a queue": (
        """
        import queue
        jobs = queue.Queue()
        """,
        lambda module: module.jobs.put(1),
        "jobs: Queue, 1 items -> 0; declare it with defvar to keep it",
    ),
    "a queue at which a thread waits": (
        """
        import queue
        waiting = queue.Queue()
        """,
        wait_for_item,
        "waiting: Queue, 1 waiting -> 0; declare it with defvar to keep it",
    ),
    "a queue of asyncio": (
        """
        import asyncio
        jobs = asyncio.PriorityQueue()
        """,
        lambda module: module.jobs.put_nowait(1),
        "jobs: PriorityQueue, 1 items -> 0; declare it with defvar to keep it",
    ),
    "a count": (
        """
        import itertools
        ids = itertools.count(10, 5)
        """,
        lambda module: [next(module.ids), next(module.ids)],
        "ids: count, 20 -> 10; declare it with defvar to keep it",
    ),
    "a generator": (
        """
        def numbers(): yield from range(9)
        ids = numbers()
        """,
        lambda module: next(module.ids),
        "ids: generator, 1 begun -> 0; declare it with defvar to keep it",
    ),
    "registrations of a single-dispatch function": (
        """
        import functools
        @functools.singledispatch
        def show(value): pass
        @show.register
        def _(value: int): pass
        """,
        lambda module: module.show.register(str, str),
        "show: function, 3 types -> 2; declare it with defvar to keep it",
    ),
    "a registry of a class": (
        """
        class Base:
            known = {}
            def __init_subclass__(cls): Base.known[cls.__name__] = cls
        """,
        sub_class,
        "Base.known: dict, 1 items -> 0; keep it in what is declared with defvar",
    ),
    "a counter of a class": (
        """
        class Base:
            made = 5
            def __init_subclass__(cls): Base.made += 1
        """,
        sub_class,
        "Base.made: int, 6 -> 5; keep it in what is declared with defvar",
    ),
    "an attribute of a class that was None": (
        """
        class Base:
            default = None
            class Inner:
                default = None
        """,
        lambda module: setattr(module.Base.Inner, "default", object()),
        "Base.Inner.default: object, 1 set -> 0; keep it in what is declared with defvar",
    ),
    "data in a descriptor": (
        """
        class Data:
            def __init__(self): self.of = {}
            def __get__(self, one, kind): return self
        class Model:
            field = Data()
        """,
        lambda module: module.Model.field.of.update(a=1),
        "Model.field.of: dict, 1 items -> 0; keep it in what is declared with defvar",
    ),
    "an object to which others have connected": (
        """
        class Signal:
            __slots__ = ('receivers', 'sent')
            def __init__(self):
                self.receivers = []
                self.sent = 0
            def connect(self, who): self.receivers.append(who)
        changed = Signal()
        """,
        lambda module: module.changed.connect(print),
        "changed.receivers: list, 1 items -> 0; keep it in what is declared with defvar",
    ),
    "hooks in a closure": (
        """
        def hooks():
            found = []
            def add(hook): found.append(hook)
            return add
        add = hooks()
        """,
        lambda module: module.add(print),
        "add.found: list, 1 items -> 0; keep it in what is declared with defvar",
    ),
    "what a decorator remembers": (
        """
        import functools
        def once(function):
            memory = {}
            @functools.wraps(function)
            def wrapper(at):
                return memory.setdefault(at, function(at))
            return wrapper
        @once
        def double(at): return 2 * at
        """,
        lambda module: module.double(2),
        "double.memory: dict, 1 items -> 0; keep it in what is declared with defvar",
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
        "Till.ask: lru_cache, 1 items -> 0",
    ),
}


@pytest.mark.parametrize(
    "what", [pytest.param(one, marks=pytest.mark.needs_threads if "thread" in one else ()) for one in FILLED]
)
def test_what_others_have_filled_is_in_the_report(what: str, workshop: Any) -> None:
    text, fill, said = FILLED[what]
    text = dedent(text)
    block = workshop.freeze("filled", text)
    for _ in range(2):
        assert bf.swap(block, source=f"{text}# as before\n").afresh == ()
        fill(block)
        found = bf.swap(block, source=f"{text}def more(): pass\n").afresh
        assert [str(one) for one in found] == [said]
        path = said.partition(":")[0]
        assert (found[0].name, found[0].path) == (f"filled.{path}", path)
        bf.drain(block, timeout=30)


def test_what_a_module_makes_that_is_imported_later_is_as_its_body_has_left_it(workshop: Any) -> None:
    workshop.write("later/__init__.py", "KNOWN = {}\n")
    workshop.write("later/part.py", "from . import KNOWN\nKNOWN[1] = 2\nTABLE = {1: 2}\nclass Part:\n    of = [1]\n")
    block = bf.freeze_block("later")
    part = importlib.import_module("later.part")
    assert bf.swap(block).afresh == ()
    part.Part.of.append(2)
    block.KNOWN["outside"] = 1
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
    shop = workshop.freeze(
        "shop", "def made():\n    def ask(): return helped()\n    return ask\ndef helped(): return 1\n"
    )
    held = {"ask": shop.made()}
    reports: list[bf.SwapReport] = []

    def swap(held: dict[str, object]) -> None:
        reports.append(bf.swap(shop))

    thread = threading.Thread(target=swap, args=(held,))
    thread.start()
    thread.join()
    assert [one.name for one in reports[0].unreached] == ["shop.made.<locals>.ask"]
