"""Who assigns to class attributes inside a block: Python itself while one generation is alone, else the hooks.

The places of such assignments call what a free variable holds. In the steady state that is a function of Python's own,
so that nothing is paid for what only versions that overlap need.

Threads: versions begin to overlap, and cease to, in the thread that holds the block's claim. A module may join in any
thread; so it looks again after it has been told that nothing overlaps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from types import CellType, MappingProxyType
from typing import Any

from blockfreeze.dispatch.vector import Plain
from blockfreeze.linking.hook_table import ASSIGN, DICTIONARY, UNASSIGN
from blockfreeze.model.block import Generation, Member

__all__ = ["Assignments", "assign_by_hooks", "assign_directly", "join"]

_DIRECT: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {ASSIGN: setattr, UNASSIGN: delattr, DICTIONARY: attrgetter("__dict__")}
)


class Assignments:
    """The cells of one member through which its code sets and deletes class attributes, and reads dictionaries."""

    __slots__ = ("_cells",)

    def __init__(self, hooks: Mapping[str, CellType]) -> None:
        self._cells = [(hooks[name], hooks[name].cell_contents, direct) for name, direct in _DIRECT.items()]

    def set(self, *, directly: bool) -> None:
        """Let the code do it by itself, or through the hooks."""
        for cell, hook, direct in self._cells:
            cell.cell_contents = direct if directly else hook


def assign_directly(generation: Generation) -> None:
    """Once `generation` is alone: its code sets class attributes by itself."""
    _set(generation, directly=True)


def assign_by_hooks(generation: Generation) -> None:
    """Once accesses find their generation by their callers: what code of `generation` sets is its own."""
    _set(generation, directly=False)


def _set(generation: Generation, *, directly: bool) -> None:
    for member in generation.members.values():
        if member.assignments is not None:
            member.assignments.set(directly=directly)


def join(generation: Generation, member: Member, hooks: Mapping[str, CellType]) -> None:
    """Let the code of a new member, which is in the tables of `generation` already, do as the others' does."""
    member.assignments = Assignments(hooks)
    if _is_alone(generation):
        member.assignments.set(directly=True)
        if not _is_alone(generation):
            member.assignments.set(directly=False)


def _is_alone(generation: Generation) -> bool:
    head = generation.block.reference.vector[0]
    return isinstance(head, Plain) and head.generation is generation
