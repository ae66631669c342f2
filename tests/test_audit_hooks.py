"""Audit hooks that are entries: they are told of everything, and of no end of our own looks at frames."""

from __future__ import annotations

import pytest
from processes import run_python

pytestmark = pytest.mark.needs_subprocess

SHAPES = {
    "a function": "def hook(event, given):\n    if event == 'mine': TOLD.append((NUMBER, *given))",
    "with default values": (
        "def hook(event, given, wanted=('mine',), *, told=TOLD):\n    if event in wanted: told.append((NUMBER, *given))"
    ),
    "with everything": "def hook(*given, **named):\n    if given[0] == 'mine': TOLD.append((NUMBER, *given[1]))",
    "that calls others": (
        "def note(given): TOLD.append((NUMBER, *given))\ndef hook(event, given):\n    if event == 'mine': note(given)"
    ),
    "decorated": (
        "import functools\ndef traced(function):\n    @functools.wraps(function)\n"
        "    def wrapped(*given): return function(*given)\n    return wrapped\n"
        "@traced\ndef hook(event, given):\n    if event == 'mine': TOLD.append((NUMBER, *given))"
    ),
    "a method": (
        "class Hook:\n    def told(self, event, given):\n        if event == 'mine': TOLD.append((NUMBER, *given))\n"
        "hook = Hook().told"
    ),
}

PROGRAM = """
import sys, types
sys.modules["told"] = told = types.ModuleType("told")
told.TOLD = told_of = []
import blockfreeze as bf
text = '''
import sys
from told import TOLD
HOOK
def begun():
    yield
    sys.audit("mine", "old")
    yield
if not hasattr(sys, "hooked"):
    sys.hooked = True
    sys.addaudithook(hook)
'''
open("hooked.py", "w").write(text.replace("NUMBER", "1"))
sys.path.insert(0, ".")
block = bf.freeze_block("hooked")
sys.audit("mine", "frozen")
for number in (2, 3):
    bf.swap(block, source=text.replace("NUMBER", str(number)))
    sys.audit("mine", "swapped")
old = block.begun()
next(old)
bf.swap(block, source=text.replace("NUMBER", "4"))
sys.audit("mine", "new")
next(old)
bf.rollback(block)
sys.audit("mine", "back")
old.close()
bf.drain(block, timeout=60)
sys.audit("mine", "alone")
print(told_of)
"""


@pytest.mark.parametrize("pure", ["", "1"], ids=["compiled", "pure"])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_audit_hook_that_is_an_entry_follows_without_end(
    shape: str, pure: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOCKFREEZE_PURE", pure)
    place = tmp_path_factory.mktemp("hooked")
    program = PROGRAM.replace("HOOK", SHAPES[shape].replace("\\", "\\\\"))
    said = run_python("-c", program, cwd=place)
    told = [(1, "frozen"), (2, "swapped"), (3, "swapped"), (4, "new"), (3, "old"), (3, "back"), (3, "alone")]
    assert (said.stdout.strip(), said.stderr) == (repr(told), "")
