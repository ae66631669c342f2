"""The cells that a linked body is handed: those of its definitions, its hooks and its homes."""

from __future__ import annotations

import builtins
from types import CellType
from typing import Any

from blockfreeze.building.body_hooks import Hooks
from blockfreeze.identity.assignment_cells import enter_assignment_cells
from blockfreeze.linking.hook_table import CLASS_HOOKS, HOME, HOOKS, home_variable, method_of
from blockfreeze.linking.linker import LinkedCode
from blockfreeze.model.block import Generation, Member
from blockfreeze.model.overlay import Overlay


def closure_of(generation: Generation, member: Member, linked: LinkedCode) -> tuple[CellType, ...]:
    """Return the closure with which the body of `member` is to be executed, and enter its cells into the member."""
    # The module's state, which it shares with the generations before; none had it if there is no home yet.
    home: dict[str, Any] | None = generation.block.homes[member.name] if linked.has_home else None
    hooks = Hooks(generation, member)
    wanted = CLASS_HOOKS.union(linked.code.co_freevars)
    cells = {name: CellType(getattr(hooks, method_of(name))) for name in HOOKS if name in wanted}
    enter_assignment_cells(generation, member, {name: cells[name] for name in CLASS_HOOKS})
    homes = {HOME: home, **{home_variable(name): own for name, own in member.moved.items()}}
    if home is not None and not generation.phase.has_served:
        overlays = {name: Overlay(own) for name, own in homes.items() if own is not None}
        member.overlays += overlays.values()
        cells |= {name: overlay.cell for name, overlay in overlays.items()}
    else:
        cells |= {name: CellType(own) for name, own in homes.items()}
    known = vars(builtins)
    for name, variable in linked.cells.items():
        # Until a definition that shadows a built-in has run, its name means the built-in.
        cell = CellType(known[name]) if name in known else CellType()
        member.cells[name] = cells[variable] = cell
    return tuple(cells[name] for name in linked.code.co_freevars)
