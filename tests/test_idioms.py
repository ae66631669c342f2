"""Idioms that break naive freezing: each module is asked plain, frozen early, late, and after a swap; one answer.

Idioms that have tests of their own are not repeated here: the features of `tests/features` (zero-argument ``super``,
enumerations, named tuples, single dispatch, ...), traces, monitoring, pickles, doctests and tracebacks
(`test_fidelity`), signals and exit functions (`test_library_captures`).
"""

from __future__ import annotations

import gc
import importlib
import sys
import textwrap
import typing
import weakref
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from processes import run_python

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.building.facade import show_steady

IDIOMS = {
    "an accelerator in C replaces definitions": """
        def heappush(heap, item): return "in Python"
        def heapify_max(heap): return "in Python alone"
        def use(): return heappush([], 1), heapify_max([])
        try:
            from _heapq import *
        except ImportError:
            pass
        try:
            from _there_is_no_such_module import *
        except ImportError:
            missing = True
        def ask(): return use(), heappush.__module__, missing
        """,
    "names are made through globals": """
        def helper(): return "defined"
        globals()["made"] = lambda: ("made", helper())
        globals().update({f"NUMBER_{n}": n for n in range(3)})
        vars()["also"] = 4
        def remake(): globals()["later"] = helper
        def ask():
            remake()
            return made(), NUMBER_2, also, later(), "helper" in globals()
        """,
    "functions rebind names": """
        count = 0
        def step(): return 1
        def replace():
            global step, count, fresh
            before, step = step, lambda: 10
            count, fresh = step(), "fresh"
            answer = before(), step(), count, fresh
            step = before
            del fresh
            return answer
        def ask(): return replace(), count, step(), "fresh" in globals()
        """,
    "definitions are conditional, and repeated": """
        import sys
        if sys.maxsize:
            def chosen(): return "then"
        else:
            def chosen(): return "else"
        try:
            def tried(): return "tried"
            raise LookupError
        except LookupError:
            def caught(): return tried(), "caught"
        def again(): return 1
        first = again
        def again(): return first(), 2
        for number in range(3):
            def last(number=number): return number, again()
        def ask(): return chosen(), caught(), again(), last(), first.__qualname__
        """,
    "definitions are deleted": """
        def helper(): return "helper"
        class Temporary: pass
        value, kept = helper(), helper
        def late():
            try:
                return helper()
            except NameError as error:
                return error.name, str(error)
        del helper, Temporary
        def ask(): return value, kept(), late(), sorted({"helper", "Temporary"} & globals().keys())
        """,
    "names shadow built-ins": """
        before = len("ab")
        def len(value): return "own"
        class list: kind = "own"
        class Body:
            here = len(()), list.kind
            def method(self): return len(()), list.kind, [len(x) for x in "ab"]
        def open(name): return "opened", name
        def ask():
            del_open = open("x")
            return before, Body.here, Body().method(), del_open, max(1, 2)
        """,
    "class bodies read the module's names": """
        name, other = "of the module", "other"
        def helper(kind): return f"helped {kind}"
        class Outer:
            name = name
            other = other + "!"
            shown = [helper(one) for one in ("a", "b")]
            class Inner:
                name = name
                def method(self): return name, __class__.__qualname__, helper(self.name)
            class Derived(Inner):
                def method(self): return super().method(), __class__.__mro__[1].__name__
        def ask(): return Outer.name, Outer.other, Outer.shown, Outer.Inner.name, Outer.Derived().method()
        """,
    "code that is compiled later names definitions": """
        def helper(number): return number + 1
        class Shown:
            def __repr__(self): return "shown"
        def ask():
            space = {}
            exec("made = helper(2)\\ndef inner(): return helper(3)", globals(), space)
            local = 5
            return (
                eval("helper(1)"), eval("helper(local)"), space["made"], space["inner"](),
                eval(compile("[helper(n) for n in range(2)], Shown()", "<text>", "eval")).__repr__(),
            )
        """,
    "a module answers for names that it does not have": """
        import sys
        def __getattr__(name):
            if name.startswith("lazy_"):
                return compute(name)
            raise AttributeError(name)
        def __dir__(): return ["ask", "lazy_one"]
        def compute(name): return name.upper()
        def ask():
            me = sys.modules[__name__]
            return me.lazy_one, dir(me), hasattr(me, "missing"), getattr(me, "missing", "default")
        """,
    "annotations are text": """
        from __future__ import annotations
        import dataclasses, typing
        class Node:
            parent: Node | None = None
            names: typing.ClassVar[list[str]] = []
        def walk(node: Node, *, depth: int = 0) -> list[Node]: return [node]
        @dataclasses.dataclass
        class Pair:
            kind: typing.ClassVar[str] = "pair"
            left: Node
            rest: dataclasses.InitVar[int] = 0
        def ask():
            hints = [typing.get_type_hints(one) for one in (Node, walk, Pair)]
            fields = [field.name for field in dataclasses.fields(Pair)]
            return hints[1]["node"] is Node, repr(hints), walk.__annotations__, fields
        """,
    "classes are found through sys.modules": """
        import collections, dataclasses, enum, pickle, sys, typing
        Point = collections.namedtuple("Point", "x y", defaults=[2])
        Colour = enum.Enum("Colour", "RED GREEN")
        Row = typing.NamedTuple("Row", [("name", "str")])
        Made = dataclasses.make_dataclass("Made", ["a"])
        T = typing.TypeVar("T")
        Options = typing.TypedDict("Options", {"deep": bool})
        def ask():
            held = [Point(1), Colour.RED, Row("r")]
            same = [a == b for a, b in zip(pickle.loads(pickle.dumps(held)), held)]
            kinds = [one.__module__ for one in (Point, Colour, Row, T, Options)]
            return same, kinds, sys.modules[Point.__module__].Point is Point, repr(Made(1))
        """,
    "functions, classes and instances are copied": """
        import copy, copyreg, pickle
        class Kind:
            def __init__(self): self.items = [helper]
            def method(self): return self.items[0]()
        def helper(): return "helped"
        helper.note = "kept"
        def ask():
            whole = (helper, Kind, Kind.method, Kind())
            again = pickle.loads(pickle.dumps(whole)), copy.deepcopy(whole), copy.copy(whole)
            return [
                (a[0] is helper, a[1] is Kind, a[2] is Kind.method, type(a[3]) is Kind, a[3].method(), a[0].note)
                for a in again
            ]
        """,
    "inspection finds sources, signatures and callers": """
        import functools, inspect
        def decorated(function):
            @functools.wraps(function)
            def wrapper(*args, **named): return function(*args, **named)
            return wrapper
        @decorated
        def shown(a, b: int = 2, *rest, c=3, **more) -> str:
            return [frame.function for frame in inspect.stack()[:3]]
        class Kind:
            @classmethod
            def make(cls, size): return cls
        def ask():
            found = [inspect.getsource(one) for one in (shown, Kind, Kind.make, decorated)]
            asked = [inspect.signature(shown), inspect.signature(Kind.make), inspect.getfullargspec(decorated)]
            unwrapped = inspect.unwrap(shown)
            whole = unwrapped.__name__, unwrapped is shown.__wrapped__, hasattr(unwrapped, "__wrapped__")
            return found, repr(asked), whole, inspect.getmodule(shown).__name__, shown(1)
        """,
    "callees look at their callers": """
        import sys, warnings
        def caller(): return sys._getframe(1).f_globals["__name__"], sys._getframe(1).f_code.co_name
        def deprecated(): warnings.warn("old", DeprecationWarning, stacklevel=2)
        def use_it(): deprecated()
        class Kind:
            where = caller()
            def method(self): return caller()
        def ask():
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                use_it()
            return caller(), Kind.where, Kind().method(), [caller() for _ in "a"], caught[0].lineno, caught[0].filename
        """,
    "a profiler sees calls and returns": """
        import sys
        def helper(number): return abs(number)
        def steps(): yield helper(-1)
        class Kind:
            def method(self): return list(steps())
        def ask():
            seen = []
            sys.setprofile(lambda frame, event, arg: seen.append((event, frame.f_code.co_name, frame.f_lineno)))
            try:
                Kind().method()
            finally:
                sys.setprofile(None)
            return [one for one in seen if one[1] in ("helper", "steps", "method")]
        """,
    "functions are weakly referred to, and are keys": """
        import functools, weakref
        def listener(): return "heard"
        class Signal:
            def __init__(self): self.receivers = weakref.WeakSet([listener])
            def send(self): return [one() for one in self.receivers]
        names = weakref.WeakKeyDictionary({listener: "listener"})
        table = {listener: "by value", Signal: "by class"}
        kinds = weakref.WeakValueDictionary({"signal": Signal, "listener": listener})
        reference = weakref.ref(listener)
        def ask():
            alive = reference() is kinds["listener"] is listener, kinds["signal"] is Signal
            return Signal().send(), names[listener], alive, table[listener], table[Signal]
        """,
    "a function with constants looks at its variables and at frames": """
        import sys
        def ask():
            empty = ()
            return sorted(locals()), empty, sys._getframe(0).f_code.co_name
        """,
    "a module can be a script too": """
        import sys
        def main(): return "ran", __name__ == sys.modules[__name__].__name__
        ran = []
        if __name__ == "__main__":
            sys.exit(main())
        else:
            ran.append(main())
        def ask(): return ran, main(), __name__, __package__, __spec__.name
        """,
}


