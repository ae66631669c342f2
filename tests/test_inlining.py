"""Inlining: a module whose small functions stand in their callers does what it did, and says what was done to it.

Plain code and inlined code are compared by results, exceptions with their lines, the order of everything that happens,
and when objects are given up.
"""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from conftest import Workshop
from hypothesis import given, settings
from hypothesis import strategies as st

import blockfreeze as bf
from blockfreeze.inlining.callee import Why
from blockfreeze.inlining.inline import Inlining, inline
from blockfreeze.linking.analysis import analyse

PROLOGUE = """
LOG = []

def note(value):
    LOG.append(str(value))
    return value

class Thing:
    def __init__(self, value):
        self.value = value
    def __add__(self, other):
        return Thing(self.value + getattr(other, "value", other))
    def __gt__(self, other):
        return self.value > getattr(other, "value", other)
    def __repr__(self):
        return f"Thing({self.value})"
    def __del__(self):
        LOG.append(f"gone {self.value}")
"""


def inlined(text: str, *, everything: bool = True) -> Inlining:
    code = compile(text, "module", "exec")
    return inline(code, analyse(code, lambda name, level: False), everything=everything)


def refused(text: str) -> dict[str, str]:
    return inlined(text).refused


# -- The same, whatever the functions are -----------------------------------------------------------------------------

VALUES = ("a", "b", "x", "1", "2", "Thing(3)", "note(4)", "a + b", "(b if a > b else a)", "(x := a)", "None", "SETTING")
HEADS = ("a, b", "a, b=7", "a, b=Thing(9)", "a, /, b=2", "a, *, b", "a, *, b=5", "a=1, b=2", "a, b=(1, 2), *, c=3")


@st.composite
def statements(draw: st.DrawFn, callable_names: list[str], depth: int) -> list[str]:
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        value = draw(expressions(callable_names, 2))
        kind = draw(st.sampled_from(("assign", "return", "if", "for", "note", "raise", "augment", "delete", "nothing")))
        inner = [f"    {line}" for line in draw(statements(callable_names, depth - 1))] if depth else ["    pass"]
        lines += {
            "assign": [f"{draw(st.sampled_from(('a', 'x', 'y')))} = {value}"],
            "return": [f"return {value}"],
            "if": [f"if {value}:", *inner, *(["else:", *inner] if draw(st.booleans()) else [])],
            "for": [f"for x in range({draw(st.integers(0, 3))}):", *inner],
            "note": [f"note({value})"],
            "raise": [f"if note({value}) is None:", f"    raise ValueError({value})"],
            "augment": [f"a = a + ({value})"],
            "delete": ["y = a", "del y"],
            "nothing": ["'nothing'"],
        }[kind]
    return lines


@st.composite
def expressions(draw: st.DrawFn, callable_names: list[str], depth: int) -> str:
    if not depth or not callable_names or draw(st.booleans()):
        return draw(st.sampled_from(VALUES))
    one, two = draw(expressions(callable_names, depth - 1)), draw(expressions(callable_names, depth - 1))
    name = draw(st.sampled_from(callable_names))
    arguments = draw(
        st.sampled_from(("{0}, {1}", "{0}", "{0}, b={1}", "b={0}, a={1}", "a={0}", "*[{0}, {1}]", "{0}, c={1}", ""))
    )
    return f"{name}({arguments.format(one, two)})"


@st.composite
def modules(draw: st.DrawFn) -> str:
    """Functions that call those with a greater number, in any order of definition."""
    count = draw(st.integers(2, 5))
    functions = []
    for number in range(count):
        names = [f"f{later}" for later in range(number + 1, count)]
        body = draw(statements(names, 2))
        marks = draw(st.sampled_from(("", "", "@inline\n", "@notinline\n")))
        lines = "\n".join(f"    {line}" for line in body)
        functions.append(f"{marks}def f{number}({draw(st.sampled_from(HEADS))}):\n{lines}\n")
    text = PROLOGUE + "from blockfreeze import inline, notinline\nSETTING = 11\n"
    text += "\n".join(draw(st.permutations(functions)))
    guarded = "\n".join(
        f"    try:\n        note(f{n}(1, b=2))\n    except Exception as error:\n        note(type(error))"
        for n in range(count)
    )
    return text + f"\ndef drive():\n{guarded}\n    return f0(3, b=Thing(5))\n"


