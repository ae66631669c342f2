"""The cells that a linked body is handed: its definitions', its hooks', its homes'."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
from collections.abc import Callable, Collection
from types import CellType
from typing import Any

from blockfreeze.building.body_hooks import Hooks, as_it_is
from blockfreeze.building.build import load_member
from blockfreeze.dispatch.caller_view import as_caller_sees, skipped
from blockfreeze.identity.assignment_cells import join
from blockfreeze.linking import hook_table
from blockfreeze.linking.hook_table import CLASS_HOOKS
from blockfreeze.linking.linker import LinkedCode
from blockfreeze.model.block import Generation, Member
from blockfreeze.model.overlay import Overlay

__all__ = ["_closure"]


@skipped
def load_imported(
    generation: Generation, namespace: dict[str, Any], fromlist: Collection[str], level: int, name: str
) -> str:
    """Load the members that an import statement of a later generation's body names, as a cold start would.

    The import system finds their facades in ``sys.modules`` and would go on; what their bodies raise must be raised
    here, at the import statement.

    Returns:
        the name of the module that the statement means.
    """
    if level:
        package = namespace.get("__package__") or ""
        name = importlib.util.resolve_name("." * level + name, package)
    covers = generation.block.covers
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        prefix = ".".join(parts[:end])
        if covers(prefix):
            load_member(generation, prefix)
    member = generation.members.get(name)
    if member is not None and member.source.is_package:
        everything = member.namespace.get("__all__", ()) if "*" in fromlist else ()
        for item in (*fromlist, *everything):
            if item != "*" and item not in member.namespace and covers(f"{name}.{item}"):
                load_member(generation, f"{name}.{item}")
    return name if fromlist else parts[0]


def _closure(
    generation: Generation, member: Member, linked: LinkedCode, home: dict[str, Any] | None
) -> tuple[CellType, ...]:
    hooks = Hooks(generation, member)
    namespace = member.namespace

    @skipped
    def import_member(fromlist: tuple[str, ...] | None, name: str, level: int) -> Any:
        wanted = load_imported(generation, namespace, fromlist or (), level, name)
        # The import system would put a member back into sys.modules that somebody has taken out.
        found = generation.block.facades.get(wanted) if wanted in generation.members else None
        return __import__(name, namespace, namespace, fromlist, level) if found is None else found

    homes = {hook_table.HOME: home, **{hook_table.home_variable(name): own for name, own in member.moved.items()}}
    fixed: dict[str, Callable[..., Any] | dict[str, Any] | None] = {
        hook_table.AS_IT_IS: as_it_is,
        hook_table.AT_FORK: hooks.at_fork,
        hook_table.ASSIGN: hooks.assign,
        hook_table.CALLER: as_caller_sees,
        hook_table.BIND: hooks.bind,
        hook_table.BUILD: hooks.build,
        hook_table.DECORATOR: hooks.decorator,
        hook_table.DEFINE: hooks.define,
        hook_table.DICTIONARY: hooks.dictionary,
        hook_table.VARIABLES: hooks.variables,
        hook_table.IMPORT: import_member,
        hook_table.PRESERVE: hooks.keep,
        hook_table.REFRESH: hooks.refresh,
        hook_table.SETTER: hooks.setter,
        hook_table.UNASSIGN: hooks.unassign,
        hook_table.STAR: hooks.star,
        hook_table.STATE: hooks.state,
        hook_table.LOAD: hooks.load,
        hook_table.UNSET: hooks.unset,
        **homes,
    }
    by_variable = {name: CellType(fixed[name]) for name in CLASS_HOOKS}
    join(generation, member, by_variable)
    if home is not None and generation.births is not None:
        overlays = {name: Overlay(own) for name, own in homes.items() if own is not None}
        member.overlays += overlays.values()
        by_variable |= {name: overlay.cell for name, overlay in overlays.items()}
    for name, variable in linked.cells.items():
        # Until a definition that shadows a built-in has run, its name means the built-in.
        cell = CellType(getattr(builtins, name)) if hasattr(builtins, name) else CellType()
        member.cells[name] = by_variable[variable] = cell
    return tuple(
        by_variable[name] if name in by_variable else CellType(fixed[name]) for name in linked.code.co_freevars
    )
