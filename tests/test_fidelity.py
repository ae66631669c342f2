"""A module that was frozen and never swapped cannot be told from the plain one by what it does or shows.

Both are imported from the same file under the same name, asked the same questions, and the answers compared.
"""

from __future__ import annotations

import copy
import doctest
import gc
import importlib
import importlib.machinery
import importlib.util
import inspect
import pickle
import pkgutil
import pydoc
import re
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import pytest
from pairs import DRIVER, NAMES, Pair, feature_pair, own_classes, own_functions, write_pair

import blockfreeze as bf

every_feature = pytest.mark.parametrize("feature", NAMES)
both_versions = pytest.mark.parametrize("version", ["v1", "v2"])


@pytest.fixture
def pair(feature: str, tmp_path: Path) -> Iterator[Pair]:
    made = feature_pair(tmp_path, feature)
    yield made
    made.forget()


def plain_and_frozen(pair: Pair, ask: Callable[[ModuleType], object], version: str = "v1") -> tuple[object, object]:
    """Ask the plain module, then the block."""
    with pair.plain(version) as module:
        expected = ask(module)
    return expected, ask(pair.freeze(version))


def same(pair: Pair, ask: Callable[[ModuleType], object], version: str = "v1") -> None:
    """Assert that the plain module and the block give the same answer."""
    expected, found = plain_and_frozen(pair, ask, version)
    assert found == expected


def without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def functions_of(module: ModuleType) -> dict[str, FunctionType]:
    """Return every function of the module's own source: of the top level, of its classes, and behind wrappers."""
    found: dict[str, FunctionType] = {}

    def take(name: str, value: object) -> None:
        if isinstance(value, FunctionType) and value.__code__.co_filename == module.__file__:
            found[name] = value
        for attribute in ("__func__", "fget", "__wrapped__"):
            inner = getattr(value, attribute, None)
            if inner is not None and not isinstance(value, type):
                take(f"{name} {attribute}", inner)

    for name, value in vars(module).items():
        take(name, value)
    for name, kind in own_classes(module).items():
        for attribute, value in vars(kind).items():
            take(f"{name}.{attribute}", value)
    return found


def codes_of(module: ModuleType) -> Iterator[tuple[str, CodeType]]:
    """Yield the code of every function and what is nested in it, with a path that is unique."""

    def nested(path: str, code: CodeType) -> Iterator[tuple[str, CodeType]]:
        yield path, code
        for number, constant in enumerate(inner for inner in code.co_consts if isinstance(inner, CodeType)):
            yield from nested(f"{path}/{number}:{constant.co_name}", constant)

    for name, function in functions_of(module).items():
        yield from nested(name, function.__code__)


def collapsed(steps: Iterator[object] | list[object]) -> list[object]:
    """Drop what repeats the step before: the block needs other instructions, at the same places."""
    kept: list[object] = []
    for step in steps:
        if not kept or kept[-1] != step:
            kept.append(step)
    return kept


@every_feature
@both_versions
def test_results_are_the_same(pair: Pair, version: str) -> None:
    same(pair, lambda module: [module.probe(), module.in_flight(lambda: None), list(module.steps())], version)


@every_feature
def test_the_names_of_the_module_are_the_same_in_the_same_order(pair: Pair) -> None:
    same(pair, lambda module: [dir(module), [name for name in vars(module) if not name.startswith("__")]])
    same(pair, lambda module: {name for name in vars(module) if name.startswith("__")})


