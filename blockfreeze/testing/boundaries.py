"""The boundaries of a call: where functions of a block begin and end, in the thread that makes the call."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


class Boundaries:
    """Counts the boundaries that the running thread passes, and does something at one of them.

    Args:
        covers: tells by its name whether a module is of the block.
        at: the number of the boundary; 0 is before the first one, and none is done anything at if it is None.
        act: what is done there. It is in the thread of the call, which goes on afterwards.
    """

    def __init__(self, covers: Callable[[str], bool], at: int | None, act: Callable[[], object]) -> None:
        self.passed = 0
        self.place = "before the first call"
        self._covers = covers
        self._at = at
        self._act = act

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Count, for the length of a ``with`` statement; what profiled the thread before does so again afterwards."""
        if self._at == 0:
            self._act()
        before = sys.getprofile()
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _profile(self, frame: FrameType, event: str, _: object) -> None:
        if event not in ("call", "return") or frame.f_code.co_name == "<module>":
            return
        name = frame.f_globals.get("__name__")
        if not isinstance(name, str) or not self._covers(name):
            return
        self.passed += 1
        if self.passed == self._at:
            self.place = _described(frame, name, event)
            self._act()


def _described(frame: FrameType, module: str, event: str) -> str:
    caller, function = frame.f_back, f"{module}.{frame.f_code.co_qualname}"
    called = f", called at {Path(caller.f_code.co_filename).name}:{caller.f_lineno}" if caller is not None else ""
    return f"{'at the beginning' if event == 'call' else 'at the end'} of {function}{called}"