def imported(name: str) -> ModuleType:
    """Import `name` plainly, again if it was imported before."""
    sys.modules.pop(name, None)
    return importlib.import_module(name)


@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
@pytest.mark.parametrize("idiom", IDIOMS)
def test_an_idiom_works_as_it_does_unfrozen(workshop: Any, idiom: str, late: bool) -> None:
    workshop.write("idiom.py", IDIOMS[idiom])
    expected = imported("idiom").ask()
    frozen = bf.freeze_block(imported("idiom")) if late else bf.freeze_block(sys.modules.pop("idiom").__name__)
    assert frozen.ask() == expected
    for _ in range(2):
        bf.swap(frozen)
        assert frozen.ask() == expected
    bf.rollback(frozen)
    assert frozen.ask() == expected


def test_recursion_ends_as_deep_as_it_does_unfrozen(workshop: Any) -> None:
    workshop.write(
        "deep.py",
        """
        class Kind:
            def down(self, depth): return up(self, depth + 1)
        def up(kind, depth): return kind.down(depth)
        def ask():
            reached = []
            def note(depth):
                reached.append(depth)
                note(depth + 1)
            for function in (note, lambda depth: Kind().down(depth)):
                try:
                    function(0)
                except RecursionError as error:
                    reached.append(len(list(frames(error.__traceback__))))
            return reached[-1], max(reached)
        def frames(traceback):
            while traceback is not None:
                yield traceback
                traceback = traceback.tb_next
        """,
    )
    expected = imported("deep").ask()
    assert bf.freeze_block(sys.modules.pop("deep").__name__).ask() == expected


