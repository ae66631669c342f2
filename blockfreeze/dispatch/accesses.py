"""Which of the two is used for accesses while versions overlap: the compiled part, or what does the same in Python.

The compiled part is optional: it is built where there is a compiler, and left out if the environment variable
``BLOCKFREEZE_PURE`` is set to anything but an empty text.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from blockfreeze.dispatch import uncompiled

_FORM: Final = 4
"""What is expected of the compiled part; one that was built from other sources is as good as none."""

if TYPE_CHECKING:
    # Under its own name, so that mypy lets others take it from here.
    from blockfreeze.dispatch.uncompiled import Places as Places  # noqa: PLC0414
    from blockfreeze.dispatch.uncompiled import Switch as Switch  # noqa: PLC0414
else:
    try:
        if os.environ.get("BLOCKFREEZE_PURE"):
            raise ImportError
        _part = importlib.import_module("blockfreeze._speed")
        if getattr(_part, "FORM", None) != _FORM:
            raise ImportError
    except ImportError:
        _part = uncompiled
    Places, Switch = _part.Places, _part.Switch

IS_COMPILED: Final = Places is not uncompiled.Places
"""Whether the compiled part is used."""


def compiled_walk(note: type, tags: tuple[type, type], said_by: Callable[[Any, FrameType, Any], Any]) -> Any:
    """Return the compiled `nearest` of `blockfreeze.dispatch.frames`, which has to be there.

    Args:
        note: the type of notes on frames.
        tags: the types of the tags of forwarders and of our other frames.
        said_by: tells where such a frame has dispatched to.
    """
    part = importlib.import_module("blockfreeze._speed")
    part.know_frames(note, *tags, said_by)
    return part.nearest