@every_feature
def test_the_module_describes_itself_in_the_same_way(pair: Pair) -> None:
    def described(module: ModuleType) -> list[object]:
        spec = module.__spec__
        assert spec is not None
        return [
            (module.__name__, module.__doc__, module.__file__, module.__package__, getattr(module, "__cached__", "")),
            (spec.name, spec.origin, spec.cached, spec.has_location, module.__loader__ is spec.loader),
            (spec.loader.get_source(spec.name), spec.loader.is_package(spec.name)),  # type: ignore[union-attr]
            (spec.loader.get_filename(spec.name), pkgutil.get_data(spec.name, "beside.txt")),  # type: ignore[union-attr]
            (repr(module), isinstance(module, types.ModuleType), inspect.ismodule(module), inspect.getdoc(module)),
            (inspect.getsource(module), inspect.getfile(module), inspect.getsourcefile(module)),
            [name for name, _ in inspect.getmembers(module)],
            [name for name, _ in inspect.getmembers(module, inspect.isfunction)],
            [name for name, _ in inspect.getmembers(module, inspect.isclass)],
            without_addresses(pydoc.plain(pydoc.render_doc(module))),
        ]

    pair.file("v1").with_name("beside.txt").write_text("something")
    same(pair, described)


@every_feature
def test_functions_show_the_same_face(pair: Pair) -> None:
    def described(module: ModuleType) -> dict[str, object]:
        return {
            name: (
                (function.__name__, function.__qualname__, function.__module__, function.__doc__),
                without_addresses(str(inspect.signature(function))),
                without_addresses(repr(inspect.getfullargspec(function))),
                without_addresses(repr((function.__defaults__, function.__kwdefaults__, function.__annotations__))),
                (inspect.iscoroutinefunction(function), inspect.isasyncgenfunction(function)),
                (inspect.isgeneratorfunction(function), inspect.isroutine(function), type(function)),
                (inspect.getsourcelines(function), inspect.getsourcefile(function), inspect.getdoc(function)),
                (without_addresses(repr(function)), sorted(vars(function)), inspect.getmodule(function) is module),
                len(getattr(function, "__type_params__", ())),
            )
            for name, function in functions_of(module).items()
        }

    same(pair, described)


@every_feature
def test_classes_show_the_same_face(pair: Pair) -> None:
    def described(module: ModuleType) -> dict[str, object]:
        return {
            name: (
                (kind.__name__, kind.__qualname__, kind.__module__, kind.__doc__, type(kind).__name__, repr(kind)),
                [base.__qualname__ for base in kind.__mro__],
                list(vars(kind)),
                [without_addresses(repr(value)) for value in vars(kind).values() if not isinstance(value, dict)],
                [type(value).__name__ for value in vars(kind).values()],
                without_addresses(repr(getattr(kind, "__annotations__", None))),
                inspect.getsourcelines(kind),
                inspect.getmodule(kind) is module,
                [(item.name, item.kind, item.defining_class.__name__) for item in inspect.classify_class_attrs(kind)],
            )
            for name, kind in own_classes(module).items()
            if kind.__name__ in pair.text("v1") and f"class {kind.__name__}" in pair.text("v1")
        }

    same(pair, described)


@every_feature
@both_versions
def test_code_lies_on_the_same_lines_and_columns(pair: Pair, version: str) -> None:
    def placed(module: ModuleType) -> dict[str, object]:
        return {
            path: (
                (code.co_name, code.co_qualname, code.co_filename, code.co_firstlineno),
                (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
                code.co_varnames[: code.co_argcount + code.co_kwonlyargcount],
                code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS | inspect.CO_GENERATOR),
                code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_OPTIMIZED),
                collapsed([line for _, _, line in code.co_lines() if line is not None]),
                collapsed([place for place in code.co_positions() if place[0] is not None]),
            )
            for path, code in codes_of(module)
        }

    same(pair, placed, version)


@every_feature
@both_versions
def test_the_traced_lines_calls_and_returns_are_the_same(pair: Pair, version: str) -> None:
    def traced(call: Callable[[], object], file: str) -> list[object]:
        events: list[object] = []

        def trace(frame: FrameType, event: str, argument: object) -> object:
            if frame.f_code.co_filename == file:
                events.append((event, frame.f_code.co_qualname, frame.f_lineno))
            return trace

        # The collector closes generators of an earlier import, and 3.11 traces that.
        gc.collect()
        gc.disable()
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            call()
        finally:
            sys.settrace(before)
            gc.enable()
        return events

    file = str(pair.file(version))
    with pair.plain(version) as module:
        expected = traced(module.probe, file)
    module = pair.freeze(version)
    assert expected
    assert traced(module.probe, file) == expected


