"""IPython: modules are frozen and swapped by magics, or at the boundary of each cell."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from processes import ROOT, run_python

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
    assert whole.count("invalid syntax") == 1  # by the log, which nobody takes; and not again by the next cell


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


NOTEBOOK = Path(__file__).parents[1] / "docs" / "pages" / "notebooks" / "example.ipynb"
SHOWN_AS = "/home/me/shop-notebook"
"""The directory in which the notebook of the manual says that it has been executed."""


def test_the_example_notebook_does_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    work = tmp_path / "work"
    work.mkdir()
    shown = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(shown)
    found = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(work)}}
    client.NotebookClient(found, timeout=120, kernel_name="python3", resources=resources).execute()
    assert outputs(found, str(work)) == outputs(shown, SHOWN_AS)


def outputs(notebook: Any, directory: str) -> list[str]:
    """Return what each cell of code has shown, but for how long it took and where it was."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            texts = (one.get("text") or one.get("data", {}).get("text/plain", "") for one in cell.outputs)
            text = "".join(texts).replace(directory, "DIR")
            found.append(re.sub(r"[0-9.]+ (ms|us)\b", r"N \1", text))
    return found
