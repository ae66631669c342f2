"""Rolling back: return to a generation that is kept, by the same single store."""

from __future__ import annotations

import sys

from blockfreeze.core.errors import NoSuchGenerationError
from blockfreeze.core.events import announce
from blockfreeze.core.report import SwapReport
from blockfreeze.draining.quiesce import refuse_from_inside
from blockfreeze.identity.adopt import version_class
from blockfreeze.instances.legacy_methods import offer_legacy_methods
from blockfreeze.model.block import Block, Generation
from blockfreeze.reporting.diff import differences
from blockfreeze.swapping.arming import armed
from blockfreeze.swapping.claim import HeldClaim, claimed
from blockfreeze.swapping.clock import Clock
from blockfreeze.swapping.commit import Commitment
from blockfreeze.swapping.convergence import converge_claimed
from blockfreeze.swapping.prepare import refused
from blockfreeze.swapping.verdicts import refuse_one_way


def rollback(
    block: Block,
    to: int | None,
    wait: bool | float = False,
    *,
    seconds: float | None = None,
    lossy: bool = False,
    reason: str = "",
    leaving: int | None = None,
) -> SwapReport:
    """Return to a generation that is kept; see `blockfreeze.rollback`.

    Args:
        seconds: those of its ``quiesce``.
        lossy: go back even where state cannot be brought back.
        reason: told with the event.
        leaving: only if this is still the generation that serves.
    """
    try:
        if seconds is not None:
            refuse_from_inside(block, sys._getframe())
        with claimed(block, wait, "rollback") as claim, block.claim.at_work():
            converge_claimed(block)
            return _rollback(claim, block, _generation_to_return_to(block, to, leaving), seconds, reason, lossy=lossy)
    except BaseException as error:
        announce(block.subscribers, refused(block, "rollback", error))
        raise


def _rollback(
    claim: HeldClaim, block: Block, after: Generation, seconds: float | None, reason: str, *, lossy: bool
) -> SwapReport:
    before, clock = block.current, Clock({})
    commitment = Commitment(block, before, after, claim, clock.phases, reason=reason)
    if not lossy:
        remedy = "roll back with lossy=True to leave that state behind"
        refuse_one_way(block, "rollback", commitment.problems(), remedy)
    try:
        with armed(block, after, alone=False) as arming:
            for cls in list(after.classes.values):
                if cls in before.classes.values:
                    version_class(before, after, cls)
            offer_legacy_methods(block, after)
            commitment.committed = arming.forget
            commitment.found = differences(before, after)
            clock.lap("arm")
            return commitment.make(seconds)
    except BaseException:
        if block.current is before:
            converge_claimed(block)
        raise


def _generation_to_return_to(block: Block, to: int | None, leaving: int | None) -> Generation:
    """Return the generation that a rollback is to return to.

    Args:
        leaving: only if this is still the generation that serves.

    Raises:
        NoSuchGenerationError: it is not kept.
    """
    before = block.current
    wanted = before.predecessor if to is None else to
    after = block.generations.get(wanted) if wanted is not None else None
    if after is None or after is before or leaving not in (None, before.number):
        kept = tuple(sorted(set(block.generations) - {before.number}))
        raise NoSuchGenerationError(
            f"{block.name}: the rollback was refused: generation {wanted} is not kept besides the current one "
            f"({before.number}); kept are {list(kept)}; freeze with a larger history= to keep more",
            block=block.name,
            wanted=wanted,
            kept=kept,
        )
    return after
