"""Swapping: open a block, prepare its next generation, swap, roll back.

Guarantees:
- A commit is one store to `Reference.vector`; its cost does not depend on the size of the block.
- Until that store, and whatever fails before it, the generation that served goes on serving, complete.
- `Block.current` is read off the reference, so no moment exists in which bookkeeping and service disagree.
- One swap of a block at a time: whoever holds the claim. Swaps of different blocks run side by side.

The order of a swap: read and link (nothing is touched); arm, in neutral steps; run the new bodies; check; bring state
and instances over; one store; present and re-point (`commitment`); and once the old generation has drained, converge:
the plain vector, and nothing left over (`converging`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from blockfreeze.building.build import loads_of_members
from blockfreeze.building.link_cache import link_member
from blockfreeze.building.stages import abandon_build, finish_build
from blockfreeze.core.errors import BlockfreezeError
from blockfreeze.core.events import Event, Prepared, Refused, announce
from blockfreeze.core.report import SwapReport
from blockfreeze.dispatch.caller_view import skipped
from blockfreeze.dispatch.vector import overlap_vector, plain_vector
from blockfreeze.draining.drain import search
from blockfreeze.draining.quiesce import go_on, refuse_from_inside
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.reference import store
from blockfreeze.reporting.diff import differences
from blockfreeze.swapping.arming import Arming
from blockfreeze.swapping.candidate import Candidate
from blockfreeze.swapping.claim import acquire_claim, release_claim
from blockfreeze.swapping.clock import Clock
from blockfreeze.swapping.commit import Commitment
from blockfreeze.swapping.convergence import converge_claimed, retired_generations
from blockfreeze.swapping.verdicts import prepare_error, refuse_incompatible, refuse_one_way, run_check
from blockfreeze.versions.snapshot import SourceGiven


def refused(block: Block, what: str, error: BaseException) -> Event:
    return Refused(block.name, block.current.number, what, type(error).__name__, str(error))


@skipped
def prepare(
    block: Block, source: SourceGiven | None, wait: bool | float = False, between: Callable[[], None] = go_on
) -> Candidate:
    """Build the next generation of `block`, complete and off to the side; see `blockfreeze.prepare`.

    Args:
        between: called where the swap can still come to nothing; it ends the swap by raising.
    """
    try:
        acquire_claim(block, wait, "swap")
        try:
            return _prepare(block, source, between)
        except BaseException:
            release_claim(block)
            raise
    except BaseException as error:
        if block.generations:
            announce(block.subscribers, refused(block, "swap", error))
        raise


@skipped
def _prepare(block: Block, source: SourceGiven | None, between: Callable[[], None]) -> Candidate:
    converge_claimed(block)
    before = block.current
    phases: dict[str, float] = {}
    clock = Clock(phases)
    number = block.last_number + 1
    phase, member = "read", None
    arming = Arming(block, before)
    generation: Generation | None = None
    armed = False
    try:
        snapshot = before.snapshot.again() if source is None else before.snapshot.given(source, number)
        clock.lap("read")
        phase = "link"
        generation = Generation(block, number, snapshot, before.number)
        for member in list(before.members):
            found = snapshot.find(member, None) if member in snapshot.modules or "." not in member else None
            if found is not None:
                link_member(generation, found)
        clock.lap("link")
        between()
        phase, member, armed = "execute", None, True
        arming.plan()
        store(block.reference, overlap_vector(block, before))
        arming.apply()
        clock.lap("arm")
        for member, load in loads_of_members(before, generation):  # noqa: B007 - the error that it raises names it
            load()
        finish_build(block, generation)
        clock.lap("execute")
        between()
    except BaseException as error:
        if armed and generation is not None:
            _abandon(block, generation, arming)
        if isinstance(error, (KeyboardInterrupt, GeneratorExit, BlockfreezeError)):
            raise
        raise prepare_error(block, phase, member, error) from error
    block.last_number = number
    announce(block.subscribers, Prepared(block.name, number, before.number, sum(phases.values())))
    return _candidate(block, generation, arming, phases, between)


def _candidate(
    block: Block, generation: Generation, arming: Arming, phases: dict[str, float], between: Callable[[], None]
) -> Candidate:
    def commit(seconds: float | None) -> SwapReport:
        try:
            commitment = Commitment(block, block.current, generation, phases, between)
            commitment.found = differences(block.current, generation)
            between()
            return commitment.make(seconds)
        except BaseException as error:
            if block.current is not generation:
                _abandon(block, generation, arming)
                announce(block.subscribers, refused(block, "swap", error))
            raise

    def discard() -> None:
        _abandon(block, generation, arming)

    return Candidate(block, generation, commit, discard)


def _abandon(block: Block, generation: Generation, arming: Arming) -> None:
    abandon_build(block, generation, arming.slots)
    if arming.first and len(block.generations) > 1:
        arming.first = False
    alone = not search(block, retired_generations(block))[0]
    arming.undo(generation, alone=alone)
    store(block.reference, plain_vector(block, block.current) if alone else overlap_vector(block, block.current))


@skipped
def swap(
    block: Block,
    source: SourceGiven | None,
    check: Callable[[Any], object] | None,
    wait: bool | float,
    *,
    strict: bool,
    two_way: bool = False,
    seconds: float | None = None,
    between: Callable[[], None] = go_on,
) -> SwapReport:
    """Prepare, check and commit; see `blockfreeze.swap`.

    Args:
        two_way: refuse what a rollback could not undo.
        seconds: those of its ``quiesce``.
    """
    if seconds is not None:
        refuse_from_inside(block, sys._getframe())
    candidate = prepare(block, source, wait, between)
    try:
        if strict:
            refuse_incompatible(block, candidate)
        if two_way:
            refuse_one_way(block, "swap", candidate.no_way_back(), "say how to go back, or swap without probation=")
        if check is not None:
            run_check(block, candidate, check)
    except BaseException as error:
        announce(block.subscribers, refused(block, "swap", error))
        candidate.discard()
        raise
    return candidate.commit(quiesce=seconds)
