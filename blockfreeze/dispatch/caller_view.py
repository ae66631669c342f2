"""For code that inspects its caller: the frames of forwarders and of `dispatch` are not among its callers.

A function of a swapped block that is called from outside has a forwarder's frame between itself and its caller. Where
the block's own code asks for frames (``sys._getframe``, ``sys._getframemodulename``, ``frame.f_back``,
``inspect.stack``), the linker has it ask here. `warnings.warn` with a ``stacklevel`` and `logging` walk the stack
themselves, and skip frames whose file name contains ``importlib`` and ``_bootstrap``. The forwarders of functions that
may warn (see `warning_names`) are given such a name (`hidden_file`); under it `linecache` has the lines of the real
file.
"""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Callable
from types import FrameType, FunctionType
from typing import Any, TypeVar

from blockfreeze.dispatch.frames import is_hidden

F = TypeVar("F", bound=Callable[..., Any])

_MARK = " (importlib._bootstrap)"

# Taken now: a program may delete them from sys, as a test of other interpreters does.
_getframe = sys._getframe
_getframemodulename = getattr(sys, "_getframemodulename", None)


def as_caller_sees(target: Any, name: str) -> Any:
    """Return ``target.name``, or `target` itself if `name` is empty, with our own frames left out of what it shows.

    Raises:
        AttributeError: as the attribute access would.
    """
    found = getattr(target, name) if name else target
    if name == "f_back":
        return _outwards(found) if isinstance(target, FrameType) else found
    if found is _getframe:
        return _visible_frame
    if _getframemodulename is not None and found is _getframemodulename:
        return _visible_module_name
    return _visible_stack if found is inspect.stack else found


def _outwards(frame: FrameType | None) -> FrameType | None:
    while frame is not None and is_hidden(frame.f_code):
        frame = frame.f_back
    return frame


def _visible(frame: FrameType | None, depth: int) -> FrameType | None:
    for _ in range(depth):
        frame = None if frame is None else _outwards(frame.f_back)
    return frame


def _visible_frame(depth: int = 0, /) -> FrameType:
    found = _visible(_getframe(1), depth)
    if found is None:
        raise ValueError("call stack is not deep enough")
    return found


def _visible_module_name(depth: int = 0) -> str | None:
    found = _visible(_getframe(1), depth)
    return None if found is None else found.f_globals.get("__name__")


def _visible_stack(context: int = 1) -> list[inspect.FrameInfo]:
    return [one for one in inspect.stack(context)[1:] if not is_hidden(one.frame.f_code)]


def skipped(function: F) -> F:
    """Let `warnings` and `logging` skip the frames of a function of ours that calls code of a block."""
    assert isinstance(function, FunctionType)
    function.__code__ = function.__code__.replace(co_filename=hidden_file(function.__code__.co_filename))
    return function


def hidden_file(file: str) -> str:
    """Return the name that stands for `file` in code objects whose frames are to be skipped."""
    if file.endswith(_MARK):
        return file
    name = file + _MARK
    if name not in linecache.cache:
        # One element: the lines are fetched when somebody asks for them (see linecache.lazycache).
        linecache.cache[name] = (lambda: "".join(linecache.getlines(file)),)
    return name
