"""A call that the interpreter has specialized for one function does not take an entry for that function.

CPython 3.12 compares numbers that come from two counters (see
`blockfreeze.linking.cpython.VERSIONS_COLLIDE`). The program
below brings both to the same values, and ends its process if a function of a block can be given such a number.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from processes import run_python

PROGRAM = """
from types import FunctionType
import sys
sys.path.insert(0, sys.argv[1])
import blockfreeze as bf

shop = bf.freeze_block("shop")

def call(function): return function()
def make(): return lambda given=0: given

def again(code, line):
    return FunctionType(code.replace(co_firstlineno=line), globals())

# One function with a default value after the other, each with the number of its code, and a call specialized for it.
inner = next(one for one in make.__code__.co_consts if hasattr(one, "co_code"))
calls = []
for line in range(1, 20001):
    codes = tuple(one.replace(co_firstlineno=line) if one is inner else one for one in make.__code__.co_consts)
    with_default = FunctionType(make.__code__.replace(co_consts=codes), globals())()
    one = again(call.__code__, line)
    for _ in range(4):
        one(with_default)
    calls.append(one)

# Functions whose code is assigned get their numbers one by one, from the other counter, which is far behind.
def changed(): pass
exec("def use_up(code):\\n" + " changed.__code__ = code; changed()\\n" * 250)
for version in range(60):
    for line in range(1, 11):
        once = again(use_up.__code__, line)
        for _ in range(2):
            once(changed.__code__)
    bf.swap(shop, source=f"def answer(): return {version}\\n")
    specialized = again(call.__code__, 1)
    for _ in range(4):
        specialized(shop.answer)
    assert all(one(shop.answer) == version for one in calls)
try:
    shop.answer(1)
except TypeError as error:
    print(error)
"""


@pytest.mark.needs_subprocess
def test_a_call_specialized_for_a_function_with_default_values_takes_no_entry_for_it(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("def answer(): return None\n", encoding="utf-8")
    ended = run_python("-X", "faulthandler", "-c", PROGRAM, str(tmp_path))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.strip() == "answer() takes 0 positional arguments but 1 was given"