@every_feature
def test_the_lines_of_the_body_are_traced_as_at_a_plain_import(pair: Pair) -> None:
    def body_lines(load: Callable[[], object]) -> list[object]:
        lines: list[object] = []

        def trace(frame: FrameType, event: str, argument: object) -> object:
            if frame.f_code.co_filename != str(pair.file("v1")):
                return None
            if event == "line":
                lines.append((frame.f_code.co_qualname, frame.f_lineno))
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            load()
        finally:
            sys.settrace(before)
        return lines

    with pair.importable("v1"):
        expected = body_lines(lambda: importlib.import_module(pair.name))
        pair.forget()
        found = body_lines(lambda: bf.freeze_block(pair.name))
    assert found == expected


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in 3.12")
@every_feature
def test_the_monitored_lines_and_branches_are_the_same(pair: Pair) -> None:
    monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
    file = str(pair.file("v1"))

    def monitored(module: ModuleType) -> list[object]:
        seen: list[object] = []
        # Other instructions stand at the same places, so a branch is told by its line, not by its offset.
        tool, events = monitoring.COVERAGE_ID, monitoring.events

        def line(code: CodeType, number: int) -> None:
            if code.co_filename == file:
                seen.append((code.co_qualname, number))

        def starts(code: CodeType, offset: int) -> None:
            if code.co_filename == file:
                seen.append(("start", code.co_qualname))

        def returns(code: CodeType, offset: int, value: object) -> None:
            if code.co_filename == file:
                seen.append(("return", code.co_qualname))

        monitoring.use_tool_id(tool, "fidelity")
        try:
            monitoring.register_callback(tool, events.LINE, line)
            monitoring.register_callback(tool, events.PY_START, starts)
            monitoring.register_callback(tool, events.PY_RETURN, returns)
            monitoring.set_events(tool, events.LINE | events.PY_START | events.PY_RETURN)
            module.probe()
        finally:
            monitoring.set_events(tool, 0)
            monitoring.free_tool_id(tool)
        return seen

    expected, found = plain_and_frozen(pair, monitored)
    assert expected
    assert found == expected


@every_feature
def test_pickles_are_the_same_bytes(pair: Pair) -> None:
    def pickled(module: ModuleType) -> list[object]:
        stored = [pickle.dumps(module.make(), protocol) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
        stored += [pickle.dumps(function) for function in own_functions(module).values()]
        stored += [pickle.dumps(kind) for kind in own_classes(module).values()]
        for function in own_functions(module).values():
            assert pickle.loads(pickle.dumps(function)) is function
        return [*stored, module.use(pickle.loads(stored[0]))]

    same(pair, pickled)


@every_feature
def test_copies_work_the_same(pair: Pair) -> None:
    def copied(module: ModuleType) -> list[object]:
        shallow = {name: copy.copy(thing) for name, thing in module.make().items()}
        deep = copy.deepcopy(module.make())
        functions = [copy.copy(function) is function for function in own_functions(module).values()]
        functions += [copy.deepcopy(kind) is kind for kind in own_classes(module).values()]
        return [module.use(shallow), module.use(deep), functions]

    same(pair, copied)


@every_feature
def test_doctests_are_found_and_pass(pair: Pair) -> None:
    def tested(module: ModuleType) -> object:
        names = [(test.name, test.lineno, len(test.examples)) for test in doctest.DocTestFinder().find(module)]
        return names, doctest.testmod(module)

    expected, found = plain_and_frozen(pair, tested)
    assert found == expected
    assert found[1].failed == 0  # type: ignore[index]


def test_doctests_of_the_new_version_pass_after_a_swap(tmp_path: Path) -> None:
    pair = feature_pair(tmp_path, "plain_functions")
    module = pair.freeze()
    assert doctest.testmod(module) == doctest.TestResults(failed=0, attempted=2)
    pair.swap("v2")
    assert doctest.testmod(module) == doctest.TestResults(failed=0, attempted=2)
    pair.forget()


DEEP = '''\
"""Calls that fail at the end of a way through every kind of frame."""

import functools


def fail(n):
    return [1, 2][n] / (
        n -
        n
    )


def passed_on(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args) + 1
    return wrapper


@passed_on
def decorated(n): return fail(n) + fail(n)


class Thing:
    value = property(lambda self: decorated(1))

    def __init__(self):
        self.inner = (
            self
            .value
        )

    @classmethod
    def build(cls): return [cls() for _ in range(1)]


def generate():
    yield 1
    yield Thing.build()


def nested(x):
    def inner(y):
        try:
            return {k: v for k, v in enumerate(generate())}
        except ZeroDivisionError as error:
            raise ValueError(f"wrapped {x + y}") from error
    return inner(1)


async def awaited():
    return await again()


async def again(): return sorted([1], key=lambda key: nested(key))


def finish():
    try:
        awaited().send(None)
    finally:
        undefined_name(fail)


def raising_in_a_class_body():
    class Inner:
        attribute = fail(1)


def too_many_arguments():
    return fail(1, 2)


def missing_attribute():
    return fail.attribute, Thing.build.nothing
'''


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Pair]:
    made = write_pair(tmp_path, "deep", DEEP, "\n\n" + DEEP.replace("[1, 2][n]", "[3, 4][n]"))
    yield made
    made.forget()


