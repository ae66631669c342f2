"""Which release's code does a call really run? Watched with `sys.setprofile`, told by the code objects' files.

A forwarder stays in place of a function and has its file's name, but no code of either release: it is known by its
mark, and not counted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType

from blockfreeze.dispatch.frames import is_hidden


@dataclass
class Ran:
    """The definitions that ran, as ``member/file.py:qualified.name``, by release."""

    old: set[str] = field(default_factory=set)
    new: set[str] = field(default_factory=set)


def watch(call: Callable[[], object], old: Path, new: Path) -> Ran:
    """Call, and tell which definitions of either release ran in this thread meanwhile."""
    ran = Ran()
    seen: set[CodeType] = set()

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            seen.add(frame.f_code)

    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    for code in seen:
        if is_hidden(code):
            continue
        for release, found in ((old, ran.old), (new, ran.new)):
            prefix = f"{release}/"
            if code.co_filename.startswith(prefix):
                found.add(f"{code.co_filename.removeprefix(prefix)}:{code.co_qualname}")
    return ran
