"""Preparing a block's next generation, and swapping to it.

Guarantees:
- A commit is one store to `Reference.vector`; its cost does not depend on the size of the block.
- Until that store, and whatever fails before it, the generation that served goes on serving, complete.
- `Block.current` is read off the reference, so no moment exists in which bookkeeping and service disagree.
- One swap of a block at a time: whoever holds the claim. Swaps of different blocks run side by side.

The order of a swap: read and link (nothing is touched); arm, in neutral steps; run the new bodies; check; bring state
and instances over; one store; present and re-point (`commit`); and once the old generation has drained, converge: the
plain vector, and nothing left over (`convergence`).
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import Any

from blockfreeze.building.build import loads_of_members
from blockfreeze.building.link_cache import link_member
from blockfreeze.building.overloads import abandon_overloads
from blockfreeze.building.stages import finish_build
from blockfreeze.core.errors import AbandonedError, BlockfreezeError
from blockfreeze.core.events import Event, Prepared, Refused, announce
from blockfreeze.core.report import SwapReport
from blockfreeze.dispatch.caller_view import skipped
from blockfreeze.draining.quiesce import go_on, refuse_from_inside
from blockfreeze.instances.given import GivenConverter
from blockfreeze.model.block import Block, Generation
from blockfreeze.releases.version import Version, read
from blockfreeze.reporting.diff import differences
from blockfreeze.swapping.arming import Arming, armed
from blockfreeze.swapping.candidate import Candidate
from blockfreeze.swapping.claim import HeldClaim, claimed
from blockfreeze.swapping.clock import Clock
from blockfreeze.swapping.commit import Commitment
from blockfreeze.swapping.convergence import converge_claimed
from blockfreeze.swapping.resting import Rest
from blockfreeze.swapping.verdicts import prepare_error, refuse_incompatible, refuse_one_way, run_check
from blockfreeze.versions.done_again import done_again
from blockfreeze.versions.module_source import module_at_fault


def refused(block: Block, what: str, error: BaseException) -> Event:
    """Return the event of a swap or a rollback (`what`) that came to nothing."""
    return Refused(block.name, block.current.number, what, type(error).__name__, str(error))


@skipped
def prepare(
    block: Block, version: Version, wait: bool | float = False, between: Callable[[], None] = go_on
) -> Candidate:
    """Build the next generation of `block`, complete and off to the side; see `blockfreeze.prepare`.

    Args:
        between: called where the swap can still come to nothing; it ends the swap by raising.
    """
    preparation = None
    try:
        with claimed(block, wait, "swap") as claim, block.claim.at_work():
            clock = Clock({})
            converge_claimed(block)
            clock.lap("drain")
            preparation = _Preparation(block, version, between, claim, clock)
            candidate = preparation.candidate()
            claim.hand_over()
            block.claim.undo = partial(_discard, weakref.ref(candidate))
            return candidate
    except BaseException as error:
        if block.generations and not (preparation is not None and preparation.abandoned):
            announce(block.subscribers, refused(block, "swap", error))
        raise


def _discard(candidate: weakref.ref[Candidate]) -> None:
    """Discard a candidate that is checked by a thread which hangs; nobody keeps it by that."""
    found = candidate()
    if found is not None:
        found.discard()


class _Preparation:
    """One preparation: what is built, and how far it has come."""

    def __init__(
        self, block: Block, version: Version, between: Callable[[], None], claim: HeldClaim, clock: Clock
    ) -> None:
        self.block = block
        self.before = block.current
        self.version = version
        self.between = between
        self.claim = claim
        self.number = block.last_number + 1
        self.clock = clock
        self.phase = "read"
        self.member: str | None = None  # the one that is linked or executed now
        self.abandoned = False
        self._built: tuple[Arming, Generation] | None = None  # while it is armed and bodies run

    @skipped
    def candidate(self) -> Candidate:
        """Return the candidate; whatever fails, the block is as it was.

        Raises:
            PrepareError: what a phase has raised, but for interrupts and errors of our own.
        """
        block = self.block
        try:
            with self._that_may_hang():
                generation = self._linked_generation()
                self.between()
            self._begin("execute")
            with armed(block, generation) as arming:
                self.clock.lap("arm")
                self._execute(generation, arming)
                self.between()
                arming.hand_over()
        except (KeyboardInterrupt, GeneratorExit, AbandonedError, BlockfreezeError):
            raise
        except BaseException as error:
            member = module_at_fault(error) or _at_fault(block, error) or self.member
            raise prepare_error(block, self.phase, member, error) from error
        block.last_number = self.number
        seconds = sum(self.clock.phases.values())
        announce(block.subscribers, Prepared(block.name, self.number, self.before.number, seconds, generation.label))
        return self._candidate_of(generation, arming)

    def _begin(self, phase: str) -> None:
        self.phase, self.member = phase, None

    def _linked_generation(self) -> Generation:
        before = self.before
        reading = read(before.snapshot, self.version, self.number)
        snapshot = reading.snapshot
        for kept in tuple(self.block.generations.values()):
            snapshot.share(kept.snapshot)
        self.clock.lap("read")
        self._begin("link")
        generation = Generation(self.block, self.number, snapshot, before.number)
        generation.release, generation.label = reading.release, reading.label
        for member in list(before.members):
            self.member = member
            found = snapshot.find(member, None) if member in snapshot.modules or "." not in member else None
            if found is not None:
                linked = link_member(generation, found)
                # The report wants it at last. Now, the syntax tree that the outline is read off need not be made twice.
                done_again(found, self.block.covers, linked.linkage, ())
        self.clock.lap("link")
        return generation

    @contextmanager
    def _that_may_hang(self) -> Iterator[None]:
        """Let another thread abandon the preparation while code of others runs, or files are read."""
        claim, me = self.block.claim, threading.current_thread()
        claim.undo = self._abandon
        try:
            yield
        finally:
            with claim.changed:
                if claim.owner is me:
                    claim.undo = None
                else:
                    self._let_go()
        if self.abandoned:
            raise AbandonedError("the preparation was abandoned: it hung")

    def _let_go(self) -> None:
        self.abandoned = True
        self.claim.void()
        if self._built is not None:
            self._built[0].hand_over()

    def _abandon(self) -> None:
        """Undo, in another thread, what has been done."""
        self._let_go()
        if self._built is not None:
            arming, generation = self._built
            generation.build.abandoned = True
            abandon_overloads(generation)
            arming.disarm(generation)

    @skipped
    def _execute(self, generation: Generation, arming: Arming) -> None:
        self._built = arming, generation
        with self._that_may_hang():
            for member, load in loads_of_members(self.before, generation):
                self.member = member
                load()
        finish_build(self.block, generation)
        self.clock.lap("execute")

    def _candidate_of(self, generation: Generation, arming: Arming) -> Candidate:
        block, between, phases, claim = self.block, self.between, self.clock.phases, self.claim

        def commit(seconds: float | None) -> SwapReport:
            clock = Clock(phases)
            try:
                commitment = Commitment(block, block.current, generation, claim, phases, between)
                with block.claim.at_work():
                    commitment.committed = arming.forget
                    commitment.found = differences(block.current, generation)
                    clock.lap("compare")
                    between()
                    return commitment.make(seconds)
            except BaseException as error:
                if block.current is not generation:
                    arming.disarm(generation)
                    announce(block.subscribers, refused(block, "swap", error))
                raise

        return Candidate(block, generation, commit, lambda: arming.disarm(generation), claim, Rest(arming, generation))


def _at_fault(block: Block, error: BaseException) -> str | None:
    """Return the member of `block` whose body has raised an error: the innermost one that another one imports."""
    found, trace = None, error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        name = frame.f_globals.get("__name__")
        if frame.f_code.co_name == "<module>" and isinstance(name, str) and block.covers(name):
            found = name
        trace = trace.tb_next
    return found


@skipped
def swap(
    block: Block,
    version: Version,
    check: Callable[[Any], object] | None,
    wait: bool | float,
    *,
    strict: bool,
    two_way: bool = False,
    seconds: float | None = None,
    converters: Mapping[Any, GivenConverter] = MappingProxyType({}),
    between: Callable[[], None] = go_on,
) -> SwapReport:
    """Prepare, check and commit; see `blockfreeze.swap`.

    Args:
        two_way: refuse what a rollback could not undo.
        seconds: those of its ``quiesce``.
    """
    if seconds is not None:
        refuse_from_inside(block, sys._getframe())
    with block.claim.forks.at_work():  # a fork comes before or after all of it
        candidate = prepare(block, version, wait, between)
        try:
            candidate.take_converters(converters)
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
