"""The claim of a block: one swap of it at a time.

A claim belongs to the thread that swaps, or that holds a candidate which is neither committed nor discarded. The end of
an overlap takes it too, for an instant; whoever asks then waits, since that is not another swap.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from blockfreeze.core.errors import SwapInProgressError
from blockfreeze.model.block import Block


@contextmanager
def claimed(block: Block, wait: bool | float, what: str) -> Iterator[None]:
    """Hold the right to change `block`.

    Raises:
        SwapInProgressError: another thread holds it, and `wait` is false or has run out.
    """
    acquire_claim(block, wait, what)
    try:
        yield
    finally:
        release_claim(block)


def acquire_claim(block: Block, wait: bool | float, what: str) -> None:
    """Take the claim of `block`; see `claimed`."""
    until = float("inf") if wait is True else time.monotonic() + float(wait)
    me = threading.current_thread()
    with block.claim.changed:
        while block.claim.owner is not None:
            # The end of an overlap holds the claim for an instant: that is not another swap, and is waited for.
            left = None if until == float("inf") or block.claim.converging else until - time.monotonic()
            if (block.claim.owner is me and not block.claim.converging) or (left is not None and left <= 0):
                raise _in_progress(block, what, me)
            block.claim.changed.wait(left)
        if not block.generations or not block.current.phase.is_complete:
            raise SwapInProgressError(
                f"{block.name}: the {what} was refused: the block is being imported for the first time; "
                "swap when the import has finished",
                block=block.name,
                owner=me.name,
            )
        block.claim.owner = me


def _in_progress(block: Block, what: str, me: threading.Thread) -> SwapInProgressError:
    owner = getattr(block.claim.owner, "name", "")
    who = "this thread" if block.claim.owner is me else f"the thread {owner!r}"
    return SwapInProgressError(
        f"{block.name}: the {what} was refused: {who} is swapping this block or holds a candidate that is neither "
        "committed nor discarded; try again, or pass wait=",
        block=block.name,
        owner=owner,
    )


def release_claim(block: Block) -> None:
    """Give the claim back."""
    with block.claim.changed:
        block.claim.owner = None
        block.claim.converging = False
        block.claim.changed.notify_all()
