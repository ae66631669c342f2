"""The claim of a block: one swap of it at a time. It is taken and given back here, and nowhere else.

A claim belongs to the thread that swaps, or that holds a candidate which is neither committed nor discarded. The end of
an overlap takes it too, for an instant; whoever asks then waits, since that is not another swap.

What is done for a service consists of several claims: a version is committed, and may be taken back until all of the
service's processes have it and its pointer leads there. From its beginning until it is settled nobody else begins such
a thing, and nobody else follows the pointer, which leads to the version before until then: it would be undone.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from blockfreeze.core.errors import SwapInProgressError
from blockfreeze.model.block import Block


class HeldClaim:
    """A claim that is held: by a ``with`` statement, or by who it was handed over to."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._held = True
        self.handed_over = False

    def hand_over(self) -> None:
        """Leave the claim taken when the statement ends: whoever has this object releases it."""
        self.handed_over = True

    def void(self) -> None:
        """Let go of what somebody else has taken."""
        self._held = False

    def release(self) -> None:
        """Give the claim back, once: it may be somebody else's by the second time."""
        if self._held:
            self._held = False
            _release(self._block)


@contextmanager
def claimed(block: Block, wait: bool | float, what: str) -> Iterator[HeldClaim]:
    """Hold the right to change `block`.

    Raises:
        SwapInProgressError: another thread holds it, and `wait` is false or has run out.
    """
    _take(block, wait, what)
    held = HeldClaim(block)
    try:
        yield held
    finally:
        if not held.handed_over:
            held.release()


def _take(block: Block, wait: bool | float, what: str) -> None:
    until = float("inf") if wait is True else time.monotonic() + float(wait)
    claim, me = block.claim, threading.current_thread()
    with claim.changed:
        while claim.owner is not None:
            # The end of an overlap holds the claim for an instant: that is not another swap, and is waited for.
            left = None if until == float("inf") or claim.converging else until - time.monotonic()
            if (claim.owner is me and not claim.converging) or (left is not None and left <= 0):
                raise _in_progress(block, what, me)
            with claim.forks.resting():
                claim.changed.wait(left)
        if not block.generations or not block.current.phase.is_complete:
            raise SwapInProgressError(
                f"{block.name}: the {what} was refused: the block is being imported for the first time; "
                "swap when the import has finished",
                block=block.name,
                owner=me.name,
            )
        claim.owner = me


def _in_progress(block: Block, what: str, me: threading.Thread) -> SwapInProgressError:
    thread = block.claim.owner or block.claim.unsettled
    owner = getattr(thread, "name", "")
    who = "this thread" if thread is me else f"the thread {owner!r}{_place_of(thread)}"
    does = (
        "is swapping this block or holds a candidate that is neither committed nor discarded"
        if block.claim.owner is not None
        else "has changed this block for a service, and may take that back yet"
    )
    return SwapInProgressError(
        f"{block.name}: the {what} was refused: {who} {does}; try again, or pass wait=", block=block.name, owner=owner
    )


def _place_of(thread: threading.Thread | None) -> str:
    """Say where a thread is now: a body that hangs inside of C code keeps its claim until it gets out of there."""
    frame = sys._current_frames().get(getattr(thread, "ident", None) or 0)
    return f" (now in {frame.f_code.co_filename}:{frame.f_lineno})" if frame is not None else ""


def _release(block: Block) -> None:
    with block.claim.changed:
        block.claim.owner = block.claim.undo = None
        block.claim.converging = False
        block.claim.changed.notify_all()


def begin_for_service(block: Block, wait: bool | float, patience: float, what: str) -> None:
    """Be the only thread that changes `block` for a service, until `end_for_service`.

    Args:
        wait: for how long it is waited for another one that has begun something; for ever if true.
        patience: for how long at least, in seconds, if that is being settled, which ends by itself.

    Raises:
        SwapInProgressError: another thread has begun something and has not settled it in time.
    """
    claim, me, now = block.claim, threading.current_thread(), time.monotonic()
    until = float("inf") if wait is True else now + float(wait)
    with claim.changed:
        while claim.unsettled not in (None, me):
            end = max(until, now + patience) if claim.settling else until
            left = None if end == float("inf") else end - time.monotonic()
            if left is not None and left <= 0:
                raise _in_progress(block, what, me)
            with claim.forks.resting():
                claim.changed.wait(left)
        claim.unsettled = me


def end_for_service(block: Block) -> None:
    """End what this thread has begun for a service, if it has begun something."""
    claim = block.claim
    with claim.changed:
        if claim.unsettled is threading.current_thread():
            claim.unsettled, claim.settling = None, False
            claim.changed.notify_all()


@contextmanager
def ending_for_service(block: Block, wait: bool | float, what: str) -> Iterator[None]:
    """Bring a block to where its pointer leads: alone, or as the end of what this thread has begun.

    Raises:
        SwapInProgressError: another thread has begun something for a service and has not settled it in time.
    """
    claim = block.claim
    nested = claim.unsettled is threading.current_thread()
    begin_for_service(block, wait, float(wait), what)
    try:
        with claim.changed:
            claim.settling = True
            claim.changed.notify_all()  # who waits for this one may wait for longer now
        yield
    finally:
        if not nested:  # otherwise it is settled by who has begun it: who waits for that is not to see it open again
            end_for_service(block)


def wait_for_convergence(block: Block) -> None:
    """Wait while another thread clears up at the end of an overlap."""
    with block.claim.changed:
        _wait_for_convergence(block)


def _wait_for_convergence(block: Block) -> None:
    claim, me = block.claim, threading.current_thread()
    claim.changed.wait_for(lambda: not claim.converging or claim.owner is me)


@contextmanager
def claimed_to_converge(block: Block, still: Callable[[], bool]) -> Iterator[bool]:
    """Hold the claim for the end of an overlap; yield whether it could be had: no swap has it, and `still` holds."""
    claim = block.claim
    with claim.changed:
        _wait_for_convergence(block)
        taken = claim.owner is None and still()
        if taken:
            claim.owner, claim.converging = threading.current_thread(), True
    try:
        yield taken
    finally:
        if taken:
            _release(block)


def release_in_child(block: Block) -> bool:
    """Give up, in the child of a fork, a claim that another thread held; tell whether one did."""
    claim, me = block.claim, threading.current_thread()
    if claim.unsettled is not me:
        claim.unsettled, claim.settling = None, False
    mine = claim.owner is me
    if not mine:
        claim.owner = None
    return not mine
