"""What is known of a frame and never changes: in which generation of a block an access from it, or from inside it, is.

A call stays in the generation in which it began, so the answer is found once for each frame and noted on it. The one
place on a frame that code can write to is ``f_trace``: the trace function of that frame, which the interpreter calls
only while a trace function is set for the whole thread, and which debuggers set where there is none. So a note is
false, as None is, and does nothing when it is called.

Only the frames of plain functions are noted. Whoever called such a frame stays its caller until it ends, and so do the
callers of that one; a generator or coroutine has another caller whenever it is resumed.
"""

from __future__ import annotations

from types import FrameType
from typing import Any, Final


class FrameNote:
    """The generations of the accesses from a frame, by block; None where it is none.

    It lives on frames, as long as they do; nothing else keeps what it refers to.
    """

    __slots__ = ("answers",)

    def __init__(self, answers: dict[Any, Any]) -> None:
        self.answers: Final = answers

    def forget(self) -> None:
        """Say nothing any more: the generation is out of its block's tables, though a thread may still run in it."""
        self.answers.clear()

    def __bool__(self) -> bool:
        return False

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        """Trace nothing."""
