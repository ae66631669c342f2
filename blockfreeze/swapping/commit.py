"""The commit: state and instances are brought over, the one store is made, and the world outside is told.

Guarantee: until the store every caller finds the generation that served, whatever fails; what follows the store is
finished even if it is interrupted.

Threads: by the thread that holds the block's claim.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace

from blockfreeze.building.build import load_joined
from blockfreeze.building.facade import show_agreed
from blockfreeze.building.forwarding import forward_all, widen
from blockfreeze.building.stages import finish_build
from blockfreeze.core.errors import BlockfreezeError
from blockfreeze.core.events import Committed, GateOpened, RolledBack, announce
from blockfreeze.core.report import Migrated, SwapReport, Unreached
from blockfreeze.dispatch.gate import Gate
from blockfreeze.dispatch.vector import overlap_vector
from blockfreeze.draining.background import drain_in_background
from blockfreeze.draining.quiesce import go_on, quiesce, refuse_from_inside
from blockfreeze.identity.held_methods import keep_held_methods
from blockfreeze.instances.conversion import Conversion
from blockfreeze.instances.legacy_classes import move_to_legacy_classes, return_from_legacy_classes
from blockfreeze.instances.legacy_methods import supersede_classes
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import EntryKind
from blockfreeze.model.phase import Phase
from blockfreeze.model.reference import store
from blockfreeze.state.merging import bring_over, note_taken
from blockfreeze.state.migration import Migration
from blockfreeze.swapping.claim import HeldClaim
from blockfreeze.swapping.clock import Clock
from blockfreeze.swapping.convergence import converge
from blockfreeze.swapping.propagate import bring_up_to_date
from blockfreeze.swapping.verdicts import prepare_error

_FIRST_PAUSE = 0.25
"""How long after a commit it is first tried to convert instances beside old calls: most have ended by then. Seconds."""


def _is_the_same_release(one: Generation, other: Generation) -> bool:
    """Tell whether two generations are of one named release, whose text has not changed in between."""
    named = bool(one.release) and one.release == other.release
    return named and one.snapshot.version_hash() == other.snapshot.version_hash()


class Commitment:
    """One commit, of a swap or a rollback: state and instances are brought over, the store is made, others are told."""

    def __init__(
        self,
        block: Block,
        before: Generation,
        after: Generation,
        claim: HeldClaim,
        phases: dict[str, float],
        between: Callable[[], None] = go_on,
        reason: str | None = None,
    ) -> None:
        self.block = block
        self.before = before
        self.after = after
        self.claim = claim
        self.phases = phases
        self.between = between
        self.reason = reason  # of a rollback
        self.found = SwapReport(block.name, "swap", before.number, after.number, ())  # how the versions differ
        self.committed = go_on  # called right after the store
        self.migration = Migration(block, before, after)
        self.conversion = Conversion(block, before, after)
        self.migrated: tuple[Migrated, ...] = ()
        self.stayed: list[Unreached] = []
        self.legacy_classes = tuple(before.classes.legacy)

    def problems(self) -> list[str]:
        """Return what of the state nothing can bring over."""
        return self.migration.problems() + self.conversion.problems()

    def make(self, seconds: float | None) -> SwapReport:
        """Commit, behind a gate if `seconds` are given; if anything fails, nothing has changed for any caller."""
        block, before = self.block, self.before
        if seconds is not None:
            refuse_from_inside(block, sys._getframe())
        gate = None if seconds is None else Gate()
        try:
            if gate is not None and seconds is not None:
                clock = Clock(self.phases)
                store(block.reference, overlap_vector(block, before, gate))
                with block.claim.forks.resting():
                    quiesce(block, gate, seconds, self.between)
                clock.lap("quiesce")
            return self._commit(gate)
        except BaseException:
            if block.current is before:
                self.conversion.undo()
                return_from_legacy_classes(before, self.legacy_classes)
            raise
        finally:
            if gate is not None:
                gate.open()
                if block.current is before:
                    announce(block.subscribers, GateOpened(block.name, before.number, gate.seconds))

    def _bring_over(self, gate: Gate | None) -> None:
        block, before, after, conversion = self.block, self.before, self.after, self.conversion
        try:
            bring_over(before, after)
            self.migrated = self.migration.run()
            if gate is not None and conversion.is_needed:
                conversion.run(committed=False)
            waiting = conversion.waiting
            lacking = move_to_legacy_classes(block, before, after, *((waiting, ()) if gate is None else ((), waiting)))
        except BlockfreezeError:
            raise
        except Exception as error:
            raise prepare_error(block, "convert", None, error) from error
        self.stayed = conversion.not_converted(lacking)
        supersede_classes(block, before, after)

    def _commit(self, gate: Gate | None) -> SwapReport:
        block, before, after = self.block, self.before, self.after
        clock = Clock(self.phases)
        block.generations[after.number] = after
        if load_joined(before, after):
            finish_build(block, after)
        block.patches.apply(block, after)
        if before.complete_members() != before.build.armed_with:
            forward_all(block, before, after)
        for entry in block.slots:
            if entry.armed and entry.kind is not EntryKind.METHOD:
                widen(block, entry, before, after)
        self._bring_over(gate)
        keep_held_methods(before, after, after.classes.named.items())
        vector = overlap_vector(block, after)
        retired = block.reference.vector  # held until the commit has been timed: freeing its slots is not part of it
        clock.lap("convert")
        try:
            store(block.reference, vector)
            clock.lap("commit")
            del retired
            if gate is not None:
                gate.open()
            return self._follow_up(clock, gate)
        except BaseException:
            if block.current is after:
                # Interrupted after the store: the new generation serves, and what belongs to it is finished.
                self._follow_up(clock, gate)
            raise

    def _follow_up(self, clock: Clock, gate: Gate | None) -> SwapReport:
        block, before, after = self.block, self.before, self.after
        self.committed()
        numbers, label = (after.number, before.number), after.label
        rolled_back = None if self.reason is None else RolledBack(block.name, *numbers, self.reason, label)
        block.variables.update(after.variables)
        block.at_fork += after.build.at_fork
        after.build.at_fork = []
        after.phase = Phase.IN_SERVICE
        before.drain.retired_at, before.drain.warned, after.drain.retired_at = time.monotonic(), False, None
        after.classes.new_instances = {}
        self.conversion.forget_undo()
        block.instances.unconverted = self.conversion if gate is None and self.conversion.is_needed else None
        block.instances.wait_for_rest(_FIRST_PAUSE)
        pointed, unreached = bring_up_to_date(block, before, after, self.stayed)
        if rolled_back is None and _is_the_same_release(before, after) and before.predecessor in block.generations:
            # A deploy that is tried again is no release more: the way back leads to the one before, which is kept.
            after.predecessor = before.predecessor
            block.served.remove(before.number)
            block.served.insert(0, before.number)
        if after.number in block.served:
            block.served.remove(after.number)
        block.served.append(after.number)
        note_taken(before, after)
        clock.lap("repoint")
        announce(block.subscribers, rolled_back or Committed(block.name, *numbers, label))
        if gate is not None:
            announce(block.subscribers, GateOpened(block.name, after.number, gate.seconds))
        show_agreed(block)
        # From here on it can be rolled back. Who lingers may take long to find.
        self.claim.release()
        lingering = converge(block, whole=True)
        clock.lap("drain")
        if lingering or block.instances.unconverted is not None:
            drain_in_background(block, converge)
        return replace(
            self.found,
            kind="rollback" if rolled_back else "swap",
            members=tuple(sorted(after.members)),
            done_again=() if rolled_back else self.found.done_again,
            kept_state=tuple(sorted(after.report.kept_state)),
            migrated=self.migrated,
            converted=self.conversion.counted(),
            repointed=tuple(pointed),
            unreached=tuple(unreached),
            lingering=tuple(lingering),
            phases=dict(clock.phases),
            source_hash=after.snapshot.version_hash(),
            release=after.release,
            label=after.label,
        )
