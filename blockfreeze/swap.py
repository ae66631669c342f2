"""Swapping: prepare, check, commit, roll back, converge. The only file that stores the one reference.

Guarantees:
- A commit is one store to `Reference.vector`; its cost does not depend on the size of the block.
- Until that store, and whatever fails before it, the generation that served goes on serving, complete.
- `Block.current` is read off the reference, so no moment exists in which bookkeeping and service disagree; what
  follows the store is finished even if it is interrupted.
- One swap of a block at a time: whoever holds the claim. Swaps of different blocks run side by side.

The order of a swap: read and link (nothing is touched); arm, in neutral steps; run the new bodies; check; one store;
present and re-point; and once the old generation has drained, converge: the plain vector, and nothing left over.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any

from blockfreeze import classes
from blockfreeze.aftermath import bring_up_to_date
from blockfreeze.arming import Arming, restore_cells, retire_copies, settle_entries, widen
from blockfreeze.build import link_member, loads_of_members
from blockfreeze.candidate import Candidate
from blockfreeze.claims import acquire_claim, claimed, release_claim
from blockfreeze.compare import Differences, differences, report
from blockfreeze.completion import Clock, complete, finish_build, prepare_error, refuse_incompatible, run_check
from blockfreeze.drain import drain_in_background, keep_own_functions, search
from blockfreeze.errors import BlockfreezeError, NoSuchGenerationError
from blockfreeze.events import Committed, Converged, Drained, Event, Prepared, Refused, RolledBack, announce
from blockfreeze.gate import Gate
from blockfreeze.generation import Block, Generation
from blockfreeze.pins import void_pins
from blockfreeze.quiesce import quiesce, refuse_from_inside
from blockfreeze.report import Lingering, SwapReport
from blockfreeze.source import Snapshot, SourceGiven
from blockfreeze.twins import move_to_twins, return_from_twins
from blockfreeze.vector import Overlap, overlap_vector, plain_vector

__all__ = ["begin", "converge", "prepare", "retired_generations", "rollback", "swap"]


def _store(block: Block, vector: tuple[Any, ...]) -> None:
    block.reference.vector = vector


def begin(block: Block, snapshot: Snapshot, number: int = 1) -> Generation:
    """Open the first generation of a block: its bodies are about to run, and every access belongs to it."""
    generation = Generation(block, number, snapshot, None)
    block.last_number = number
    block.generations[number] = generation
    block.served.append(number)
    _store(block, plain_vector(block, generation))
    return generation


def first_complete(block: Block) -> None:
    """Close the building of a block's first generation: its entries now have slots."""
    complete(block.current)
    _store(block, plain_vector(block, block.current))


def _nothing() -> None:
    """Go on: nobody wants the swap to stop."""


def _refused(block: Block, what: str, error: BaseException) -> Event:
    return Refused(block.name, block.current.number, what, type(error).__name__, str(error))


