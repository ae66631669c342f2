"""Changing a pointer by compare-and-set, though others change it too, and though an answer may be lost."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from blockfreeze.core.errors import ControlError
from blockfreeze.fleet.members import RefusedError
from blockfreeze.fleet.store import Message, Pointer, Store, StoreError

STAMPS: Final = 50
"""Of how many changes a pointer has the stamps: so many others may follow one whose answer was lost."""


def change_pointer(
    store: Store,
    block: str,
    change: Callable[[Message], Message],
    *,
    seconds: float,
    pause: Callable[[float], object],
    rollout: str | None = None,
) -> Message:
    """Change the pointer of a block, and return it: again if another one was first, until it is known whether it was.

    Args:
        seconds: for so long it is tried though the engine does not answer.
        rollout: only as long as this roll-out is in it.

    Raises:
        RefusedError: it is not any more.
        ControlError: it is not known in time whether it was changed.
    """
    stamp, written = os.urandom(8).hex(), Message()
    until = time.monotonic() + seconds
    while True:
        try:
            found = store.read(block) or Pointer(0, {"previous": [], "rollout": None})
            stamps = found.value.get("stamps", [])
            if stamp in stamps:  # others may have changed it again since
                return written
            if rollout is not None and (found.value.get("rollout") or {}).get("id") != rollout:
                raise RefusedError("the roll-out was withdrawn by somebody else")
            written = change(found.value) | {"stamps": [stamp, *stamps][:STAMPS]}
            if store.change(block, found.revision, written):
                return written
        except StoreError as error:
            if time.monotonic() > until:
                raise ControlError(
                    f"{block}: {error}; whether the pointer was changed is not known: see `blockfreeze status --fleet`"
                ) from error
            pause(0.2)
