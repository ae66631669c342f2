"""IPython: modules are frozen and swapped by magics, or at the boundary of each cell."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
from processes import run_python

pytestmark = [pytest.mark.needs_subprocess, pytest.mark.needs_frameworks]

pytest.importorskip("IPython")

SHELL = """
import sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

config = Config()
config.HistoryManager.enabled = False
config.InteractiveShell.colors = "nocolor"
shell = InteractiveShell.instance(config=config)

def cell(text):
    assert shell.run_cell(text).success == (not text.startswith("# fails")), text

def save(text, name="shop"):
    Path(name + ".py").write_text(text)

sys.path.insert(0, "")
VERSION = "def frob(): return {0}\\ndef foo(): return frob()\\nclass Thing:\\n    def kind(self): return {0}\\n"
save(VERSION.format(1))
cell("%load_ext blockfreeze")
cell("%load_ext blockfreeze")
"""


def run_cells(place: Path, cells: str) -> tuple[list[str], str]:
    """Return the lines that the cells have printed, without those of reports, and the errors."""
    (place / "cells.py").write_text(SHELL + dedent(cells), encoding="utf-8")
    done = run_python("cells.py", cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    reports = ("shop", " ", "The blockfreeze")
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith(reports)]
    return lines, done.stdout + done.stderr


def test_a_module_is_frozen_swapped_and_rolled_back(tmp_path: Path) -> None:
    printed, whole = run_cells(
        tmp_path,
        """
        cell("%freeze shop")
        cell("from shop import foo, Thing; thing = Thing(); held = {'foo': foo}; print(shop.foo is foo, foo())")
        save(VERSION.format(22))
        cell("%swap shop")
        cell("print(foo(), held['foo'](), thing.kind(), isinstance(thing, shop.Thing))")
        cell("%rollback shop")
        cell("print(foo(), thing.kind())")
        cell("%swap")
        cell("print(foo())")
        """,
    )
    assert printed == ["True 1", "22 22 22 True", "1 1", "22"]
    assert "shop: generation 1, 1 modules" in whole
    assert re.search("changed: .*shop.frob", whole)


def test_what_was_saved_is_swapped_before_the_next_cell(tmp_path: Path) -> None:
    printed, whole = run_cells(
        tmp_path,
        """
        cell("%freeze shop\\nfrom shop import foo\\n%autoswap on")
        save(VERSION.format(22))
        cell("print(foo())")
        cell("Path = __import__('pathlib').Path; before = foo(); Path('shop.py').write_text('def foo(): return 4444'); "
             "print(before, foo())")
        cell("print(foo())")
        save("def foo(: return 5")
        cell("print(foo())")
        cell("print(foo())")
        save("def foo(): return 66666")
        cell("print(foo())")
        cell("%autoswap off")
        save("def foo(): return 7777777")
        cell("print(foo())")
        cell("%unload_ext blockfreeze")
        """,
    )
    assert printed == ["22", "22 22", "4444", "4444", "4444", "66666", "66666"]
    assert whole.count("invalid syntax") == 2  # once by the log, once by the shell: not again by the next cell


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%freeze", "UsageError: %freeze MODULE..."),
        ("%freeze no_such_module", "no_such_module"),
        ("%swap nowhere", "UsageError: nowhere: "),
        ("%rollback", "UsageError: %rollback MODULE"),
        ("%autoswap perhaps", "UsageError: %autoswap on, or %autoswap off"),
        ("%freeze shop\\n%rollback shop", "UsageError: shop: "),
    ],
)
def test_what_cannot_be_done_says_so_in_a_line(line: str, says: str, tmp_path: Path) -> None:
    _, whole = run_cells(tmp_path, f'cell("# fails\\n{line}")\n')
    assert says in whole


def test_an_error_of_the_modules_own_code_is_shown_whole(tmp_path: Path) -> None:
    _, whole = run_cells(
        tmp_path,
        """
        cell("%freeze shop")
        save("def helper(): raise LookupError('of the module')\\nhelper()\\n")
        cell("# fails\\n%swap shop")
        cell("assert shop.foo() == 1")
        """,
    )
    assert "LookupError: of the module" in whole
    assert "def helper(): raise LookupError" in whole
