"""Linking by editing bytes gives what the `bytecode` library gives, and touches nothing else.

The library is the judge: it knows the formats of code objects by itself. Both follow one description of the edits.
"""

from __future__ import annotations

import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType

import newer_syntax
import pytest
from code_parity import difference
from generated import modules
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pairs import TEXTS

from blockfreeze.linking import by_bytes, by_library, cpython
from blockfreeze.linking.analysis import analyse, walk_codes
from blockfreeze.linking.edits import Edits
from blockfreeze.linking.instructions import Instructions, pattern_of
from blockfreeze.linking.linker import LinkedCode, link
from blockfreeze.linking.sequences import ITSELF, Step
from blockfreeze.linking.unlinked import show_callers

pytestmark = pytest.mark.skipif(not cpython.FORMATS_ARE_KNOWN, reason="this version is linked by the library alone")

FORMS = {"first generation": False, "later generation": True}
every_form = pytest.mark.parametrize("has_home", FORMS.values(), ids=FORMS)


def compiled(text: str | bytes, name: str = "text.py") -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(text, name, "exec", dont_inherit=True)


def linked(
    code: CodeType, *, has_home: bool, write: Callable[[CodeType, Edits], CodeType] = by_bytes.write
) -> LinkedCode:
    return link(code, analyse(code, lambda _name, level: level > 0), has_home=has_home, write=write)


def assert_same_in_every_form(code: CodeType) -> None:
    for has_home in FORMS.values():
        mine, its = linked(code, has_home=has_home), linked(code, has_home=has_home, write=by_library.write)
        assert not difference(mine.code, its.code)
        assert mine.assigns == its.assigns
        shown = show_callers(mine.code, hook, write=by_bytes.write)
        assert not difference(shown, show_callers(its.code, hook, write=by_library.write))


def hook(value: object, name: str) -> object:
    return value, name


def library() -> list[Path]:
    return sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py"))


def packages() -> list[Path]:
    return sorted(Path(sysconfig.get_path("purelib")).rglob("*.py"))


def own_files() -> list[Path]:
    return [path for path in library() if "site-packages" not in path.parts]


def linkable(paths: list[Path]) -> Iterator[tuple[str, CodeType]]:
    for path in paths:
        try:
            yield str(path), compiled(path.read_bytes(), str(path))
        except (SyntaxError, ValueError):
            continue  # the tests of CPython have files that are not Python, or not for this version


@pytest.mark.parametrize("feature", ["aliases_and_generics", "async_generators", "gaining_super", *newer_syntax.TEXTS])
def test_features_are_linked_as_the_library_links_them(feature: str) -> None:
    assert_same_in_every_form(compiled(TEXTS[feature]))


def test_a_sample_of_the_standard_library_is_linked_as_the_library_links_it() -> None:
    sample = [path for path in own_files() if "test" not in path.parts and path.stat().st_size < 20_000][::64]
    assert len(sample) >= 5
    for _, code in linkable(sample):
        assert_same_in_every_form(code)


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(16))
@pytest.mark.parametrize("paths", [own_files, packages], ids=["standard library", "installed packages"])
def test_every_file_is_linked_as_the_library_links_it(paths: Callable[[], list[Path]], part: int) -> None:
    for name, code in linkable(paths()[part::16]):
        try:
            assert_same_in_every_form(code)
        except AssertionError as error:
            error.add_note(name)
            raise


@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(text=modules())
def test_generated_modules_are_linked_as_the_library_links_them(text: str) -> None:
    assert_same_in_every_form(compiled(text))


_USES = ("f(x)", "C(x).m()", "C.k", "f", "s", "x", "[f(i) for i in (x,)]", "(lambda: f(s))()", "cls.__dict__")
_SIMPLE = (
    *(f"x = {use}" for use in _USES),
    "s = x",
    "cls.k = x",
    "del cls.k",
    "x = sys._getframe",
    "setattr(cls, x, s)",
)
_COMPOUND = (
    "if {use}:\n{body}\nelse:\n{other}",
    "while {use}:\n{body}\n    break",
    "for i in ({use},):\n{body}\nelse:\n{other}",
    "try:\n{body}\nexcept C:\n{other}\nfinally:\n    def g(x=f, *, y: C = C): return f(x)\n{other}",
    "with {use} as y:\n{body}",
    "match {use}:\n    case C(k=x) | [x, *_]:\n    {body}\n    case _:\n    {other}",
    "def g(x=f, *, y: C = C):\n    global s\n{body}",
    "class D(C):\n    k: f = f(1)\n    def m(self): return super().m()\n{body}",
    "async def h(cls, x):\n    async with f(x):\n    {body}\n    async for i in C: yield [f(j) async for j in i]",
)


def _indented(text: str, by: str = "    ") -> str:
    return "\n".join(by + line for line in text.splitlines())