def outcome(code: Any) -> tuple[list[object], list[str]]:
    """Return what calls come to and what happens in which order, and when objects are given up.

    Of what an exception's traceback keeps, frame by frame, the order is another where there are fewer frames.
    """
    namespace: dict[str, Any] = {"__name__": "module"}
    exec(code, namespace)
    told: list[object] = []
    raised = False
    for name in ("drive", *(name for name in sorted(namespace) if name.startswith("f") and name[1:].isdigit())):
        try:
            told.append(repr(namespace[name]() if name == "drive" else namespace[name](4, b=6)))
        except Exception as error:
            raised = True
            told.append((type(error), str(error), traceback.extract_tb(error.__traceback__)[-1].lineno))
            del error
    log: list[str] = namespace["LOG"]
    if not raised and not any("Error" in line for line in log):
        return told, log
    return [*told, *(line for line in log if not line.startswith("gone"))], sorted(log)


@settings(max_examples=60)
@given(modules(), st.booleans())
def test_inlined_code_does_what_it_did(text: str, everything: bool) -> None:
    assert outcome(inlined(text, everything=everything).code) == outcome(compile(text, "module", "exec"))


# -- What is done, and what is not ------------------------------------------------------------------------------------


def test_calls_of_small_functions_are_replaced_bottom_up() -> None:
    found = inlined(
        """
def scale(x, by=2):
    return x * by

def shift(x, *, by):
    return scale(x) + by

class Point:
    def moved(self, x):
        return [shift(one, by=3) for one in (x, scale(by=5, x=x))]

def outside(x):
    def inner(y):
        return scale(y, 4)
    return inner(x) + shift(x, by=scale(1))
"""
    )
    assert found.done["scale"]["shift"] == 1
    assert found.done["scale"]["outside.<locals>.inner"] == 1
    assert found.done["shift"]["outside"] == 1
    assert set(found.done["scale"]) >= {"shift", "outside", "outside.<locals>.inner"}
    namespace: dict[str, Any] = {"__name__": "module"}
    exec(found.code, namespace)
    assert namespace["outside"](10) == 40 + 22
    assert namespace["Point"]().moved(1) == [5, 13]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("def f(x):\n    yield x", Why.KIND),
        ("async def f(x):\n    return x", Why.KIND),
        ("def f(*x):\n    return x", Why.COLLECTS),
        ("def f(**x):\n    return x", Why.COLLECTS),
        ("def f(x):\n    return lambda: x", Why.CLOSURE),
        ("def f(x):\n    try:\n        return x\n    finally:\n        print(x)", Why.GUARDED),
        ("def f(x):\n    with x:\n        return x", Why.GUARDED),
        ("def f(x):\n    return f(x - 1) if x else 0", Why.RECURSIVE),
        ("def g(x):\n    return f(x)\ndef f(x):\n    return g(x - 1) if x else 0", Why.RECURSIVE),
        ("import sys\ndef f(x):\n    return sys._getframe(1)", Why.LOOKS),
        ("import sys\ndef g():\n    return sys._getframe(1)\ndef f(x):\n    return g()", Why.LOOKS),
        ("def f(x):\n    return locals()", Why.LOOKS),
        ("import warnings\ndef f(x):\n    warnings.warn('x', DeprecationWarning, 2)", Why.LOOKS),
        ("import logging\ndef f(x):\n    logging.info('%s', x)", Why.LOOKS),
        ("def f(x):\n    if x:\n        y = 1\n    return y", Why.UNASSIGNED),
        ("def f(x):\n    del x\n    return x", Why.UNASSIGNED),
        ("def f(x):\n    return " + " + ".join(["x"] * 60), Why.LARGE),
        ("def f(x):\n    return x\nf = staticmethod(f)", Why.NOT_PLAIN),
        ("import functools\n@functools.cache\ndef f(x):\n    return x", Why.NOT_PLAIN),
        ("import blockfreeze as bf\n@bf.notinline\ndef f(x):\n    return x", Why.MARKED),
        ("from blockfreeze import notinline as never\n@never\ndef f(x):\n    return x", Why.MARKED),
        ("def f(x=1):\n    return x\nf.__defaults__ = (2,)", Why.TOUCHED),
    ],
)
def test_what_is_not_inlined_has_a_reason(body: str, why: Why) -> None:
    found = inlined(f"{body}\ndef caller(x):\n    return f(x)\n")
    assert "f" not in found.done
    if found.refused:  # what is rebound is not bound at all, and has its reason there
        assert found.refused["f"] == why.value
    else:
        assert why is Why.NOT_PLAIN


def test_a_call_that_python_refuses_stays_a_call() -> None:
    text = "def f(x, /, y=1):\n    return x\ndef caller():\n    return {call}\n"
    for call in ("f()", "f(1, 2, 3)", "f(x=1)", "f(1, z=2)", "f(1, 2, y=3)"):
        found = inlined(text.format(call=call))
        assert not found.done
        namespace: dict[str, Any] = {}
        exec(found.code, namespace)
        with pytest.raises(TypeError, match=r"f\(\)"):
            namespace["caller"]()


