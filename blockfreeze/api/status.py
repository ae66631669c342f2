"""What a block is made of now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from blockfreeze.api import freeze
from blockfreeze.core.status import BlockStatus, EntryStatus, GenerationStatus, Inlined, Unbound
from blockfreeze.dispatch.accesses import IS_COMPILED
from blockfreeze.dispatch.vector import is_overlapping
from blockfreeze.draining.drain import find_lingering
from blockfreeze.linking.linkage import Linkage
from blockfreeze.model.block import Block, Member
from blockfreeze.model.entry import EntryKind
from blockfreeze.swapping.convergence import converge


def status(module: Any) -> BlockStatus:
    """Return what a block is made of now: generations, who lingers, entries, what is bound and what not.

    Raises:
        BlockfreezeError: the module is not frozen.
    """
    block = freeze.block_of(module, "status")
    converge(block)
    now = time.monotonic()
    left = {one.number: now - (one.drain.retired_at or now) for one in block.retired()}
    lingering = [replace(one, seconds=left.get(one.generation, 0.0)) for one in find_lingering(block, block.retired())]
    current = block.current
    members = current.members.values()
    return BlockStatus(
        block=block.name,
        current=current.number,
        members=tuple(sorted(current.members)),
        generations=tuple(
            GenerationStatus(
                one.number,
                _state(block, one.number),
                one.snapshot.version_hash(),
                tuple(one.members),
                one.release,
                one.label,
            )
            for one in sorted(block.generations.values(), key=lambda one: one.number)
        ),
        overlapping=is_overlapping(block),
        compiled=IS_COMPILED,
        lingering=tuple(lingering),
        entries=_entries(block),
        bound=tuple(sorted(f"{member.name}.{name}" for member in members for name in member.linkage.bound)),
        unbound=_with_reasons(members, lambda linkage: {name: why.value for name, why in linkage.reasons.items()}),
        inlined=tuple(
            Inlined(f"{member.name}.{name}", tuple(callers.items()))
            for member in members
            for name, callers in member.linkage.inlined.items()
        ),
        not_inlined=_with_reasons(members, lambda linkage: linkage.not_inlined),
        pointer=block.pointer or "",
    )


def _with_reasons(members: Iterable[Member], reasons: Callable[[Linkage], Mapping[str, str]]) -> tuple[Unbound, ...]:
    return tuple(
        Unbound(f"{member.name}.{name}", reason)
        for member in members
        for name, reason in reasons(member.linkage).items()
    )


def _state(block: Block, number: int) -> str:
    if number == block.current.number:
        return "current"
    return "previous" if number == block.current.predecessor else "retired"


def _entries(block: Block) -> tuple[EntryStatus, ...]:
    found = {one.name: one.armed for one in block.slots if one.kind is EntryKind.FUNCTION}
    declared = block.declared_entries
    order = sorted(found, key=lambda name: (name.rpartition(".")[2] not in declared, name))
    return tuple(EntryStatus(name, found[name]) for name in order)