CRASHES = ("finish", "nested", "raising_in_a_class_body", "too_many_arguments", "missing_attribute", "decorated")


def crash(module: ModuleType, name: str) -> BaseException:
    """Call a function that raises, and return what it raised, from the module's frames on."""
    arguments = [1] if name in ("nested", "decorated") else []
    with pytest.raises((ArithmeticError, AttributeError, NameError, TypeError, ValueError)) as caught:
        getattr(module, name)(*arguments)
    assert caught.value.__traceback__ is not None
    return caught.value.with_traceback(caught.value.__traceback__.tb_next)


@pytest.mark.parametrize("name", CRASHES)
def test_tracebacks_are_the_same_text(deep: Pair, name: str) -> None:
    same(deep, lambda module: "".join(traceback.format_exception(crash(module, name))))


@pytest.mark.parametrize("name", CRASHES)
def test_tracebacks_after_a_swap_end_in_the_files_lines_and_functions_of_v2(deep: Pair, name: str) -> None:
    def places(module: ModuleType) -> list[object]:
        chain, error = [], crash(module, name)
        while error is not None:
            frames = traceback.extract_tb(error.__traceback__)
            # A forwarder may add a frame; it bears the name of what it forwards to.
            chain.append(collapsed([frame.name for frame in frames]))
            chain.append((type(error), str(error), frames[-1].filename, frames[-1].lineno, frames[-1].line))
            error = error.__cause__ or error.__context__  # type: ignore[assignment]
        return chain

    with deep.plain("v2") as module:
        expected = places(module)
    module = deep.freeze()
    deep.swap("v2")
    assert places(module) == expected


def test_the_caller_is_the_caller(tmp_path: Path) -> None:
    text = (
        "import collections, inspect, sys, warnings\n"
        "def caller(): return sys._getframe(1).f_code.co_name\n"
        "def calling(): return caller()\n"
        "def warned(): warnings.warn('look', UserWarning, stacklevel=2)\n"
        "def warning():\n    warned()\n"
        "def stack(): return [frame.function for frame in inspect.stack()[:3]]\n"
        "def through(): return list(map(lambda _: stack(), [1]))\n"
        "def variables():\n    here = 1\n    return sorted(locals()), sorted(vars()), 'calling' in globals()\n"
        "Pair = collections.namedtuple('Pair', 'a b')\n"
        "def module_of(): return Pair.__module__, caller.__module__, type('T', (), {}).__module__\n"
        "class Body:\n    names = sorted(locals())\n    module = sys._getframe().f_globals['__name__']\n"
    )
    pair = write_pair(tmp_path, "callers", text + DRIVER, text + DRIVER)

    def asked(module: ModuleType) -> list[object]:
        with pytest.warns(UserWarning, match="look") as caught:
            module.warning()
        answers = [module.caller(), module.calling(), module.stack(), module.through(), module.variables()]
        where = [(one.filename, one.lineno) for one in caught]
        return [*answers, module.module_of(), where, module.Body.names, module.Body.module]

    same(pair, asked)
    pair.forget()


