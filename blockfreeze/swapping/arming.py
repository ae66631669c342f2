"""Arming and disarming: the neutral steps before the one store of a commit, and after the drain.

To *arm* makes everything that outside code can hold go through the reference: functions forward, facades look names up,
the generation that serves uses copies of its own functions. While the same generation serves, nobody can tell. To
*disarm* takes off the call path what only an overlap needs.
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from blockfreeze.building.facade import arm_facade, disarm_facade, show_agreed, show_steady
from blockfreeze.building.forwarding import (
    Armed,
    copy_functions,
    copy_methods,
    drop_signature,
    forward_copies,
    let_forward,
    let_methods_be,
    point_cells,
    widen,
)
from blockfreeze.building.stages import abandon_build
from blockfreeze.core.safe_access import cell_content, is_a
from blockfreeze.dispatch.forwarders import copy_function, forward
from blockfreeze.dispatch.frames import is_forwarder
from blockfreeze.dispatch.vector import overlap_vector, plain_vector
from blockfreeze.draining.drain import search
from blockfreeze.identity import class_attributes
from blockfreeze.identity.adopt import version_class, watch_construction
from blockfreeze.identity.assignment_cells import assign_by_hooks
from blockfreeze.identity.methods import is_own, replace_functions
from blockfreeze.identity.versioned_attribute import versioned_in
from blockfreeze.instances.legacy_methods import offer_legacy_methods
from blockfreeze.linking.cpython import ARGUMENT_REFERENCES, VERSIONS_COLLIDE
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import Entry, EntryKind
from blockfreeze.model.reference import store
from blockfreeze.swapping.presentation import disarm_entries
from blockfreeze.versions.outline import outline_of


class Arming:
    """The arming of one block for one swap or rollback, by the thread that holds its claim.

    `first`: the block was never armed before; `slots`: how many it had. What is added later belongs to the generation
    that is being built.
    """

    def __init__(self, block: Block) -> None:
        self.block = block
        self.generation = block.current
        self.first = not block.armed
        self.slots = len(block.slots)
        self.handed_over = False
        self._armed: list[Armed] = []

    def arm(self) -> None:
        """Make copies, put a vector with all the slots in place, make functions forward; each step is neutral."""
        block = self.block
        with block.locks.arming:
            self._copy()
        store(block.reference, overlap_vector(block, self.generation))
        with block.locks.arming:
            self._forward(block.slots[: self.slots])

    def rest(self) -> None:
        """Restore the steady state for a while, with nothing running but the generation that serves."""
        block, generation = self.block, self.generation
        class_attributes.disarm_classes(generation)
        methods: list[Armed] = []
        if not VERSIONS_COLLIDE:
            methods = [one for one in self._armed if one.entry.kind is EntryKind.METHOD]
            let_methods_be(generation, methods)
        disarm_entries(block, generation)
        store(block.reference, plain_vector(block, generation))
        forward_copies(block, methods)
        show_steady(block)

    def resume(self, other: Generation) -> None:
        """Arm again after a rest, for `other`, whose bodies have run; each step is neutral."""
        block, generation = self.block, self.generation
        with block.locks.arming:
            forwarding = [one for one in self._armed if one.entry.kind is not EntryKind.METHOD or VERSIONS_COLLIDE]
            generation.build.armed_with = generation.complete_members()
            joined = copy_functions(block, generation, direct=True)
            self._armed = [*forwarding, *joined, *copy_methods(block, generation)]
            offer_legacy_methods(block, generation)
        store(block.reference, overlap_vector(block, generation))
        with block.locks.arming:
            # What others hold of the candidate's own functions is direct: none of another version could forward to it.
            self._forward([entry for entry in block.slots if other.locals.get(entry) is not entry.function])
        for (module, name), cls in list(other.classes.named.items()):
            if cls in other.classes.values and cls in generation.classes.values:
                version_class(generation, other, cls)
                outline = outline_of(other.members[module].source)
                if outline is not None and name in outline.converted:
                    watch_construction(block, cls)
        offer_legacy_methods(block, other)

    def hand_over(self) -> None:
        """Leave it to whoever has this object to disarm the block."""
        self.handed_over = True

    def forget(self) -> None:
        """Let go of the functions: who is to tell whether others hold them, or a call is suspended, counts."""
        self._armed = []

    def _copy(self) -> None:
        block, generation = self.block, self.generation
        generation.build.armed_with = generation.complete_members()
        for other in block.generations.values():
            if other is not generation:
                copy_functions(block, other, direct=True)  # of a module that has joined it after it was left
        self._armed = [*copy_functions(block, generation, direct=False), *copy_methods(block, generation)]
        offer_legacy_methods(block, generation)
        self.slots = len(block.slots)

    def _forward(self, entries: Sequence[Entry]) -> None:
        block, generation = self.block, self.generation
        assign_by_hooks(generation)
        caches = {id(cache) for cache in generation.build.caches}
        for member in generation.members.values():
            for cell in member.cells.values():
                content = cell_content(cell)
                if id(content) in caches:
                    # Callers outside fill the shared cache with whatever generation serves them.
                    cell.cell_contents = self._private_cache(content)
        for entry in entries:
            # A module may have joined since the copies were made: its functions are direct until it is left.
            copied = generation.locals.get(entry, entry.function) is not entry.function
            if entry.kind is not EntryKind.METHOD and (entry.armed or copied):
                widen(block, entry, generation)
        let_forward(block, self._armed)
        for facade in tuple(block.facades.values()):
            arm_facade(facade)
        block.armed = True

    def _private_cache(self, cache: Any) -> Any:
        entry = self.block.entry_of(getattr(cache, "__wrapped__", None))
        if entry is None or entry not in self.generation.locals:
            return cache
        again = functools.lru_cache(**cache.cache_parameters())(self.generation.locals[entry])
        again.__dict__.update(cache.__dict__)
        return again

    def disarm(self, abandoned: Generation | None = None, *, alone: bool | None = None) -> None:
        """Restore the steady state of the generation that serves: direct again if the block was never swapped.

        Args:
            abandoned: the generation that does not come to serve, if there is one.
            alone: nothing runs in an older generation, otherwise what an overlap needs stays; found out if None.
        """
        block, generation = self.block, self.generation
        if abandoned is not None and not abandoned.phase.has_served:
            abandon_build(block, abandoned, self.slots)
        if alone is None:
            alone = not search(block, block.retired())[0]
        self.first = self.first and len(block.generations) == 1
        if abandoned is not None:
            class_attributes.withdraw(generation, abandoned)
        if alone:
            class_attributes.disarm_classes(generation)
        unused = self._let_be(generation, abandoned is not None)
        self.forget()
        if self.first:
            self._make_direct()
        restore_cells(generation)
        if alone:
            disarm_entries(block, generation)
        store(block.reference, plain_vector(block, generation) if alone else overlap_vector(block, generation))
        forward_copies(block, unused)
        (show_steady if alone else show_agreed)(block)

    def _let_be(self, generation: Generation, has_failed: bool) -> list[Armed]:
        """Let the generation go on with its own functions; return those whose copies it does not need any more.

        A swap that comes to nothing leaves no trace. Where nothing has failed, methods go on forwarding if a function
        whose code is assigned may be taken for another one.
        """
        methods: list[Armed] = []
        if has_failed or not VERSIONS_COLLIDE:
            methods = [one for one in self._armed if one.entry.kind is EntryKind.METHOD]
            let_methods_be(generation, methods)
        functions: list[Armed] = []
        for armed in self._armed:
            entry, local, copy = armed
            if entry.kind is not EntryKind.METHOD and (self.first or local is not entry.function):
                local.__code__ = copy.__code__
                generation.locals[entry] = local
                functions.append(armed)
        return methods + functions

    def _make_direct(self) -> None:
        for entry in self.block.slots:
            # What has begun to forward because its module joined a candidate goes on.
            entry.armed = is_forwarder(entry.function.__code__, self.block.reference)
            drop_signature(entry)
        for facade in tuple(self.block.facades.values()):
            disarm_facade(facade)
        self.block.armed = False


@contextmanager
def armed(block: Block, abandoned: Generation | None = None, *, alone: bool | None = None) -> Iterator[Arming]:
    """Hold a block armed for the length of a ``with`` statement.

    When the statement ends, the block is disarmed, unless another generation serves by then, or the arming was handed
    over.

    Args:
        abandoned: as for `Arming.disarm`, if the block is disarmed.
        alone: as for `Arming.disarm`.
    """
    arming = Arming(block)
    try:
        arming.arm()
        yield arming
    finally:
        if block.current is arming.generation and not arming.handed_over:
            arming.disarm(abandoned, alone=alone)


def restore_cells(generation: Generation) -> None:
    """Point the cells of the generation that serves alone at its own functions and at the caches that all can see."""
    for member in generation.members.values():
        for name, cell in member.cells.items():
            if name in member.namespace:
                cell.cell_contents = generation.own_value(member.namespace[name])


def retire_copies(block: Block, generation: Generation) -> None:
    """Once `generation` has drained: let those of its own functions forward that it has handed out.

    While it was being left, its code could pass such a function on (a bound method that a call returned). A function
    that has no more references than the generation's own tables is nobody else's, and stays.
    """
    held: list[Any] = [cell_content(cell) for one in generation.members.values() for cell in one.cells.values()]
    for cls, values in list(generation.classes.values.items()):
        held += values.values()
        held += generation.classes.copies.get(cls, {}).values()
        for _, versioned in versioned_in(cls):
            held += [table[generation] for table in (versioned.inner, versioned.outward) if generation in table]
    known = Counter(map(id, held))
    del held
    copies: dict[int, FunctionType] = {}
    for entry, local in list(generation.locals.items()):
        # Beside the tables: the table of locals, the pair made above, the name, the argument.
        if sys.getrefcount(local) <= known[id(local)] + 3 + ARGUMENT_REFERENCES or local is entry.function:
            continue
        if not is_a(local, FunctionType) or not is_own(block, local) or id(local) in generation.drain.lent:
            continue
        if not is_forwarder(local.__code__, block.reference):
            copies[id(local)] = generation.locals[entry] = copy_function(local)
            forward(block, entry, local)
    if copies:
        point_cells(generation, copies)
        replace_functions(generation, copies)