def test_mocks_are_seen_inside_and_what_was_there_comes_back_exactly(workshop: Any) -> None:
    frozen = workshop.freeze(
        "mocked",
        """
        LIMIT = 3
        SETTINGS = {"mode": "real"}
        def helper(): return "real"
        class Kind:
            def method(self): return "real"
        def use(): return helper(), Kind().method(), LIMIT, SETTINGS["mode"]
        """,
        patchable=True,
    )
    for _ in range(2):
        before = dict(vars(frozen))
        with (
            mock.patch("mocked.helper", return_value="fake") as fake,
            mock.patch.object(frozen.Kind, "method", return_value="fake"),
            mock.patch("mocked.LIMIT", 4),
            mock.patch.dict("mocked.SETTINGS", mode="fake"),
        ):
            assert frozen.use() == ("fake", "fake", 4, "fake")
            fake.assert_called_once_with()
        with mock.patch("mocked.Kind") as kind:
            kind.return_value.method.return_value = "a double"
            assert frozen.use()[1] == "a double"
        assert frozen.use() == ("real", "real", 3, "real")
        assert all(vars(frozen)[name] is value for name, value in before.items())
        bf.swap(frozen)


@pytest.mark.needs_library_tests
def test_a_fresh_import_without_the_accelerator_is_another_module(workshop: Any) -> None:
    from test.support.import_helper import import_fresh_module

    frozen = workshop.freeze(
        "sped_up",
        """
        def heappush(heap, item): return "in Python"
        def use(): return heappush([], 1)
        try:
            from _heapq import heappush
        except ImportError:
            pass
        """,
    )
    for _ in range(2):
        fresh = import_fresh_module("sped_up", blocked=["_heapq"])
        assert fresh is not frozen
        assert (fresh.use(), frozen.use()) == ("in Python", None)
        assert sys.modules["sped_up"] is frozen
        bf.swap(frozen)


@pytest.mark.parametrize("late", [False, True])
def test_a_module_that_puts_another_object_in_its_place_is_no_part_of_the_block(workshop: Any, late: bool) -> None:
    other = workshop.write("elsewhere_other.py", "value = 'other'\nimported = []\n")
    files = {
        "elsewhere/__init__.py": "def f(): return 1\nfrom . import inside\ndef g(): return inside.value\n",
        "elsewhere/inside.py": "import elsewhere_other, sys\nelsewhere_other.imported.append(1)\n"
        "sys.modules[__name__] = elsewhere_other\n",
    }
    for file, text in files.items():
        workshop.write(file, text)
    if late:
        workshop.load("elsewhere")
    block = bf.freeze_block("elsewhere")
    plain = workshop.load("elsewhere_other")
    for _ in range(2):
        assert block.inside is sys.modules["elsewhere.inside"] is plain
        assert (type(plain), block.g(), plain.imported) == (ModuleType, "other", [1])
        assert bf.status(block).members == ("elsewhere",)
        bf.swap(block)
    assert plain.__file__ == str(other)


