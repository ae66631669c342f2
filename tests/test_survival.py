"""What an unchanged statement makes survives, with what others have put in since: swaps, rollbacks, candidates."""

from __future__ import annotations

import gc
import importlib
import threading
from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest

import blockfreeze as bf
from blockfreeze.model.block import Generation


class Outside:
    """Something that others put in."""


OUTSIDE = Outside()


def sub_class(module: Any) -> None:
    module.kept = type("Plugin", (module.Base,), {})


def wait_for_item(module: Any) -> None:
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(module.waiting.get()), daemon=True)
    thread.start()
    while not module.waiting.not_empty._waiters:
        pass
    module.thread_that_waits.append((thread, got))


def served(module: Any) -> object:
    thread, got = module.thread_that_waits[0]
    if thread.is_alive():
        module.waiting.put("item")
        thread.join(timeout=30)
    return got


# What the module has, what somebody does with it, and what is to be found then, now and in every later version.
PUT_IN: dict[str, tuple[str, Callable[[Any], object], Callable[[Any], object]]] = {
    "a table": ("known = {'own': 1}", lambda m: m.known.update(a=2), lambda m: m.known == {"own": 1, "a": 2}),
    "a list": ("known = [1]", lambda m: m.known.append(2), lambda m: m.known == [1, 2]),
    "a set": ("known = set()", lambda m: m.known.add(2), lambda m: m.known == {2}),
    "a table in a tuple": ("both = ([], {})", lambda m: m.both[1].update(a=2), lambda m: m.both == ([], {"a": 2})),
    "what a built-in method is bound to": (
        "add = [].append",
        lambda m: m.add(2),
        lambda m: m.add.__self__ == [2],
    ),
    "views of a table": (
        """
        from types import MappingProxyType
        _known = {'own': 1}
        view, keys, values, items = MappingProxyType(_known), _known.keys(), _known.values(), _known.items()
        alias, twice, of_keys, within = view, MappingProxyType(view), keys.mapping, {"all": (view, keys)}
        """,
        lambda m: m._known.update(a=2),
        lambda m: (
            all(one == {"own": 1, "a": 2} for one in (m.view, m.twice, m.of_keys, m.within["all"][0]))
            and (list(m.keys), list(m.values), list(m.items)) == (["own", "a"], [1, 2], [("own", 1), ("a", 2)])
            and m.alias is m.view is m.within["all"][0]
        ),
    ),
    "views of a table that keeps an order, of one that counts, and of one with defaults": (
        """
        from collections import Counter, OrderedDict, defaultdict
        order, counts, lists = OrderedDict(own=1), Counter(own=1), defaultdict(list)
        kept, made, fed = order.values(), counts.items(), lists.keys()
        """,
        lambda m: (m.order.update(a=2), m.order.move_to_end("own"), m.counts.update("a"), m.lists["a"]),
        lambda m: (list(m.kept), dict(m.made), set(m.fed)) == ([2, 1], {"own": 1, "a": 1}, {"a"}),
    ),
    "views of a table in a class, in a default and in a closure": (
        """
        from types import MappingProxyType
        class Base:
            _known = {}
            known = MappingProxyType(_known)
            @property
            def names(self, _names=_known.keys()): return _names
            @classmethod
            def register(cls, **what): cls._known.update(what)
        def reads(view):
            def read(): return dict(view)
            return read
        read = reads(Base.known)
        """,
        lambda m: m.Base.register(a=2),
        lambda m: m.Base.known == m.read() == {"a": 2} and set(m.Base().names) == {"a"},
    ),
    "slots of a table": (
        """
        class Table(dict):
            def __setitem__(self, name, value): raise TypeError(name)
        known, table = {}, Table()
        put, put_in_table, has = known.__setitem__, super(Table, table).__setitem__, known.__contains__
        """,
        lambda m: (m.put("a", 2), m.put_in_table("a", 2)),
        lambda m: m.known == m.table == {"a": 2} and m.has("a") and m.put.__self__ is m.known,
    ),
    "a default of a function, of one by name alone, and of a static method": (
        """
        def put(value, found=[]): found.append(value)
        def name(value, *, names={}): names[value] = value
        class Base:
            @staticmethod
            def put(value, found=[]): found.append(value)
        """,
        lambda m: (m.put(2), m.name("a"), m.Base.put(3)),
        lambda m: (
            (m.put.__defaults__, m.name.__kwdefaults__, m.Base.put.__defaults__)
            == (([2],), {"names": {"a": "a"}}, ([3],))
        ),
    ),
    "maps that are chained": (
        """
        from collections import ChainMap
        options = ChainMap({}, {"own": 1})
        class Base:
            options = ChainMap({})
        """,
        lambda m: (m.options.update(a=2), m.Base.options.update(b=3)),
        lambda m: (dict(m.options), dict(m.Base.options)) == ({"own": 1, "a": 2}, {"b": 3}),
    ),
    "what was taken out": ("known = {1: 2, 3: 4}", lambda m: m.known.pop(1), lambda m: m.known == {3: 4}),
    "a counter, a deque and a table with defaults": (
        """
        from collections import Counter, defaultdict, deque
        counted, last, by_name = Counter(), deque(maxlen=2), defaultdict(list)
        """,
        lambda m: (m.counted.update("aab"), m.last.extend([1, 2, 3]), m.by_name["a"].append(OUTSIDE)),
        lambda m: (m.counted["a"], list(m.last), m.by_name["a"], m.by_name["b"]) == (2, [2, 3], [OUTSIDE], []),
    ),
    "a weak set": (
        "import weakref\nalive = weakref.WeakSet()",
        lambda m: m.alive.add(OUTSIDE),
        lambda m: list(m.alive) == [OUTSIDE],
    ),
    "queues": (
        "import asyncio, queue\nfirst, second, third = queue.Queue(), queue.SimpleQueue(), asyncio.PriorityQueue()",
        lambda m: (m.first.put(1), m.second.put(2), m.third.put_nowait(3)),
        lambda m: (m.first.qsize(), m.second.qsize(), m.third.qsize()) == (1, 1, 1),
    ),
    "a queue at which a thread waits": (
        "import queue\nwaiting = queue.Queue()\nthread_that_waits = []",
        wait_for_item,
        lambda m: served(m) == ["item"],
    ),
    "a count, of which the body has taken numbers": (
        "import itertools\nids = itertools.count(10, 5)\nFIRST = next(ids)\ndef taken(): return next(ids)",
        lambda m: (m.taken(), m.taken()),
        lambda m: m.taken() not in {10, 15, 20} and m.FIRST == 10,
    ),
    "an object of a class outside": (
        """
        from concurrent.futures import ThreadPoolExecutor
        WORKERS = 2
        pool = ThreadPoolExecutor(WORKERS)
        """,
        lambda m: setattr(m.pool, "is_the_one", True),
        lambda m: m.pool.is_the_one,
    ),
    "registrations of a single-dispatch function": (
        """
        import functools
        @functools.singledispatch
        def show(value): return "any"
        @show.register
        def _(value: int): return "int"
        """,
        lambda m: m.show.register(Outside, lambda value: "outside"),
        lambda m: [m.show(one) for one in (OUTSIDE, 1, "")] == ["outside", "int", "any"],
    ),
    "a registry of a class, and its counter": (
        """
        class Base:
            known = {}
            made = 5
            def __init_subclass__(cls):
                Base.known[cls.__name__] = cls
                Base.made += 1
        class Own(Base): pass
        """,
        sub_class,
        lambda m: (set(m.Base.known), m.Base.made, m.Base.known["Own"]) == ({"Own", "Plugin"}, 7, m.Own),
    ),
    "an attribute of a class that was None": (
        """
        class Base:
            class Inner:
                default = None
        """,
        lambda m: setattr(m.Base.Inner, "default", OUTSIDE),
        lambda m: m.Base.Inner.default is OUTSIDE,
    ),
    "what a function of a class has set on a class": (
        """
        class Base:
            @classmethod
            def register(cls, name, value):
                if "found" not in cls.__dict__:
                    cls.found = {**cls.found}
                cls.found[name] = value
        Base.found = {"own": Base}
        class Other(Base): pass
        """,
        lambda m: (m.Base.register("a", OUTSIDE), m.Other.register("b", OUTSIDE)),
        lambda m: (
            (m.Base.found, m.Other.found)
            == ({"own": m.Base, "a": OUTSIDE}, {"own": m.Base, "a": OUTSIDE, "b": OUTSIDE})
        ),
    ),
    "data in a descriptor": (
        """
        class Data:
            def __init__(self): self.of = {}
            def __get__(self, one, kind): return self
        class Model:
            field = Data()
        """,
        lambda m: m.Model.field.of.update(a=1),
        lambda m: m.Model.field.of == {"a": 1},
    ),
    "an object to which others have connected": (
        """
        class Signal:
            __slots__ = ('receivers', 'sent')
            def __init__(self):
                self.receivers = []
                self.sent = 0
            def connect(self, who):
                self.receivers.append(who)
                self.sent += 1
        changed = Signal()
        """,
        lambda m: m.changed.connect(OUTSIDE),
        lambda m: (m.changed.receivers, m.changed.sent) == ([OUTSIDE], 1),
    ),
    "hooks in a closure": (
        """
        def hooks():
            found = []
            def add(hook): found.append(hook)
            def all_of_them(): return found
            return add, all_of_them
        add, all_of_them = hooks()
        """,
        lambda m: m.add(OUTSIDE),
        lambda m: m.all_of_them() == [OUTSIDE],
    ),
    "what is declared in a class": (
        """
        from blockfreeze import defvar
        class Base:
            known = defvar("known", dict)
        """,
        lambda m: m.Base.known.update(a=1),
        lambda m: m.Base.known == {"a": 1},
    ),
    "a memory of results, though other code has changed": (
        """
        results, asked = {}, []
        def double(at):
            if at not in results:
                asked.append(at)
                results[at] = twice(at)
            return results[at]
        def twice(at): return 2 * at
        """,
        lambda m: m.double(2),
        lambda m: (m.double(2), m.asked) == (4, [2]),
    ),
}

