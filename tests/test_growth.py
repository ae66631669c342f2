"""What swaps cost: as much memory after many as after a few, and work in proportion to the size of the text."""

from __future__ import annotations

import sys
from collections.abc import Callable
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


@pytest.mark.needs_subprocess
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


def calls_made(call: Callable[[], object]) -> int:
    """Return how many calls this thread makes in `call`; generators count with each value."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return count


LONG: dict[str, Callable[[int], str]] = {
    "a table of values": lambda size: f"TABLE = [{', '.join(f'({at}, [{at}], {{{at}: 0}})' for at in range(size))}]\n",
    "a table of functions": lambda size: (
        "".join(f"def one_{at}(): return {at}\n" for at in range(size))
        + f"TABLE = {{{', '.join(f'{at}: one_{at}' for at in range(size))}}}\n"
    ),
    "a function that calls all others": lambda size: (
        "".join(f"def one_{at}(): return {at}\n" for at in range(size))
        + f"def every(): return [{', '.join(f'one_{at}()' for at in range(size))}]\n"
    ),
    "a table of instances": lambda size: (
        f"class Row:\n    def __init__(self, at): pass\nTABLE = [{', '.join(f'Row({at})' for at in range(size))}]\n"
    ),
    "an enumeration": lambda size: (
        "import enum\nclass Kind(enum.Enum):\n" + "".join(f"    K{at} = {at}\n" for at in range(size))
    ),
    "a class with methods": lambda size: (
        "class Kind:\n" + "".join(f"    def m{at}(self): pass\n" for at in range(size))
    ),
    "classes": lambda size: "".join(f"class C{at}:\n    def ask(self): return {at}\n" for at in range(size)),
    "a table that is filled by calls": lambda size: (
        "TABLE = {}\ndef put(at): TABLE[at] = [at]\n" + "".join(f"put({at})\n" for at in range(size))
    ),
}


@pytest.mark.parametrize("what", LONG)
def test_a_swap_of_four_times_the_text_makes_four_times_the_calls(what: str, workshop: Any) -> None:
    def calls_of_swaps(size: int) -> int:
        text = LONG[what](size)
        block = workshop.freeze(f"long_{size}", f"{text}VERSION = 1\n")
        return calls_made(lambda: [bf.swap(block, source=f"{text}VERSION = {number}\n") for number in (2, 3)])

    calls_of_swaps(3)  # what is done once in a process
    assert calls_of_swaps(320) < 4.5 * calls_of_swaps(80)


def test_a_sum_of_a_thousand_texts_can_be_swapped(workshop: Any) -> None:
    def text(number: int) -> str:
        long = " + ".join(f"'part {at}' * few" for at in range(1000))
        return f"few = {number}\nLONG = ({long})\ndef ask(): return LONG\nprint(({long})[:0], end='')\n"

    shop = workshop.freeze("shop", text(1))
    bf.swap(shop, source=text(0))
    assert shop.ask() == ""
    bf.rollback(shop)
    assert shop.ask().startswith("part 0part 1")
