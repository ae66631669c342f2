"""The freezer's own world put aside, so that what it uses itself can be frozen early too.

blockfreeze has imported `dis`, `enum`, `re` and many more by the time it can freeze anything. They are taken out of
``sys.modules``: blockfreeze goes on with its copies, and whatever the tests import from here on is imported afresh. A
plain run does the same, so that both runs differ in nothing but the freezing.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

OURS = ("benchmarks", "blockfreeze", "bytecode", "coverage")
# What the interpreter itself holds on to from its start, and looks up by name. Importing these twice breaks it.
STAYS = frozenset({"__main__", "abc", "builtins", "codecs", "encodings", "importlib", "io", "os", "site", "sys"})


def put_aside(module: str) -> dict[str, ModuleType]:
    """Take out of ``sys.modules`` what was imported from Python files, and `module` in any case; return all of it.

    The caller keeps what is returned: a module's functions need its namespace.
    """
    # Freezing calls this, and since 3.13 it imports `importlib.metadata` and what that needs the first time.
    importlib.invalidate_caches()
    taken = {}
    for name, found in list(sys.modules.items()):
        top = name.partition(".")[0]
        ours, wanted = top in OURS or top == "__main__", top == module.partition(".")[0]
        from_file = (getattr(found, "__file__", None) or "").endswith(".py")
        if (wanted or (from_file and top not in STAYS)) and not ours:
            taken[name] = sys.modules.pop(name)
    return taken