def prepare(
    block: Block, source: SourceGiven | None, wait: bool | float = False, between: Callable[[], None] = _nothing
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
            announce(block.subscribers, _refused(block, "swap", error))
        raise


def _prepare(block: Block, source: SourceGiven | None, between: Callable[[], None]) -> Candidate:
    _converge(block)
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
        _store(block, overlap_vector(block, before))
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
        before = block.current
        gate = None if seconds is None else Gate()
        try:
            found = differences(before, generation)
            between()
            if gate is not None and seconds is not None:
                refuse_from_inside(block, sys._getframe())
                clock = Clock(phases)
                _store(block, overlap_vector(block, before, gate))
                quiesce(block, gate, seconds, between)
                clock.lap("quiesce")
            return _commit(block, before, generation, found, "swap", phases, gate)
        except BaseException as error:
            if block.current is before:
                return_from_twins(before)
                _abandon(block, generation, arming)
                announce(block.subscribers, _refused(block, "swap", error))
            raise
        finally:
            if gate is not None:
                gate.open()

    def discard() -> None:
        _abandon(block, generation, arming)

    return Candidate(block, generation, commit, discard)


def _abandon(block: Block, generation: Generation, arming: Arming) -> None:
    for name, member in list(generation.members.items()):
        if block.homes.get(name) is member.namespace:
            del block.homes[name]
    block.forget(generation)
    block.drop_entries(arming.slots)
    kept = {name for one in block.generations.values() for name in one.members}
    for name in [name for name in block.facades if name not in kept]:
        if sys.modules.get(name) is block.facades[name]:
            del sys.modules[name]
        del block.facades[name]
    if arming.first and len(block.generations) > 1:
        arming.first = False
    alone = not search(block, retired_generations(block))[0]
    arming.undo(generation, alone=alone)
    _store(block, plain_vector(block, block.current) if alone else overlap_vector(block, block.current))


def swap(
    block: Block,
    source: SourceGiven | None,
    check: Callable[[Any], object] | None,
    wait: bool | float,
    *,
    strict: bool,
    seconds: float | None = None,
    between: Callable[[], None] = _nothing,
) -> SwapReport:
    """Prepare, check and commit; see `blockfreeze.swap`. `seconds` are those of its ``quiesce``."""
    if seconds is not None:
        refuse_from_inside(block, sys._getframe())
    candidate = prepare(block, source, wait, between)
    try:
        if strict:
            refuse_incompatible(block, candidate)
        if check is not None:
            run_check(block, candidate, check)
    except BaseException as error:
        announce(block.subscribers, _refused(block, "swap", error))
        candidate.discard()
        raise
    return candidate.commit(quiesce=seconds)


def _commit(
    block: Block,
    before: Generation,
    after: Generation,
    found: Differences,
    kind: str,
    phases: dict[str, float],
    gate: Gate | None = None,
    reason: str = "",
) -> SwapReport:
    numbers = after.number, before.number
    told = Committed(block.name, *numbers) if kind == "swap" else RolledBack(block.name, *numbers, reason)
    vector = overlap_vector(block, after)
    block.generations[after.number] = after
    for entry in block.slots:
        if entry.armed and "." not in entry.path:
            widen(block, entry, before, after)
    try:
        stayed = move_to_twins(block, before, after)
    except Exception as error:
        raise prepare_error(block, "convert", None, error) from error
    retired = block.reference.vector  # kept until the commit has been timed: freeing its slots is not part of it
    clock = Clock(phases)
    try:
        _store(block, vector)
        clock.lap("commit")
        del retired
        if gate is not None:
            gate.open()
        return _follow_up(block, before, after, found, told, clock, stayed)
    except BaseException:
        if block.current is after:
            # Interrupted after the store: the new generation serves, so what belongs to it is finished all the same.
            _follow_up(block, before, after, found, told, clock, stayed)
        raise


def _follow_up(
    block: Block,
    before: Generation,
    after: Generation,
    found: Differences,
    told: Event,
    clock: Clock,
    stayed: dict[str, int],
) -> SwapReport:
    pointed, unreached = bring_up_to_date(block, before, after, stayed)
    after.drained = False
    if after.number in block.served:
        block.served.remove(after.number)
    block.served.append(after.number)
    clock.lap("repoint")
    announce(block.subscribers, told)
    lingering = _converge(block)
    clock.lap("drain")
    if lingering:
        drain_in_background(block, converge)
    kind = "swap" if isinstance(told, Committed) else "rollback"
    return report(found, kind, before, after, pointed, unreached, lingering, clock.phases)


def rollback(
    block: Block, to: int | None, wait: bool | float = False, *, reason: str = "", leaving: int | None = None
) -> SwapReport:
    """Return to a generation that is kept; see `blockfreeze.rollback`.

    Args:
        reason: told with the event.
        leaving: only if this is still the generation that serves.
    """
    try:
        return _rollback(block, to, wait, reason, leaving)
    except BaseException as error:
        announce(block.subscribers, _refused(block, "rollback", error))
        raise


def _rollback(block: Block, to: int | None, wait: bool | float, reason: str, leaving: int | None) -> SwapReport:
    with claimed(block, wait, "rollback"):
        _converge(block)
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
        phases: dict[str, float] = {}
        clock = Clock(phases)
        arming = Arming(block, before)
        try:
            arming.plan()
            _store(block, overlap_vector(block, before))
            arming.apply()
            for cls in after.class_values:
                if cls in before.class_values:
                    classes.switch_class(block, before, after, cls)
            classes.release_methods(block, before, after)
            found = differences(before, after)
        except BaseException:
            arming.undo(after, alone=False)
            _store(block, overlap_vector(block, before))
            _converge(block)
            raise
        clock.lap("arm")
        return _commit(block, before, after, found, "rollback", phases, reason=reason)


def retired_generations(block: Block) -> list[Generation]:
    """Return every generation that is known and does not serve."""
    current = block.current
    return [one for one in block.generations.values() if one is not current]


def converge(block: Block) -> list[Lingering]:
    """End the overlap if the retired generations have drained, or wait while another thread does; return who lingers.

    While a swap holds the claim nothing is ended: it is about to open the next overlap.
    """
    me = threading.current_thread()
    if not isinstance(block.reference.vector[0], Overlap):
        # The plain vector is in place, and another thread may be clearing up behind it.
        with block.claim:
            block.claim.wait_for(lambda: not block.converging or block.claimed_by is me)
        return []
    served = block.served[-1:]
    running, _ = search(block, retired_generations(block))
    if running:
        return running
    with block.claim:
        block.claim.wait_for(lambda: not block.converging or block.claimed_by is me)
        if block.claimed_by is not None or block.served[-1:] != served:
            return []
        block.claimed_by, block.converging = me, True
    try:
        return _converge(block)
    finally:
        release_claim(block)


def _converge(block: Block) -> list[Lingering]:
    """Do what `converge` does, for the thread that holds the claim."""
    if not isinstance(block.reference.vector[0], Overlap):
        return []
    retired = retired_generations(block)
    running, _ = search(block, retired)
    if running:
        return running
    # What old generations have handed out is seen to while accesses still find their generation. Whatever was called
    # before it forwarded is found by the second search; from then on nothing can begin in an old generation.
    void_pins(block, retired)
    for one in retired:
        retire_copies(block, one)
    running, held = search(block, retired)
    if not running:
        _end_overlap(block, held)
        current = block.current.number
        drained = [one for one in retired if not one.drained]
        for one in drained:
            one.drained = True
        announce(block.subscribers, Drained(block.name, current, tuple(one.number for one in drained)))
        freed = (one.number for one in retired if one.number not in block.generations)
        announce(block.subscribers, Converged(block.name, current, tuple(freed)))
    return running


def _end_overlap(block: Block, held: list[tuple[Generation, FunctionType]]) -> None:
    current = block.current
    keep_own_functions(held)
    restore_cells(block, current)
    _store(block, plain_vector(block, current))
    classes.settle(current)
    settle_entries(block, current)
    kept = set(block.served[-block.history :]) | {current.number}
    for one in retired_generations(block):
        for cache in one.caches:
            cache.cache_clear()
        if one.number not in kept:
            block.served = [number for number in block.served if number != one.number]
            block.forget(one)
