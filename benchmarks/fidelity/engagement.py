"""Engagement: is the frozen target linked at all? So that a freezer which skips what is hard cannot score.

Of the executed functions whose source reads a definition of the block, the share that reaches one through a cell. What
is executed is seen with `sys.monitoring` (3.12 and later); what the source reads is read off the code that the compiler
makes of the same file, which knows nothing of blockfreeze.
"""

from __future__ import annotations

import builtins
import dis
import sys
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType
from typing import Any

TOOL = 4  # no tool of the standard library or of its tests uses this number


class Engagement:
    """Watches which functions of the files below `places` are executed; `judge` compares them with their source."""

    def __init__(self, places: tuple[str, ...]) -> None:
        self._places = places
        self._executed: dict[CodeType, None] = {}
        self._monitoring: Any = getattr(sys, "monitoring", None)

    def start(self) -> None:
        """See every function's first call from now on; on 3.11 nothing is seen."""
        if self._monitoring is None:
            return
        events = self._monitoring.events
        self._monitoring.use_tool_id(TOOL, "fidelity")
        self._monitoring.register_callback(TOOL, events.PY_START, self._started)
        self._monitoring.set_events(TOOL, events.PY_START)

    def _started(self, code: CodeType, offset: int) -> object:
        if code.co_filename.startswith(self._places) and code.co_flags & CO_OPTIMIZED:
            self._executed[code] = None
        return self._monitoring.DISABLE

    def stop(self) -> None:
        """Look no longer."""
        if self._monitoring is not None and self._monitoring.get_tool(TOOL) is not None:
            self._monitoring.set_events(TOOL, 0)
            self._monitoring.free_tool_id(TOOL)

    def judge(self) -> tuple[int, list[str]]:
        """Return how many executed functions read a definition, and those of them that reach none through a cell."""
        readers = 0
        unlinked = []
        plain = {file: _readers(Path(file)) for file in {code.co_filename for code in self._executed}}
        engaged: dict[tuple[str, str, int], bool] = {}
        for code in self._executed:
            reads = plain[code.co_filename].get((code.co_qualname, code.co_firstlineno))
            if reads:
                place = code.co_filename, code.co_qualname, code.co_firstlineno
                linked = any(name.removeprefix(".") in reads for name in code.co_freevars)
                # A function runs more than once as a code object if its module was imported again.
                engaged[place] = engaged.get(place, False) or linked
        for (file, name, line), linked in engaged.items():
            readers += 1
            if not linked:
                unlinked.append(f"{Path(file).name}:{line} {name}")
        return readers, sorted(unlinked)


def _readers(file: Path) -> dict[tuple[str, int], set[str]]:
    """Map the functions of a source file, by qualified name and line, to the top level's definitions they read."""
    try:
        module = builtins.compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return {}
    defined = _definitions(module)
    found: dict[tuple[str, int], set[str]] = {}
    ahead = [module]
    while ahead:
        for code in ahead.pop().co_consts:
            if isinstance(code, CodeType):
                ahead.append(code)
                reads = {item.argval for item in dis.get_instructions(code) if item.opname == "LOAD_GLOBAL"} & defined
                found.setdefault((code.co_qualname, code.co_firstlineno), set()).update(reads)
    return found


def _definitions(module: CodeType) -> set[str]:
    """Name the functions and classes that statements of the top level define."""
    stored = {item.argval for item in dis.get_instructions(module) if item.opname in ("STORE_NAME", "STORE_GLOBAL")}
    made = {code.co_name for code in module.co_consts if isinstance(code, CodeType)}
    return stored & {name.removeprefix("<generic parameters of ").removesuffix(">") for name in made}
