"""What swaps cost: as much memory after many as after a few."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from processes import run_python

import blockfreeze as bf

NEW_TEXTS = """
import gc, sys, tracemalloc
import blockfreeze as bf

def version(number):
    functions = (f"def add_{at}(value):\\n    'Add {number}.'\\n    return value + {number}\\n" for at in range(150))
    return "".join(functions) + f"class Till:\\n    total = {number}\\n    def ask(self): return {number}\\n"

def memory_after(numbers):
    for number in numbers:
        bf.swap(shop, source=version(number))
        assert shop.add_7(1) == number + 1
    bf.drain(shop, timeout=30)
    gc.collect()
    return tracemalloc.get_traced_memory()[0]

with open("shop.py", "w") as file:
    file.write(version(0))
sys.path.insert(0, "")
shop = bf.freeze_block("shop")
memory_after(range(1, 5))
tracemalloc.start()
memory_after(range(5, 9))
before = memory_after(range(9, 13))
print((memory_after(range(13, 25)) - before) // 12)
"""


def test_texts_that_are_new_each_time_leave_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "texts.py").write_text(NEW_TEXTS)
    done = run_python("texts.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        int(done.stdout) < 6_000
    )  # bytes for each text; alone it is ten thousand, and what is read off it ten times that


def test_an_older_text_that_comes_back_is_read_once_while_a_version_has_it(
    workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blockfreeze.versions import outline

    read: list[object] = []
    real = outline.tree_of
    monkeypatch.setattr(outline, "tree_of", lambda data: read.append(data) or real(data))
    files = {f"parts/{name}.py": f"from parts import one\nNAME = {name!r}\n" for name in ("one", "two", "three")}
    first = workshop.version("first", {**files, "parts/__init__.py": "from . import one, two, three\n"})
    second = workshop.version("second", {**files, "parts/__init__.py": "from . import three, two, one\n"})
    sys.path.insert(0, str(first))
    try:
        parts = bf.freeze_block("parts")
    finally:
        sys.path.remove(str(first))
    for source in (second, first, second, first):
        bf.swap(parts, source=source)
    assert len(read) == len(set(map(bytes, read))) == 5
