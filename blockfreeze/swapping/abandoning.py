"""Abandoning a preparation that hangs: what served goes on to serve, and the next swap can begin.

A body, or a check, may wait inside of C code for ever: for a lock, a socket, a subprocess. An exception that is raised
in its thread comes only when it gets out of there. So another thread undoes what has been prepared, as the one that
hangs would if it failed, and takes the claim from it. When that one goes on at last, its generation is marked: what
would change anything of the block raises (`BuildRecord.refuse_if_abandoned`), and it has nothing left to undo.

Threads: by any but the one that hangs, after an exception was raised in that one.
"""

from __future__ import annotations

import threading

from blockfreeze.core.events import Refused, announce
from blockfreeze.model.block import Block


def abandon(block: Block, thread: threading.Thread, why: str) -> bool:
    """Undo what `thread` prepares for a block, though it hangs.

    Args:
        why: what those are told who have subscribed to events.

    Returns:
        whether that was possible: it holds the claim, and has not begun to commit.
    """
    claim, me = block.claim, threading.current_thread()
    with claim.changed:
        undo = claim.undo
        if claim.owner is not thread or undo is None:
            return False
        claim.owner, claim.undo = me, None  # nobody begins another swap until this one is undone
    claim.forks.forget(thread)
    claim.turns.forget(thread)
    block.locks.renew_loading()
    try:
        undo()
    finally:
        with claim.changed:
            if claim.unsettled is thread:
                claim.unsettled, claim.settling = None, False
            if claim.owner is me:
                claim.owner = None
            claim.changed.notify_all()
    announce(block.subscribers, Refused(block.name, block.current.number, "swap", "AbandonedError", why))
    return True