def test_an_import_that_fails_shows_the_same_traceback_as_the_cause(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, "failing", DEEP + "\n\nraising_in_a_class_body()\n", DEEP)

    def own_frames(error: BaseException) -> list[object]:
        frames = traceback.extract_tb(error.__traceback__)
        return [(at.name, at.lineno, at.line, at.colno) for at in frames if at.filename == str(pair.file("v1"))]

    with pytest.raises(ZeroDivisionError) as plain, pair.plain("v1"):
        pass
    with pytest.raises(bf.FreezeError) as frozen:
        pair.freeze()
    assert isinstance(frozen.value.__cause__, ZeroDivisionError)
    assert own_frames(frozen.value.__cause__) == own_frames(plain.value)
    assert pair.name not in sys.modules


CLASS_BODIES = """
import enum

class Base:
    kind = "module"

def marked():
    return 1

marked.mark = "mark"

class Prepares(type):
    @classmethod
    def __prepare__(mcs, name, bases):
        return {"Base": "prepared"}

class Prepared(metaclass=Prepares):
    found = Base

class Rebinding:
    before = Base.__name__
    Base = 3
    after = Base
    mark = marked.mark
    class Inner:
        found = Base.kind

class Member(enum.Enum):
    kind = Base.kind
    mark = marked.mark

def local():
    class Local:
        found = Base.__name__
        mark = marked.mark
    return Local.found, Local.mark

def shadowed(Base):
    class Local:
        found = Base
    return Local.found

def probe():
    fields = Rebinding.before, Rebinding.after, Rebinding.mark, Rebinding.Inner.found
    return Prepared.found, fields, Member.kind.value, Member.mark.value, local(), shadowed(5)
"""


def test_class_bodies_find_their_own_names_first(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, "class_bodies", CLASS_BODIES, CLASS_BODIES.replace('"module"', '"other"'))
    try:
        with pair.plain("v1") as module:
            expected = module.probe()
        with pair.plain("v2") as module:
            changed = module.probe()
        block = pair.freeze("v1")
        assert block.probe() == expected
        pair.swap("v2")
        assert block.probe() == changed != expected
    finally:
        pair.forget()


def test_a_module_imported_again_after_its_removal_is_another_module(workshop: Any) -> None:
    frozen = workshop.freeze(
        "fresh",
        """
        count = 0
        try:
            from missing_accelerator import answer
        except ImportError:
            def answer(): return helper() + count
        def helper(): return 41
        """,
        patchable=True,
    )
    del sys.modules["fresh"]
    accelerator = types.ModuleType("missing_accelerator")
    accelerator.answer = lambda: "fast"  # type: ignore[attr-defined]
    sys.modules["missing_accelerator"] = accelerator
    try:
        again = importlib.import_module("fresh")
    finally:
        del sys.modules["missing_accelerator"]
    assert again is not frozen
    assert (frozen.answer(), again.answer()) == (41, "fast")
    again.helper = lambda: 0
    assert frozen.answer() == 41
    sys.modules["fresh"] = frozen
    bf.swap(frozen, source="def helper(): return 1\ndef answer(): return helper()\n")
    assert (frozen.answer(), again.answer()) == (1, "fast")
    assert importlib.import_module("fresh") is frozen


def test_a_swap_does_not_put_back_what_was_taken_out_of_sys_modules(workshop: Any) -> None:
    frozen = workshop.freeze("taken", "def f(): return 1\n")
    del sys.modules["taken"]
    bf.swap(frozen)
    assert "taken" not in sys.modules


