"""Being told when a function begins to run, whoever calls it, at no cost for all other functions.

`sys.monitoring` (CPython 3.12 and later) does that for single code objects. Where it is missing, or all of its numbers
for tools are taken, nobody can be told.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any, Final

_monitoring: Any = getattr(sys, "monitoring", None)

_TOOLS: Final = (3, 4)
"""Numbers that CPython reserves for no kind of tool."""

_NAME: Final = "blockfreeze"


class Starts:
    """Which code objects are watched, and who is told.

    Threads: any may watch and forget. Who is told is told in the thread that is about to run the code, before its first
    instruction.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may come in between
        self._tool: int | None = None
        # By id, since code objects may be equal; weakly, since references to them tell what is suspended.
        self._watched: dict[int, tuple[weakref.ref[CodeType], Callable[[], object]]] = {}

    def renew(self) -> None:
        """Forget who holds the lock, in the child of a fork."""
        self._lock = threading.RLock()

    def watch(self, codes: Iterable[CodeType], call: Callable[[], object]) -> bool:
        """Let `call` be called each time that one of `codes` begins to run; tell whether that can be done."""
        with self._lock:
            if self._tool is None:
                self._tool = self._taken()
            if self._tool is None:
                return False
            for code in codes:
                self._watched[id(code)] = weakref.ref(code), call
                _monitoring.set_local_events(self._tool, code, _monitoring.events.PY_START)
            return True

    def forget(self, call: Callable[[], object]) -> None:
        """Let `call` be called no longer."""
        with self._lock:
            for key, (reference, told) in list(self._watched.items()):
                if told is call:
                    del self._watched[key]
                    code = reference()
                    if code is not None:
                        _monitoring.set_local_events(self._tool, code, 0)
            if self._tool is not None and not self._watched:
                _monitoring.register_callback(self._tool, _monitoring.events.PY_START, None)
                _monitoring.free_tool_id(self._tool)
                self._tool = None

    def _taken(self) -> int | None:
        for tool in _TOOLS if _monitoring is not None else ():
            if _monitoring.get_tool(tool) is None:
                _monitoring.use_tool_id(tool, _NAME)
                _monitoring.register_callback(tool, _monitoring.events.PY_START, self._tell)
                return tool
        return None

    def _tell(self, code: CodeType, offset: int) -> None:
        found = self._watched.get(id(code))
        if found is not None and found[0]() is code:
            found[1]()
