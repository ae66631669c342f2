"""Linking by editing bytes gives what the `bytecode` library gives, and touches nothing else.

The library is the judge: it knows the formats of code objects by itself. Both follow one description of the edits.
"""

from __future__ import annotations

import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, ModuleType

import newer_syntax
import pytest
from code_parity import difference
from generated import modules
from generated_statements import module_of, statements
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from pairs import TEXTS, write_pair

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


@settings(max_examples=20, phases=[Phase.explicit, Phase.generate])
@given(inside=statements(2), top=statements(1), padding=st.sampled_from([0, 0, 3, 20, 130, 300]))
def test_statements_inside_statements_are_linked_as_the_library_links_them(inside: str, top: str, padding: int) -> None:
    assert_same_in_every_form(compiled(module_of(inside, top, padding)))


def _plain(text: str) -> ModuleType | None:
    module = ModuleType("plain")
    try:
        exec(compiled(text), vars(module))
    except Exception:
        return None
    return module


@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(inside=statements(2), top=statements(1), padding=st.sampled_from([0, 3, 130]))
def test_statements_inside_statements_do_what_they_do_plain(
    inside: str, top: str, padding: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = module_of(inside, top, padding)
    plain = _plain(text)
    assume(plain is not None)
    answer = plain.probe()
    pair = write_pair(tmp_path_factory.mktemp("statements"), "statements", text, text)
    try:
        frozen = pair.freeze()
        assert frozen.probe() == answer
        pair.swap("v2")
        assert frozen.probe() == answer
    finally:
        pair.forget()


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