MARK = pytest.mark.parametrize(
    "what", [pytest.param(one, marks=pytest.mark.needs_threads if "thread" in one else ()) for one in PUT_IN]
)


@MARK
def test_what_was_put_in_is_in_every_later_version(what: str, workshop: Any) -> None:
    text, put, is_there = PUT_IN[what]
    text = dedent(text) + "\n"
    block = workshop.freeze("kept", text)
    put(block)
    for number in range(2):
        assert bf.swap(block, source=f"{text}def more(): return {number}\n").afresh == ()
        assert is_there(block)
        bf.drain(block, timeout=30)
    bf.rollback(block)
    assert is_there(block)


@MARK
def test_what_is_put_in_later_is_there_after_a_rollback_and_after_a_discarded_candidate(
    what: str, workshop: Any
) -> None:
    text, put, is_there = PUT_IN[what]
    text = dedent(text) + "\n"
    block = workshop.freeze("kept", text)
    changed = f"{text}def more(): pass\n"
    bf.swap(block, source=changed)
    put(block)
    bf.prepare(block, source=text).discard()
    with pytest.raises(bf.PrepareError):
        bf.swap(block, source=f"{text}1 / 0\n")
    assert is_there(block)
    bf.rollback(block)
    assert is_there(block)


BODIES = """
class Base:
    known = {}
    made = 0
    def __init_subclass__(cls):
        Base.known[cls.__name__] = cls
        Base.made += 1
HANDLERS, ORDER, NAMES = {}, [], set()
by_event = {}
def handles(name):
    def keep(function):
        HANDLERS[name] = function
        ORDER.append(name)
        NAMES.add(name)
        by_event.setdefault("all", []).append(function)
        return function
    return keep
@handles("a")
def a(): return 1
class A(Base): pass
"""