def test_a_function_that_is_not_there_yet_is_the_same_error() -> None:
    text = """
def caller():
    return late(1)
try:
    caller()
except NameError as error:
    told = str(error)
def late(x):
    return x
more = [told, told, told, told]
"""
    found = inlined(text)
    assert found.done == {"late": {"caller": 1}}
    namespace: dict[str, Any] = {}
    exec(found.code, namespace)
    assert namespace["told"] == "name 'late' is not defined"
    assert namespace["caller"]() == 1


def test_what_only_one_branch_defines_is_asked_for() -> None:
    text = "if FLAG:\n    def maybe(x):\n        return x\ndef caller():\n    return maybe(1)\n"
    found = inlined(text)
    assert found.done
    for flag in (True, False):
        namespace: dict[str, Any] = {"FLAG": flag}
        exec(found.code, namespace)
        if flag:
            assert namespace["caller"]() == 1
        else:
            with pytest.raises(NameError, match="maybe"):
                namespace["caller"]()


def test_only_what_is_marked_is_inlined_unless_everything_is() -> None:
    text = """
import blockfreeze

@blockfreeze.inline
def marked(x):
    return x + 1

def small(x):
    return x + 2

def caller(x):
    return marked(x) + small(x)
"""
    assert inlined(text, everything=False).done == {"marked": {"caller": 1}}
    assert inlined(text).done == {"marked": {"caller": 1}, "small": {"caller": 1}}


# -- In a block -------------------------------------------------------------------------------------------------------

SHOP = """
def frob(a):
    return a, VERSION

def bar(pair):
    return pair if len(pair) == 2 and pair[1] == VERSION else "torn"

def check(x):
    if x < 0:
        raise ValueError(x)
    return x

def foo(a):
    return bar(frob(check(a)))
"""


def shop(version: int) -> str:
    return SHOP.replace("VERSION", str(version))


def test_a_block_that_is_inlined_swaps_and_rolls_back(workshop: Workshop) -> None:
    block: Any = workshop.freeze("shop", shop(1), inline=True)
    taken = block.foo
    assert taken(1) == (1, 1)
    bf.swap(block, source=shop(2))
    assert taken(1) == block.foo(1) == (1, 2)
    bf.rollback(block)
    assert taken(1) == (1, 1)
    bf.swap(block, source=shop(1).replace("x < 0", "x < 10"))
    with pytest.raises(ValueError, match="1"):
        taken(1)


def test_a_traceback_shows_the_line_of_the_inlined_function(workshop: Workshop) -> None:
    block: Any = workshop.freeze("shop", shop(1), inline=True)
    with pytest.raises(ValueError, match="-1") as raised:
        block.foo(-1)
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert last.line == "raise ValueError(x)"
    assert (last.name, last.filename) == ("foo", block.__file__)


def test_status_says_what_is_inlined_where(workshop: Workshop) -> None:
    block = workshop.freeze("shop", "def loop(x):\n    return loop(x)\n" + shop(1), inline=True)
    told = bf.status(block)
    assert {(one.name, one.callers) for one in told.inlined} == {
        ("shop.bar", (("foo", 1),)),
        ("shop.check", (("foo", 1),)),
        ("shop.frob", (("foo", 1),)),
    }
    assert {(one.name, one.reason) for one in told.not_inlined} == {("shop.loop", Why.RECURSIVE.value)}
    assert "inlined: shop.frob in foo" in str(told)


def test_an_inlined_function_cannot_be_patched(workshop: Workshop) -> None:
    block: Any = workshop.freeze("shop", shop(1), inline=True)
    with pytest.raises(bf.FrozenBlockError, match="notinline"), bf.patched(block, frob=lambda a: (a, 9)):
        pass
    with bf.patched(block, foo=lambda a: a):
        assert block.foo(5) == 5
    assert block.foo(5) == (5, 1)


def test_a_patchable_block_is_not_inlined(workshop: Workshop) -> None:
    with pytest.raises(bf.FreezeError, match="patchable"):
        workshop.freeze("shop", shop(1), inline=True, patchable=True)
    marked = "from blockfreeze import inline\n@inline\n" + shop(1).lstrip()
    block: Any = workshop.freeze("shop", marked, patchable=True)
    assert not bf.status(block).inlined
    with bf.patched(block, frob=lambda a: (a, 1, 2)):
        assert block.foo(5) == "torn"


def test_marks_are_harmless_in_a_plain_module() -> None:
    def function() -> None: ...

    assert bf.inline(function) is function
    assert bf.notinline(function) is function
