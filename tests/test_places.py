"""A statement that is found again in its text, and parsed by itself, is the statement that the whole text has."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from pairs import NAMES, TEXTS
from versioned import both_versions

from blockfreeze.versions.places import Place, Places, say_the_same
from blockfreeze.versions.statements import bindings, said, with_occasion

LIBRARY = Path(ast.__file__).parent
LIBRARIES = ("ast", "argparse", "dataclasses", "datetime", "enum", "inspect", "os", "threading", "typing", "subprocess")

ODD = """\
\ufeff# coding: utf-8
ä = "é"; ö = ("ü",
  1); x = 2
if x:
    @(lambda f: # the function
      f)
    def f():
        '''first
third'''
        if x: pass
        else: return
    class A: y = 1; z = [
  2]
elif ä: w = 3
else: w = (
 4)
class B:
\tdef g(self):
\t\t# coding: latin-1
\t\tif self:
\t\t\treturn "é"
\t\telse:
\t\t\treturn \\
  1
  # a comment
\tasync def h(self): return 'ä'
try: import q
except ImportError: q = None
"""


def statements(data: bytes) -> list[tuple[ast.stmt, Place]]:
    places = Places(data)
    top = [one for one, _ in with_occasion(ast.parse(data).body)]
    inner = [inner for one in top for _, inner in bindings(one)]
    plain = [one for one in top if not isinstance(one, ast.If | ast.Try | ast.Match)]
    return [(one, places.several([*places.of(one)])[0]) for one in [*plain, *inner]]


def check(data: bytes) -> None:
    found = statements(data)
    assert found
    for statement, place in found:
        assert said(place.statement()) == said(statement)


@pytest.mark.parametrize("feature", NAMES)
def test_statements_of_features(feature: str) -> None:
    for text in both_versions(TEXTS[feature]):
        check(text.encode())


@pytest.mark.parametrize("name", LIBRARIES)
def test_statements_of_the_standard_library(name: str) -> None:
    check((LIBRARY / f"{name}.py").read_bytes())


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_statements_that_are_laid_out_oddly(newline: str) -> None:
    check(ODD.replace("\n", newline).encode())
    latin = ODD.removeprefix("\ufeff").replace("utf-8", "latin-1", 1)
    check(latin.replace("\n", newline).encode("latin-1"))


def test_layout_and_comments_do_not_count() -> None:
    def places(text: str) -> list[Place]:
        return [place for _, place in statements(text.encode())]

    assert say_the_same(places("x = [1, 2]\n"), places("x = [1,  # one\n 2]\n"))
    assert say_the_same(places("if 1:\n  def f(): return 1\n"), places("if 1:\n      def f():\n          return 1\n"))
    assert not say_the_same(places("x = [1, 2]\n"), places("x = [1, 3]\n"))
    assert not say_the_same(places("x = 1\nx = 2\n"), places("x = 1\n"))
    assert not say_the_same(places("x = 1\nx = 2\n"), places("x = 2\nx = 1\n"))
    assert not say_the_same(places("def f(): 'a\\\n  b'\n"), places("def f(): 'a\\\n b'\n"))
