"""A thread that ends the overlap of a block as soon as its old generation has drained, and with it itself.

One for each block at most. It decides when to look, never what runs: that is `converge`'s part.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from blockfreeze.core.report import Lingering
from blockfreeze.dispatch.vector import is_overlapping
from blockfreeze.model.block import Block


def drain_in_background(block: Block, converge: Callable[[Block], list[Lingering]]) -> None:
    """Begin to wait for the end of the overlap, unless a thread of the block does already.

    Args:
        converge: ends the overlap if nothing old runs any more, and returns what does.
    """
    if block.search.watcher is not None and block.search.watcher.is_alive():
        return
    block.search.watcher = threading.Thread(
        target=_watch, args=(block, converge), name=f"blockfreeze drain {block.name}", daemon=True
    )
    try:
        block.search.watcher.start()
    except RuntimeError:
        # No threads here (WebAssembly): `drain`, `status` and the next swap end the overlap.
        block.search.watcher = None


def _watch(block: Block, converge: Callable[[Block], list[Lingering]]) -> None:
    pause = 0.001
    while True:
        # The event is never set: it is a pause that does not hold up the end of the process.
        threading.Event().wait(pause)
        started = time.perf_counter()
        waits_for_rest = not converge(block) and not is_overlapping(block)
        if waits_for_rest and block.instances.unconverted is None:
            return
        # A search of a large heap takes long, and must not be what the process does most of the time; and each try
        # for a moment of rest holds up new calls.
        longest = 5.0 if waits_for_rest else 0.25
        pause = max(min(longest, 2 * pause), 20 * (time.perf_counter() - started))