def test_where_the_new_body_puts_other_things_what_others_have_put_in_is_brought_over(workshop: Any) -> None:
    block = workshop.freeze("merged", BODIES, history=3)
    table = block.HANDLERS

    @block.handles("plugin")
    def plugin() -> int:
        return 3

    class Plugin(block.Base):  # type: ignore[misc, name-defined]
        pass

    more = BODIES + "@handles('b')\ndef b(): return 2\nclass B(Base): pass\n"
    report = bf.swap(block, source=more)
    assert report.afresh == ()
    assert {name: function() for name, function in block.HANDLERS.items()} == {"a": 1, "b": 2, "plugin": 3}
    assert (["a", "b", "plugin"], {"a", "b", "plugin"}) == (block.ORDER, block.NAMES)
    assert block.by_event["all"] == [block.a, block.b, plugin]
    assert (set(block.Base.known), block.Base.made) == ({"A", "B", "Plugin"}, 3)

    block.handles("late")(plugin)
    less = BODIES.replace('@handles("a")\n', "")
    bf.swap(block, source=less)
    assert set(block.HANDLERS) == {"plugin", "late"}
    assert block.by_event["all"] == [plugin, plugin]
    bf.rollback(block)
    assert set(block.HANDLERS) == {"a", "b", "plugin", "late"}
    bf.rollback(block)
    assert set(block.HANDLERS) == {"a", "plugin", "late"}
    assert block.HANDLERS is table
    assert block.ORDER == ["a", "plugin", "late"]
    assert (set(block.Base.known), block.Base.made) == ({"A", "Plugin"}, 2)


def test_a_check_finds_what_was_put_in_and_what_it_puts_in_itself_goes_with_its_candidate(workshop: Any) -> None:
    block = workshop.freeze("merged", BODIES)
    block.handles("plugin")(print)
    with bf.prepare(block, source=BODIES + "@handles('b')\ndef b(): return 2\n") as candidate, candidate.active():
        assert set(block.HANDLERS) == {"a", "b", "plugin"}
        block.HANDLERS["tried"] = print
    assert set(block.HANDLERS) == {"a", "plugin"}


