"""Check points: how code that runs for long learns that its generation no longer serves."""

from __future__ import annotations

import sys

from blockfreeze.api import registry
from blockfreeze.dispatch.frames import nearest

_getframe = sys._getframe  # taken now, as in `vector`


def current() -> bool:
    """Tell whether the calling code runs in a generation that serves new calls.

    A call stays in the generation in which it began, so a loop in a block that never ends would hold an old generation
    for ever. It asks here, returns when the answer is no, and is called again from outside: that call is a new one.
    Called by a function that belongs to no block, the block functions that have called it are asked about; without
    any, the answer is yes. The cost is a look-up for each block, and a walk through the stack in that other case.

    Threads: any; the answer may be out of date as soon as it is given.
    """
    frame = _getframe(1)
    blocks = registry.all_blocks()
    for block in blocks:
        found = block.by_globals.get(id(frame.f_globals))
        if found is not None:
            return found is block.current
    return all(nearest(block, frame) in (None, block.current) for block in blocks)