def test_the_spec_of_a_module_makes_another_module_each_time(workshop: Any) -> None:
    frozen = workshop.freeze("specified", "def f(): return g\ndef g(): pass\n")
    spec = importlib.util.find_spec("specified")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made is not frozen
    assert made.f() is made.g
    assert frozen.f() is frozen.g


def test_a_swap_leaves_the_filters_of_warnings_alone(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = workshop.freeze("warned", "def f(a, /, b=1, *c, d, **e): return a\nclass C:\n    def m(self): return f\n")

    def touched(*args: object, **kwargs: object) -> None:
        raise AssertionError("a thread of the program may be in catch_warnings at this moment")

    for name in ("catch_warnings", "simplefilter", "filterwarnings"):
        monkeypatch.setattr(f"warnings.{name}", touched)
    bf.swap(frozen, source="def f(z, /, b=1, *c, d, **e): return b\nclass C:\n    def m(self): return f\n")
    assert frozen.f(0, 5, d=1) == 5


def test_a_warning_of_a_module_body_points_at_the_import_statement(workshop: Any) -> None:
    workshop.write("warns.py", "import warnings\nwarnings.warn('old', DeprecationWarning, stacklevel=2)\n")
    workshop.write("package/__init__.py", "def later():\n    from package import deprecated\n")
    workshop.write("package/deprecated.py", "import warnings\nwarnings.warn('old', DeprecationWarning, stacklevel=2)\n")
    bf.install("warns")
    package = bf.freeze_block("package")
    with pytest.warns(DeprecationWarning, match="old") as caught:
        import warns  # type: ignore[import-not-found]  # noqa: F401
    assert [one.filename for one in caught] == [__file__]
    with pytest.warns(DeprecationWarning, match="old") as caught:
        package.later()
    assert [(one.filename, one.lineno) for one in caught] == [(package.__file__, 2)]


def test_a_warning_of_a_body_that_a_swap_runs_points_at_who_swaps_or_imports(workshop: Any) -> None:
    warn = "import warnings\nwarnings.warn('old', stacklevel=2)\n"
    workshop.write("given/__init__.py", warn + "import given.inner\n")
    workshop.write("given/inner.py", warn)
    with pytest.warns(UserWarning, match="old"):
        plain = importlib.import_module("given")
    with pytest.warns(UserWarning, match="old") as told:
        importlib.reload(plain)
    reloaded = told[0].filename, told[0].lineno
    inside = str(plain.__file__), 3
    acts: list[Any] = [lambda: bf.freeze_block(plain), lambda: bf.swap(plain), lambda: bf.prepare(plain).__exit__()]
    for act in [*acts, lambda: importlib.reload(plain)]:
        with pytest.warns(UserWarning, match="old") as told:
            act()
        here = __file__, act.__code__.co_firstlineno
        place = here if act in acts else reloaded
        assert [(one.filename, one.lineno) for one in told] == [place, inside]


def test_the_loader_looks_like_the_one_that_found_the_module(workshop: Any) -> None:
    file = workshop.write("loaded.py", "")
    frozen = bf.freeze_block("loaded")
    plain = importlib.util.spec_from_file_location("loaded", file)
    assert plain is not None
    assert frozen.__spec__ == plain
    assert plain == frozen.__spec__
    assert without_addresses(repr(frozen.__spec__)) == without_addresses(repr(plain))
    assert isinstance(frozen.__loader__, importlib.machinery.SourceFileLoader)
    assert {frozen.__loader__, plain.loader} == {plain.loader}
    assert vars(frozen.__loader__) == vars(plain.loader)


def test_a_module_whose_loader_is_switched_off_later_can_be_imported_afresh(workshop: Any) -> None:
    class Loader:
        on = True

        def create_module(self, spec: object) -> None: ...

        def exec_module(self, module: object) -> None: ...

        def get_code(self, name: str) -> CodeType:
            assert self.on
            return compile("def f(): return g()\ndef g(): return 1\n", "<made>", "exec")

    class Finder:
        def find_spec(self, name: str, path: object = None, target: object = None) -> object:
            return importlib.machinery.ModuleSpec(name, Loader(), origin="made") if name == "made_up" else None

    finder = Finder()
    sys.meta_path.append(finder)
    try:
        frozen = bf.freeze_block("made_up")
        Loader.on = False
        del sys.modules["made_up"]
        again = importlib.import_module("made_up")
        assert (again is frozen, again.f(), frozen.f()) == (False, 1, 1)
    finally:
        sys.meta_path.remove(finder)
        sys.modules.pop("made_up", None)


def test_a_class_that_inherits_from_a_named_tuple_made_on_the_spot_stays_the_class(workshop: Any) -> None:
    text = """
        import collections
        class Point(collections.namedtuple("Point", "x y")):
            def total(self): return self.x + self.y
        def is_point(value): return isinstance(value, Point)
        """
    frozen = workshop.freeze("points", text)
    old, point = frozen.Point, frozen.Point(1, 2)
    report = bf.swap(frozen)
    assert not report.replaced_classes
    assert frozen.Point is old
    assert (frozen.is_point(point), point.total()) == (True, 3)
    report = bf.swap(frozen, source=workshop.version("v2", {"points.py": text.replace('"x y"', '"x y z"')}))
    assert [one.name for one in report.replaced_classes] == ["points.Point"]
    assert (frozen.is_point(point), point.total(), frozen.Point(1, 2, 3).z) == (False, 3, 3)


def test_a_warning_of_a_module_attribute_points_at_the_access(workshop: Any) -> None:
    frozen = workshop.freeze(
        "attributes",
        """
        import warnings
        def __getattr__(name):
            warnings.warn(name, DeprecationWarning, stacklevel=2)
            return 1
        """,
    )
    for _ in range(2):
        with pytest.warns(DeprecationWarning, match="version") as caught:
            assert frozen.version == 1
        assert [one.filename for one in caught] == [__file__]
        bf.swap(frozen)


def test_a_warning_given_several_modules_further_in_points_at_the_caller(workshop: Any) -> None:
    workshop.write("layered/__init__.py", "from layered import outer\n")
    workshop.write(
        "layered/outer.py",
        """
        import functools
        from layered import inner
        def wrapped(function):
            @functools.wraps(function)
            def wrapper(*args): return function(*args)
            return wrapper
        def ask(): return inner.ask_further()
        @wrapped
        def ask_wrapped(): return inner.ask_further(5)
        def ask_other(): return inner.use_other()
        class Kind:
            def ask(self): return inner.ask_further()
            @classmethod
            def make(cls): return inner.ask_further()
            def generate(self): yield inner.ask_further()
        def held(): yield
        """,
    )
    workshop.write(
        "layered/inner.py",
        """
        import warnings, helping
        def ask_further(level=4): return give(level)
        def give(level): warnings.warn("old", DeprecationWarning, stacklevel=level)
        def use_other(): helping._deprecated()
        """,
    )
    # Of another block or of none: all that is seen from here is the name of what is called.
    workshop.write("helping.py", "import warnings\ndef _deprecated(): warnings.warn('old', stacklevel=4)\n")
    frozen = bf.freeze_block("layered")
    kind = frozen.outer.Kind()
    asked: dict[str, Callable[[], object]] = {
        name: getattr(frozen.outer, name) for name in ("ask", "ask_wrapped", "ask_other")
    }
    asked |= {"method": kind.ask, "class method": frozen.outer.Kind.make, "generator": lambda: list(kind.generate())}
    held: list[Any] = []
    for step in ("never swapped", "steady", "overlap"):
        if step != "never swapped":
            bf.swap(frozen)
        if step == "steady":
            bf.drain(frozen, timeout=30)
        elif step == "overlap":
            held.append(frozen.outer.held())
            next(held[-1])
            bf.swap(frozen)
        for name, ask in asked.items():
            with pytest.warns((DeprecationWarning, UserWarning), match="old") as caught:
                ask()
            assert [one.filename for one in caught] == [__file__], (step, name)
    held[0].close()


def test_a_class_of_an_extension_module_is_left_alone(workshop: Any) -> None:
    # `collections._tuplegetter` says that it belongs to `collections`, where a Python definition stands in for it.
    frozen = workshop.freeze(
        "collections_like",
        """
        try:
            from _collections import _tuplegetter as getter
        except ImportError:
            class getter: pass
        class Own: pass
        """,
    )
    getter = frozen.getter
    getter_module = sys.modules["collections"]._tuplegetter  # type: ignore[attr-defined]
    assert getter is getter_module
    bf.swap(frozen)
    assert frozen.getter is getter


def test_functions_that_evaluate_in_a_namespace_of_their_own_are_linked(workshop: Any) -> None:
    text = """
        import sys
        def caller(): return sys._getframe(1).f_globals["__name__"]
        def helper(): return 1
        def evaluates(): return eval("1", {}), vars(sys)["maxsize"] > 1, helper(), caller()
        def looks(): return helper() + len(locals())
        def evaluates_here(): x = helper(); return eval("x")
        def passes_it_on(f=0): f = f or eval; return helper()
        """
    frozen = workshop.freeze("evaluating", text)
    assert frozen.evaluates.__code__.co_freevars == ("caller", "helper")
    assert frozen.evaluates() == (1, True, 1, "evaluating")
    for function in (frozen.looks, frozen.evaluates_here, frozen.passes_it_on):
        assert function() == 1
        assert function.__code__.co_freevars == ()


def test_a_member_that_is_imported_while_a_swap_is_prepared_is_not_lost(workshop: Any) -> None:
    workshop.write("whole/__init__.py", "")
    workshop.write("whole/part.py", "def f(): return 1\n")
    frozen = bf.freeze_block("whole")
    candidate = bf.prepare(frozen)
    part = importlib.import_module("whole.part")
    assert part.f() == 1
    candidate.commit()
    assert sys.modules["whole.part"] is part
    assert frozen.part is part
    assert part.f() == 1


def test_a_block_is_found_by_its_module_whatever_the_module_calls_itself(workshop: Any) -> None:
    frozen = workshop.freeze("real_name", "__name__ = 'stage_name'\ndef f(): return 1\n")
    assert bf.swap(frozen).to_generation == 2


def test_a_module_that_renames_itself_keeps_its_classes(workshop: Any) -> None:
    # `_pydecimal` says that it is `decimal`, so that its objects are pickled under that name.
    frozen = workshop.freeze("_renamed", "__name__ = 'renamed'\nclass Signal(Exception): pass\ndef f(): raise Signal\n")
    signal = frozen.Signal
    report = bf.swap(frozen)
    assert not report.replaced_classes
    assert frozen.Signal is signal
    with pytest.raises(signal):
        frozen.f()


def test_a_lock_and_a_context_variable_are_the_same_for_old_and_new_calls(workshop: Any) -> None:
    text = """
        import contextvars, threading
        lock = threading.Lock()
        again = threading.RLock()
        variable = contextvars.ContextVar("variable", default=1)
        def hold():
            with lock, again:
                yield variable.get()
        """
    frozen = workshop.freeze("locked", text)
    kept = frozen.lock, frozen.again, frozen.variable
    frozen.variable.set(5)
    holding = frozen.hold()
    assert next(holding) == 5
    bf.swap(frozen, source=workshop.version("v2", {"locked.py": text.replace("default=1", "default=2")}))
    assert (frozen.lock, frozen.again) == kept[:2]
    assert frozen.lock.locked()
    assert frozen.variable is not kept[2]
    holding.close()
    assert not frozen.lock.locked()
    assert frozen.variable.get() == 2


def test_a_module_that_the_interpreter_has_frozen_itself_shows_its_file() -> None:
    plain = importlib.import_module("__hello__").__file__
    del sys.modules["__hello__"]
    try:
        frozen = bf.freeze_block("__hello__")
        assert frozen.__file__ == plain
        bf.swap(frozen)
        assert frozen.__file__ == plain
    finally:
        del sys.modules["__hello__"]