@st.composite
def _statements(draw: Callable[..., object], depth: int) -> str:
    """Draw statements that use the bound names ``f`` and ``C`` and the state ``s``, with blocks inside blocks."""
    drawn = []
    for _ in range(int(str(draw(st.integers(1, 3))))):
        shape = str(draw(st.sampled_from(_COMPOUND if depth else _SIMPLE)))
        if depth:
            body, other = (_indented(str(draw(_statements(depth - 1)))) for _ in range(2))
            # In a body that is one level deeper than it is written, each line is indented once more.
            parts = [shape.replace("    {body}", "{deep}").replace("    {other}", "{deeper}")]
            use = str(draw(st.sampled_from(_USES)))
            shape = parts[0].format(use=use, body=body, other=other, deep=_indented(body), deeper=_indented(other))
        drawn.append(shape)
    return "\n".join(drawn)


_HEAD = """import sys
from m import *
x = cls = s = 0
def f(x): return x
@f
class C:
    k = 1
    def m(self): return f(self.k)
"""


def _module(inside: str, top: str, padding: int) -> str:
    """Write a module; padding makes indices of names and constants, and distances of jumps, as large as it is."""
    many = "\n".join(f"x = x + {1000 + number} + v{number}" for number in range(padding))
    body = (
        f"global s\nfor x in f(x):\n{_indented(many) or '    pass'}\n    if f(x):\n{_indented(inside, ' ' * 8)}\n{many}"
    )
    return f"{_HEAD}{top}\ndef outer(cls, x):\n{_indented(body)}\n"


@settings(max_examples=20, phases=[Phase.explicit, Phase.generate])
@given(inside=_statements(2), top=_statements(1), padding=st.sampled_from([0, 0, 3, 20, 130, 300]))
def test_statements_inside_statements_are_linked_as_the_library_links_them(inside: str, top: str, padding: int) -> None:
    assert_same_in_every_form(compiled(_module(inside, top, padding)))


def inner(code: CodeType, name: str) -> CodeType:
    return next(one for one in walk_codes(code) if one.co_name == name)


@every_form
def test_code_without_a_change_is_the_same_object(has_home: bool) -> None:
    code = compiled("def f(): pass\ndef plain(a, b):\n    return [a for a in b]\ndef calls(): return f()\n")
    made = linked(code, has_home=has_home).code
    assert inner(made, "plain") is inner(code, "plain")
    assert inner(made, "calls") is not inner(code, "calls")


TWICE = """
def f(): return 1
def outer(flag):
    try:
        if flag:
            return 0
    finally:
        def g(): return f()
    return g() + (lambda: f())()
"""


@every_form
def test_one_code_constant_that_is_loaded_twice(has_home: bool) -> None:
    code = compiled(TWICE)
    outer = Instructions(inner(code, "outer"))
    loaded = [outer.constant(place) for place in outer.where(pattern_of("LOAD_CONST"))]
    codes = [one for one in loaded if isinstance(one, CodeType) and one.co_name == "g"]
    assert len(codes) > len(set(map(id, codes)))
    assert inner(linked(code, has_home=has_home).code, "g").co_freevars == ("f",)
    assert_same_in_every_form(code)


@pytest.mark.parametrize("count", [200, 254, 255, 256, pytest.param(65_535, marks=pytest.mark.exhaustive)])
def test_jumps_grow_with_what_they_lead_over(count: int) -> None:
    """Between a jump and its target come `count` instructions more: a byte, or two, no longer hold the distance."""
    code = compiled("def g(x):\n    while x: y\n").co_consts[0]
    assert isinstance(code, CodeType)
    place = Instructions(code).where(pattern_of("LOAD_GLOBAL"))[0]
    nops = (Step("NOP"),) * count
    for steps in ((ITSELF, *nops), (*nops, ITSELF)):
        edits = Edits({place: steps})
        assert not difference(by_bytes.write(code, edits), by_library.write(code, edits))


def test_the_caches_that_are_written_are_those_that_the_compiler_writes() -> None:
    seen = set()
    for path in own_files()[::50]:
        for _, code in linkable([path]):
            for one in walk_codes(code):
                read = Instructions(one)
                for place in read.every():
                    written = cpython.encoded(read.opname(place), read.argument(place))
                    assert written[-2 * (read.end(place) - place) :] == one.co_code[2 * place : 2 * read.end(place)]
                    seen.add(read.opname(place))
    assert {"CALL", "LOAD_GLOBAL", "STORE_ATTR", "LOAD_ATTR"} <= seen


def test_a_module_of_many_definitions_is_linked_in_proportion() -> None:
    """Counted, not timed: the calls that linking makes."""

    def calls(definitions: int) -> int:
        one = "def f{n}(x): return f{before}(x)\n@f0\nclass C{n}: k = f{n}\n"
        text = "".join(one.format(n=n, before=max(n - 1, 0)) for n in range(definitions))
        code, count = compiled(text), 0

        def counting(_frame: object, event: str, _arg: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(counting)
        try:
            linked(code, has_home=True)
        finally:
            sys.setprofile(None)
        return count

    few, many = calls(100), calls(400)
    assert many < 5 * few