ACCELERATED = """
import sys
from functools import partial
kept = sys.modules.pop("functools")
import blockfreeze as bf
from blockfreeze.dispatch import vector
block = bf.freeze_block("functools", patchable=True)
assert block.partial is partial is vector.partial
sys.modules["_functools"] = None
bf.swap(block)
assert block.partial is not partial
assert partial is kept.partial is vector.partial
assert block.partial(int, base=2)("11") == partial(int, base=2)("11") == 3
print("whole")
"""


@pytest.mark.needs_subprocess
def test_an_accelerator_that_is_missing_meanwhile_is_not_replaced_elsewhere() -> None:
    # The class from C says that it is of the module that is frozen here, and others have it, blockfreeze among them.
    ended = run_python("-c", ACCELERATED)
    assert (ended.stdout, ended.stderr) == ("whole\n", "")


def test_a_module_that_the_serving_generation_has_not_loaded_has_what_every_module_has(workshop: Any) -> None:
    workshop.write("late/__init__.py", "")
    path = workshop.write("late/inside.py", '"""Inside."""\n__version__ = "1"\nvalue = 1\n')
    module = bf.freeze_block("late")
    inside = workshop.load("late.inside")
    bf.swap(module)
    block = registry.block_of(module, "test")
    # As it is for a moment when a module is imported while a swap is committed.
    block.expel_member(block.current, "late.inside")
    show_steady(block)
    assert (inside.__name__, inside.__doc__, inside.__file__) == ("late.inside", "Inside.", str(path))
    assert not hasattr(inside, "__wrapped__")
    assert "late.inside" not in block.current.members
    assert inside.__version__ == "1"
    assert "late.inside" in block.current.members
    assert inside.value == 1


OVERLOADED = """
    import typing
    from typing import overload
    @overload
    def f(x: int) -> int: ...
    @overload
    def f(x: {kind}) -> {kind}: ...
    def f(x): return x
    class C:
        @overload
        def m(self, x: int) -> int: ...
        @overload
        def m(self, x: {kind}) -> {kind}: ...
        def m(self, x): return x
        @overload
        @classmethod
        def c(cls, x: {kind}) -> {kind}: ...
        @classmethod
        def c(cls, x): return x
    seen = [len(typing.get_overloads(f)), len(typing.get_overloads(C.m))]
"""


def overloads_of(module: Any) -> list[list[str]]:
    """Return the annotations of every overload of the functions of `OVERLOADED`."""
    return [
        [getattr(one, "__func__", one).__annotations__["x"].__name__ for one in typing.get_overloads(function)]
        for function in (module.f, module.C.m, module.C.c)
    ]


@pytest.mark.parametrize("late", [False, True])
def test_overloads_are_those_of_the_generation_that_serves(workshop: Any, late: bool) -> None:
    texts = [textwrap.dedent(OVERLOADED.format(kind=kind)) for kind in ("str", "bytes", "list")]
    workshop.write("over/__init__.py", "from . import loaded\n")
    workshop.write("over/loaded.py", texts[0])
    if late:
        workshop.load("over")
    frozen = bf.freeze_block("over")
    module = frozen.loaded
    first, second, third = ([["int", kind], ["int", kind], [kind]] for kind in ("str", "bytes", "list"))
    assert overloads_of(module) == first
    bf.swap(frozen, source={"over.loaded": "# a line\n" + texts[1]})
    assert (overloads_of(module), module.seen) == (second, [2, 2])
    with pytest.raises(bf.PrepareError):
        bf.swap(frozen, source={"over.loaded": "\n" * 5 + texts[2] + "1 / 0\n"})
    assert overloads_of(module) == second
    with bf.prepare(frozen, source={"over.loaded": "\n" * 6 + texts[2]}) as candidate:
        assert overloads_of(module) == second
        candidate.commit()
    assert (overloads_of(module), module.seen) == (third, [2, 2])
    bf.rollback(frozen)
    assert overloads_of(module) == second
    bf.swap(
        frozen, source={"over.loaded": "def f(x): return x\nclass C:\n    def m(self): pass\n    def c(self): pass\n"}
    )
    assert overloads_of(module) == [[], [], []]


def test_overloads_of_versions_that_are_gone_are_freed(workshop: Any) -> None:
    text = textwrap.dedent(OVERLOADED)
    frozen = workshop.freeze("overloaded", text.format(kind="str"))
    references = []
    for number in range(4):
        bf.swap(frozen, source="\n" * number + text.format(kind="str"))
        references += [weakref.ref(one) for one in typing.get_overloads(frozen.f)]
    bf.drain(frozen, timeout=30)
    gc.collect()
    assert [one() is None for one in references] == [True] * 4 + [False] * 4
    assert len(typing.get_overloads(frozen.f)) == 2
