"""The boundaries of a call: where functions of a block begin and end, in the thread that makes it and those it starts.

What is suspended and goes on, as a coroutine that awaits, ends and begins as well. Which boundary comes at what time is
another thing each time where there are several threads. So a boundary is counted in its thread, and a thread is known
by its name: names count on, and each call is made in a child of one process, so they are the same in each.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple


class Boundary(NamedTuple):
    """One boundary: which it is in its thread, and the thread's name, empty for the one that makes the call."""

    number: int
    thread: str = ""


START: Final = Boundary(0)
"""Before the first function has begun."""


class Boundaries:
    """Counts the boundaries that the running thread passes, and those it starts, and does something at one of them.

    Args:
        covers: tells by its name whether a module is of the block.
        at: the boundary; none is done anything at if it is None.
        act: what is done there. It is in the thread of the call, which goes on afterwards.
    """

    def __init__(self, covers: Callable[[str], bool], at: Boundary | None, act: Callable[[], object]) -> None:
        self.passed: dict[str, int] = {"": 0}
        self.place = "before the first call"
        self.is_met = at in (None, START)
        self._covers = covers
        self._at = at
        self._act = act
        self._caller = threading.get_ident()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Count, for the length of a ``with`` statement; what profiled the thread before does so again afterwards."""
        if self._at == START:
            self._act()
        before, of_new = sys.getprofile(), threading.getprofile()
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(before)
            threading.setprofile(of_new)

    def _profile(self, frame: FrameType, event: str, _: object) -> None:
        if event not in ("call", "return") or frame.f_code.co_name == "<module>":
            return
        name = frame.f_globals.get("__name__")
        if not isinstance(name, str) or not self._covers(name):
            return
        thread = "" if threading.get_ident() == self._caller else threading.current_thread().name
        self.passed[thread] = self.passed.get(thread, 0) + 1
        if self._at == (self.passed[thread], thread):
            self.is_met = True
            self.place = _described(frame, name, event) + (f", in the thread {thread}" if thread else "")
            self._act()


def _described(frame: FrameType, module: str, event: str) -> str:
    caller, function = frame.f_back, f"{module}.{frame.f_code.co_qualname}"
    called = f", called at {Path(caller.f_code.co_filename).name}:{caller.f_lineno}" if caller is not None else ""
    return f"{'at the beginning' if event == 'call' else 'at the end'} of {function}{called}"