def test_what_is_put_in_between_prepare_and_commit_is_brought_over(workshop: Any) -> None:
    block = workshop.freeze("merged", BODIES)
    candidate = bf.prepare(block, source=BODIES + "@handles('b')\ndef b(): return 2\n")
    block.handles("late")(print)
    block.Base.made += 10
    candidate.commit()
    assert (set(block.HANDLERS), block.ORDER, block.Base.made) == ({"a", "b", "late"}, ["a", "b", "late"], 11)


def test_the_new_body_wins_where_both_put_something(workshop: Any) -> None:
    text = "SETTINGS = {}\ndef put(name, value): SETTINGS[name] = value\nput('level', 1)\nput('kept', 1)\n"
    block = workshop.freeze("settings", text)
    block.SETTINGS.update(level=5, kept=6)
    bf.swap(block, source=text.replace("('level', 1)", "('level', 2)"))
    assert block.SETTINGS == {"level": 2, "kept": 6}


def test_an_application_that_bodies_register_functions_with_is_made_by_each_version(workshop: Any) -> None:
    text = """
        import argparse, queue
        parser, jobs = argparse.ArgumentParser(), queue.Queue()
        parser.add_argument("--a")
        jobs.put("first")
    """
    block = workshop.freeze("application", text)
    parser = block.parser
    bf.swap(block, source=dedent(text) + "\nparser.add_argument('--b')\n")
    assert block.parser is not parser
    assert [block.jobs.get_nowait(), block.jobs.empty()] == ["first", True]


def test_a_table_of_another_member_is_kept_with_what_late_members_have_put_in(workshop: Any) -> None:
    workshop.write("late/__init__.py", "KNOWN = {}\n")
    workshop.write("late/part.py", "from . import KNOWN\nKNOWN['part'] = 1\n")
    block = bf.freeze_block("late")
    importlib.import_module("late.part")
    block.KNOWN["outside"] = 2
    workshop.write("late/__init__.py", "KNOWN = {}\ndef more(): pass\n")
    for _ in range(2):
        bf.swap(block)
        assert block.KNOWN == {"part": 1, "outside": 2}


@pytest.mark.parametrize("patchable", [False, True])
def test_old_calls_and_new_ones_share_what_survives(workshop: Any, patchable: bool) -> None:
    text = """
        seen = []
        def work():
            while True:
                yield
                seen.append({version})
    """
    block = workshop.freeze("shared", text.format(version=1), patchable=patchable)
    old = block.work()
    next(old)
    bf.swap(block, source=dedent(text).format(version=2))
    new = block.work()
    for running in (new, old, new, old):
        next(running)
    assert block.seen == [1, 2, 1]


def test_what_was_brought_over_keeps_no_generation_alive(workshop: Any) -> None:
    text = "TABLE = {}\ndef put(name, value): TABLE[name] = value\nput('own', lambda: put)\n"
    block = workshop.freeze("growing", text)
    for number in range(8):
        block.put(f"plugin {number}", OUTSIDE)
        bf.swap(block, source=f"{text}put({number}, lambda: put)\n")
        bf.drain(block, timeout=30)
    assert len(block.TABLE) == 10
    gc.collect()
    alive = [one for one in gc.get_objects() if type(one) is Generation and one.block.name == "growing"]
    numbers = {one.number for one in alive}
    assert numbers <= {1, 8, 9}, "the first one, whose functions are the entries, and the history"
    assert all(one.contents.taken.keys() <= numbers for one in alive)


def test_the_one_instance_that_a_class_makes_when_it_is_first_asked_survives_unless_it_is_made_of_old_things(
    workshop: Any,
) -> None:
    text = """
        WORDS = ["a"]
        def other(): return 1
        class Lexer:
            only, started, asked = None, False, 0
            @classmethod
            def instance(cls):
                cls.asked = cls.asked + 1
                if cls.only is None:
                    cls.only = cls()
                cls.started = True
                return cls.only
            def __init__(self):
                self.words = [*WORDS]
    """
    block = workshop.freeze("lexing", text)
    first = block.Lexer.instance()
    bf.swap(block, source=dedent(text).replace("return 1", "return 2"))
    assert (block.Lexer.only, block.Lexer.started, block.Lexer.asked) == (first, True, 1)
    bf.swap(block, source=dedent(text).replace('["a"]', '["a", "b"]'))
    assert (block.Lexer.only, block.Lexer.started, block.Lexer.asked) == (None, True, 1)
    assert block.Lexer.instance().words == ["a", "b"]
    bf.rollback(block)
    assert block.Lexer.instance().words == ["a"]
