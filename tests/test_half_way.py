"""A new version that fails half-way: whatever stops it, and wherever, the old generation serves, untouched.

"Untouched" is taken literally: results, the identity of every attribute of the module and of its classes, the items
of its containers, `sys.modules`, and what the outside took from the module.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import inspect
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from pairs import DRIVER, Pair, feature_texts, write_pair
from threads import LIMIT, ParkedCall

import blockfreeze as bf

RICH = '''\
"""A module with one of everything that a body can do."""

import collections
import dataclasses
import enum
import functools
import typing

from json import dumps

VERSION = "<v>"
LIMITS = {"low": 1, "<v>": 2}
registry = []
counter = 0


def mark(text):
    return f"<v> {text}"


def register(function):
    registry.append(function.__name__)
    function.mark = "<v>"
    return function


@register
def frob(a, b=mark("default")):
    return a, b


@functools.lru_cache(maxsize=None)
def cached(a):
    return mark(a)


class Base:
    kinds = {}

    def __init_subclass__(cls):
        Base.kinds[cls.__name__] = mark(cls.__name__)

    def show(self):
        return mark("base")


class Child(Base):
    """Shows."""

    def show(self):
        return [mark("child"), super().show(), self.label]

    @property
    def label(self):
        return mark("label")

    @classmethod
    def build(cls):
        return cls()

    @staticmethod
    def apart():
        return frob(1)


class Color(enum.Enum):
    RED = 1
    GREEN = 2

    def show(self):
        return mark(self.name)


@dataclasses.dataclass
class Item:
    name: str = mark("name")

    def show(self):
        return mark(self.name)


class Point(typing.NamedTuple):
    x: int = 1

    def show(self):
        return mark(self.x)


@functools.singledispatch
def render(value):
    return mark("object")


@render.register
def _(value: int):
    return mark("int")


class Failed(Exception):
    pass


TABLE = {"frob": frob, "cached": cached}
bump = functools.partial(frob, "bump")
Pair = collections.namedtuple("Pair", "a b")
total: int = 0

for name in ("one", "two"):
    registry.append(mark(name))

if VERSION:
    def chosen():
        return mark("chosen")
else:
    chosen = None

try:
    chosen()
except Failed:
    raise
finally:
    registry.append("finally")

with open(__file__) as opened:
    opened.readline()

exec("def made():\\n    return mark('made')")
del name
assert registry


def count():
    global counter
    counter += 1
    return counter


def make():
    return {"child": Child(), "red": Color.RED, "item": Item("i"), "point": Point(2), "frob": frob}


def use(held):
    shown = [held[name].show() for name in ("child", "red", "item", "point")]
    called = [held["frob"](1), cached(2), bump(), render(3), render(""), chosen(), made(), Child.apart()]
    return [shown, called, [call(4) for call in TABLE.values()], registry, Base.kinds, LIMITS, dumps(VERSION)]


def __getattr__(name):
    if name == "lazy":
        return mark("lazy")
    raise AttributeError(name)
'''

FIRST, SECOND = ((RICH + DRIVER).replace("<v>", version) for version in ("v1", "v2"))


def stopped_after(text: str, statement: ast.stmt, stop: str) -> str:
    """Insert a line after a top-level statement."""
    lines = text.splitlines(keepends=True)
    assert statement.end_lineno is not None
    return "".join([*lines[: statement.end_lineno], f"{stop}\n", *lines[statement.end_lineno :]])


STATEMENTS = ast.parse(SECOND).body
after_each_statement = pytest.mark.parametrize(
    "statement",
    STATEMENTS,
    ids=[f"{statement.lineno}-{type(statement).__name__}" for statement in STATEMENTS],
)


class StoppedError(Exception):
    """What the new bodies and the checks of these tests raise."""


@pytest.fixture
def foreign() -> Iterator[ModuleType]:
    """A module outside the block, whose `stop` the new bodies call: it raises what the test put there."""
    module = ModuleType("a_foreign_stop")

    def stop() -> None:
        raise module.error

    module.stop = stop  # type: ignore[attr-defined]
    module.error = StoppedError("half-way")  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


STOP = "__import__('a_foreign_stop').stop()"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = write_pair(tmp_path, "rich", FIRST, SECOND)
    yield made
    made.forget()


def contents(value: object) -> object:
    """Return what a container holds, as identities, and how a function describes itself."""
    if isinstance(value, dict):
        return [(key, id(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple, set)):
        return [id(item) for item in value]
    if isinstance(value, FunctionType):
        # Its code and cells are the block's own affair: arming changes them, and it changes nothing else.
        described = (value.__name__, value.__qualname__, value.__doc__, value.__module__, dict(vars(value)))
        return described, inspect.signature(value)
    return None


def photograph(module: ModuleType) -> dict[str, object]:
    """Record the identity of every attribute of the module and of its classes, and what they hold."""
    seen: dict[str, object] = {}
    for name, value in vars(module).items():
        seen[name] = (id(value), contents(value))
        if isinstance(value, type) and value.__module__ == module.__name__:
            seen[f"{name}.__mro__"] = value.__mro__
            for attribute, inner in vars(value).items():
                function = getattr(inner, "__func__", getattr(inner, "fget", inner))
                seen[f"{name}.{attribute}"] = (id(inner), contents(function))
    seen["dir()"] = dir(module)
    return seen


@contextlib.contextmanager
def nothing_changes(module: ModuleType) -> Iterator[None]:
    """Assert that the block is after the context what it was before it, armed or not."""
    held, probe = module.make(), module.probe
    bound = held["child"].show
    answers = [module.probe(), module.use(held), bound(), module.lazy]
    pickled = pickle.dumps(held)
    current = bf.status(module).current
    loaded = dict(sys.modules)
    before = photograph(module)
    yield
    assert photograph(module) == before
    assert {name: sys.modules.get(name) for name in loaded} == loaded
    assert set(sys.modules) - set(loaded) <= {"a_module_that_exists_no_more"}
    assert [module.probe(), module.use(held), bound(), module.lazy] == answers
    assert probe() == answers[0]
    assert module.use(pickle.loads(pickled)) == answers[1]
    assert list(module.steps()) == [answers[0]] * 3
    status = bf.status(module)
    assert (status.current, status.lingering, status.overlapping) == (current, (), False)


def arm(module: ModuleType, text: str) -> None:
    """Swap once to the same version and drain: arming the functions is a change of its own, made once."""
    bf.swap(module, source=text)
    bf.drain(module, timeout=LIMIT)


@after_each_statement
def test_a_body_that_raises_after_any_statement_leaves_the_old_generation(
    pair: Pair, foreign: ModuleType, statement: ast.stmt
) -> None:
    with pair.plain("v2") as plain:
        expected = plain.probe()
    module = pair.freeze()
    arm(module, FIRST)
    with nothing_changes(module), pytest.raises(bf.PrepareError) as caught:
        bf.swap(module, source=stopped_after(SECOND, statement, STOP))
    assert caught.value.__cause__ is foreign.error
    assert (caught.value.phase, caught.value.block) == ("execute", bf.status(module).block)
    pair.swap("v2")
    assert module.probe() == expected


@after_each_statement
def test_a_first_swap_that_fails_after_any_statement_leaves_what_answers(
    pair: Pair, foreign: ModuleType, statement: ast.stmt
) -> None:
    """The first swap arms the functions: their code may differ after it, and nothing that can be asked of them."""
    module = pair.freeze()
    held, answers = module.make(), module.probe()
    identities = {name: id(value) for name, value in vars(module).items()}
    classes = {kind: list(vars(kind)) for kind in (module.Base, module.Child, module.Color, module.Item, module.Point)}
    functions = {name: dict(vars(value)) for name, value in vars(module).items() if isinstance(value, FunctionType)}
    with pytest.raises(bf.PrepareError):
        bf.swap(module, source=stopped_after(SECOND, statement, STOP))
    assert {name: id(value) for name, value in vars(module).items()} == identities
    assert {kind: list(vars(kind)) for kind in classes} == classes
    assert {name: dict(vars(getattr(module, name))) for name in functions} == functions
    assert module.probe() == module.use(held) == answers
    assert list(module.steps()) == [answers] * 3
    assert bf.status(module).overlapping is False


STOPS = {
    "exception": ("raise ValueError('no')", ValueError),
    "sys.exit": ("import sys; sys.exit(3)", SystemExit),
    "missing dependency": ("import a_dependency_that_is_missing", ModuleNotFoundError),
    "missing name": ("from json import a_name_that_is_missing", ImportError),
    "stop iteration": ("raise StopIteration(1)", StopIteration),
    "recursion": ("(lambda f: f(f))(lambda f: f(f))", RecursionError),
    "undefined name": ("undefined_name", NameError),
    "import of itself": ("from {name} import a_name_that_is_missing", ImportError),
    "exception group": ("raise ExceptionGroup('g', [ValueError(1)])", ExceptionGroup),
}


@pytest.mark.parametrize("stop", STOPS)
def test_a_body_that_stops_is_a_prepare_error_with_its_own_error_as_the_cause(pair: Pair, stop: str) -> None:
    line, kind = STOPS[stop]
    module = pair.freeze()
    arm(module, FIRST)
    with nothing_changes(module), pytest.raises(bf.PrepareError) as caught:
        bf.swap(module, source=SECOND + line.format(name=pair.name) + "\n")
    error = caught.value
    assert type(error.__cause__) is kind
    assert error.phase == "execute"
    assert (error.member, pair.name in str(error)) == (pair.name, True)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.phase, again.member) == (type(error), str(error), "execute", pair.name)


@after_each_statement
def test_a_keyboard_interrupt_in_the_body_is_passed_on_and_leaves_the_old_generation(
    pair: Pair, foreign: ModuleType, statement: ast.stmt
) -> None:
    module = pair.freeze()
    arm(module, FIRST)
    foreign.error = KeyboardInterrupt()  # type: ignore[attr-defined]
    with nothing_changes(module), pytest.raises(KeyboardInterrupt):
        bf.swap(module, source=stopped_after(SECOND, statement, STOP))
    pair.swap("v2")
    assert module.VERSION == "v2"


def test_classes_of_a_body_that_failed_are_gone_with_its_error(pair: Pair, foreign: ModuleType) -> None:
    module = pair.freeze()
    for _ in range(3):
        with contextlib.suppress(bf.PrepareError):
            bf.swap(module, source=f"{SECOND}{STOP}\n")
    foreign.error = None  # type: ignore[attr-defined]
    gc.collect()
    assert module.Base.__subclasses__() == [module.Child]


UNREADABLE = {
    "syntax error": ("def (:\n", SyntaxError),
    "bad indentation": ("def f():\nreturn 1\n", IndentationError),
    "null byte": ("x = 1\n\0\n", (SyntaxError, ValueError)),
    "return outside a function": ("x = 1\nreturn x\n", SyntaxError),
    "unknown encoding": ("# -*- coding: no-such-encoding -*-\nx = 1\n", SyntaxError),
}


@pytest.mark.parametrize("kind", ["text", "file"])
@pytest.mark.parametrize("fault", UNREADABLE)
def test_a_source_that_does_not_compile_leaves_the_old_generation(pair: Pair, fault: str, kind: str) -> None:
    text, expected = UNREADABLE[fault]
    if fault == "unknown encoding" and kind == "text":
        pytest.skip("text has no encoding")
    module = pair.freeze()
    arm(module, FIRST)
    pair.write("v3", text)
    with nothing_changes(module), pytest.raises(bf.PrepareError) as caught:
        bf.swap(module, source=text if kind == "text" else pair.file("v3"))
    assert isinstance(caught.value.__cause__, expected)
    assert caught.value.phase in ("read", "link")


@pytest.mark.parametrize("missing", ["file", "directory", "module in the directory", "edited file"])
def test_a_source_that_is_not_there_leaves_the_old_generation(pair: Pair, missing: str) -> None:
    module = pair.freeze()
    arm(module, FIRST)
    empty = pair.directory / "empty"
    empty.mkdir()
    source = {
        "file": pair.directory / "nowhere.py",
        "directory": pair.directory / "nowhere",
        "module in the directory": empty,
        "edited file": None,
    }[missing]
    if missing == "edited file":
        text = pair.text("v1")
        with nothing_changes(module):
            pair.file("v1").unlink()
            with pytest.raises(bf.PrepareError) as caught:
                bf.swap(module)
            pair.write("v1", text)
    else:
        with nothing_changes(module), pytest.raises(bf.PrepareError) as caught:
            bf.swap(module, source=source)
    assert caught.value.phase == "read"
    assert isinstance(caught.value.__cause__, (OSError, ImportError))


def test_a_check_that_fails_leaves_the_old_generation(pair: Pair) -> None:
    module = pair.freeze()
    arm(module, FIRST)
    asked: list[object] = []

    def check(candidate: ModuleType) -> None:
        asked.append(candidate.probe())
        raise StoppedError

    with nothing_changes(module), pytest.raises(bf.PrepareError) as caught:
        bf.swap(module, source=SECOND, check=check)
    assert (type(caught.value.__cause__), caught.value.phase) == (StoppedError, "check")
    pair.swap("v2")
    assert asked == [module.probe()]


def test_strict_refuses_a_version_that_removes_or_narrows_and_leaves_the_old_generation(pair: Pair) -> None:
    module = pair.freeze()
    arm(module, FIRST)
    narrowed = SECOND.replace('def frob(a, b=mark("default")):', "def frob(a, b):").replace(
        "def count():", "def counts():"
    )
    narrowed = narrowed.replace("frob(1)", "frob(1, 2)").replace('held["frob"](1)', "1").replace("call(4)", "call")
    with nothing_changes(module), pytest.raises(bf.IncompatibleBlockError) as caught:
        bf.swap(module, source=narrowed, strict=True)
    assert {"frob" in problem or "count" in problem for problem in caught.value.problems} == {True}
    assert bf.swap(module, source=narrowed).incompatible == caught.value.problems


def test_a_discarded_candidate_leaves_the_old_generation(pair: Pair) -> None:
    with pair.plain("v2") as plain:
        expected = plain.probe()
    module = pair.freeze()
    arm(module, FIRST)
    with nothing_changes(module):
        candidate = bf.prepare(module, source=pair.file("v2"))
        assert candidate.probe() == expected
        candidate.discard()


@pytest.mark.needs_threads
def test_calls_parked_across_a_failed_swap_finish_as_if_nothing_had_been(pair: Pair, foreign: ModuleType) -> None:
    module = pair.freeze()
    answers = module.probe()
    suspended = module.steps()
    assert next(suspended) == answers
    with ParkedCall(module.in_flight) as parked:
        for statement in STATEMENTS[::7]:
            with pytest.raises(bf.PrepareError):
                bf.swap(module, source=stopped_after(SECOND, statement, STOP))
        assert module.probe() == answers
        assert parked.finish() == [answers] * 3
    assert list(suspended) == [answers] * 2


def test_state_that_functions_rebind_survives_failed_and_successful_swaps(pair: Pair, foreign: ModuleType) -> None:
    module = pair.freeze()
    assert [module.count(), module.count()] == [1, 2]
    with pytest.raises(bf.PrepareError):
        bf.swap(module, source=stopped_after(SECOND, STATEMENTS[-1], STOP))
    assert (module.counter, module.count()) == (2, 3)
    pair.swap("v2")
    assert (module.counter, module.count()) == (3, 4)
    bf.rollback(module)
    assert (module.counter, module.count()) == (4, 5)


def test_a_module_that_cannot_be_imported_cannot_be_frozen_and_leaves_no_trace(pair: Pair, foreign: ModuleType) -> None:
    for statement in STATEMENTS:
        pair.write("v3", stopped_after(FIRST, statement, STOP))
        before = dict(sys.modules)
        with pytest.raises(bf.FreezeError) as caught:
            pair.freeze("v3")
        assert caught.value.__cause__ is foreign.error
        assert dict(sys.modules) == before


@pytest.mark.parametrize("feature", ["metaclass", "init_subclass_registry", "enums", "exec_functions", "slots"])
def test_a_feature_that_fails_half_way_answers_as_before(tmp_path: Path, feature: str, foreign: ModuleType) -> None:
    first, second = (text + DRIVER for text in feature_texts(feature))
    pair = write_pair(tmp_path, feature, first, second)
    with pair.plain("v1") as plain:
        answers = plain.probe()
    module = pair.freeze()
    held = module.make()
    for statement in ast.parse(second).body:
        with pytest.raises(bf.PrepareError):
            bf.swap(module, source=stopped_after(second, statement, STOP))
        assert module.probe() == module.use(held) == answers
    pair.swap("v2")
    pair.forget()
