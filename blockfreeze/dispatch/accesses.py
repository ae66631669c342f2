"""Which of the two is used for accesses while versions overlap: the compiled part, or what does the same in Python.

The compiled part is optional: it is built where there is a compiler, and left out if the environment variable
``BLOCKFREEZE_PURE`` is set to anything but an empty text.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Final

from blockfreeze.dispatch import uncompiled

if TYPE_CHECKING:
    # Under its own name, so that mypy lets others take it from here.
    from blockfreeze.dispatch.uncompiled import Places as Places  # noqa: PLC0414
    from blockfreeze.dispatch.uncompiled import Switch as Switch  # noqa: PLC0414
else:
    try:
        if os.environ.get("BLOCKFREEZE_PURE"):
            raise ImportError
        _part = importlib.import_module("blockfreeze._speed")
    except ImportError:
        _part = uncompiled
    Places, Switch = _part.Places, _part.Switch

IS_COMPILED: Final = Places is not uncompiled.Places
"""Whether the compiled part is used."""
