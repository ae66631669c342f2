"""Who sets class attributes inside a block: Python itself while one generation is alone, the hooks otherwise.

Linked code like ``Till.total = 1`` calls what a free variable holds. While one generation is alone that is `setattr`,
so nothing is paid for what only an overlap needs. In a patchable block it is always the hook: what the block sets
itself is told apart from a patch.

Threads: an overlap begins and ends in the thread that holds the block's claim. A module may join in any thread, so it
looks once more after it has found that nothing overlaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import CellType

from blockfreeze.dispatch.vector import Plain
from blockfreeze.linking.hook_table import WITHOUT_HOOK
from blockfreeze.model.block import Generation, Member


def assign_directly(generation: Generation) -> None:
    """Let Python itself set class attributes for the code of `generation`, which is alone."""
    for member in generation.members.values():
        _set(member, directly=not generation.block.patchable)


def assign_by_hooks(generation: Generation) -> None:
    """Let the hooks set class attributes for the code of `generation`, once accesses find their generation."""
    for member in generation.members.values():
        _set(member, directly=False)


def enter_assignment_cells(generation: Generation, member: Member, hooks: Mapping[str, CellType]) -> None:
    """Let the code of a new member, which is in the tables of `generation` already, do as that of the others does."""
    member.assignment_cells = [
        (hooks[name], hooks[name].cell_contents, direct) for name, direct in WITHOUT_HOOK.items()
    ]
    if _needs_no_hook(generation):
        _set(member, directly=True)
        if not _needs_no_hook(generation):
            _set(member, directly=False)


def _set(member: Member, *, directly: bool) -> None:
    for cell, hook, direct in member.assignment_cells:
        cell.cell_contents = direct if directly else hook


def _needs_no_hook(generation: Generation) -> bool:
    head = generation.block.reference.vector[0]
    return isinstance(head, Plain) and head.generation is generation and not generation.block.patchable
