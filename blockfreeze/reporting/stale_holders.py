"""Who outside of a block holds what a swap has left behind: objects that were made again, and closures.

A function or a class keeps its identity, and names that hold one that does not are re-pointed. What others hold of the
rest stays of the old generation: an object that the top level made (a router, a blueprint, a connection) if they have
taken it, and a closure that a call has handed out, which calls its own generation's functions for ever. Both work on;
nothing but the report says that they are not the new generation's.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Collection, Iterator
from types import FrameType, FunctionType, ModuleType
from typing import Any

from blockfreeze.core.report import Unreached
from blockfreeze.core.safe_access import is_a
from blockfreeze.draining.drain import closures_held
from blockfreeze.draining.reachable import reachable_from
from blockfreeze.linking.cpython import ARGUMENT_REFERENCES
from blockfreeze.model.block import Block, Generation
from blockfreeze.versions.outline import outline_of

_PASSED_OVER = (type, FunctionType, ModuleType, tuple, frozenset)

_ALONE = 2 + ARGUMENT_REFERENCES
"""The references to an object that only its module's name holds: that, a variable here, and `sys.getrefcount`'s own."""

_SUSPENDED = ("async_generator", "coroutine", "generator")


def left_behind(block: Block, before: Generation, after: Generation) -> Iterator[Unreached]:
    """Yield what outside code holds of `before` that is not the same object in `after`, which has been committed."""
    names: dict[int, str] = {}
    wanted: dict[int, Any] = {}  # the one container here that holds them: it is not to be found as a holder
    for name, value in _remade_objects(before, after):
        names[id(value)], wanted[id(value)] = name, value
    wanted.update({id(closure): closure for closure in closures_held(block, before)})
    holders = _holders(wanted, block, before, after)
    number = before.number
    counts: dict[tuple[str, int], int] = {}
    for key in holders:
        if key in names:
            kind, held_by = type(wanted[key]).__name__, ", ".join(sorted(holders[key]))
            yield Unreached(names[key], f"the {kind} of generation {number} is still held by {held_by}")
        else:
            place = f"{wanted[key].__module__}.{wanted[key].__qualname__}", wanted[key].__code__.co_firstlineno
            counts[place] = counts.get(place, 0) + 1
    for (name, line), count in counts.items():
        yield Unreached(name, f"{count} made at line {line} are held outside, and go on with generation {number}")


def _holders(wanted: dict[int, Any], block: Block, *generations: Generation) -> dict[int, set[str]]:
    """Return, by the id of each of `wanted` that something outside holds, what that is: a module, or a type."""
    holders: dict[int, set[str]] = {}
    if not wanted:
        return holders
    imported: list[tuple[str, Any]] = list(sys.modules.items())  # anything may be put into sys.modules
    modules = {id(vars(module)): name for name, module in imported if is_a(module, ModuleType)}
    asked = tuple(wanted.values())  # as it is handed on; 3.13's collector finds it as a holder
    roots, namespaces = _own(generations)
    ours = (wanted, asked, roots, *namespaces, *map(vars, (block, *generations)))
    inside = reachable_from(roots, generations, (type(block), *map(type, generations))).union(map(id, ours))
    # One search of the heap for all of them: each holds up every thread for as long as it takes.
    for holder in gc.get_referrers(*asked):
        if id(holder) not in inside and not _is_passing(holder):
            who = modules.get(id(holder), f"a {type(holder).__name__}")
            for one in gc.get_referents(holder):
                if id(one) in wanted:
                    holders.setdefault(id(one), set()).add(who)
    return holders


def _own(generations: Collection[Generation]) -> tuple[list[Any], list[dict[str, Any]]]:
    """Return what the top levels of generations have made, and their namespaces; what they have imported is outside."""
    roots: list[Any] = []
    namespaces: list[dict[str, Any]] = []
    for member in [one for generation in generations for one in generation.members.values()]:
        outline = outline_of(member.source)
        imported = {} if outline is None else outline.imports
        namespaces.append(member.namespace)
        roots += [
            value for name, value in member.namespace.items() if name not in imported and not name.startswith("__")
        ]
    return roots, namespaces


def _remade_objects(before: Generation, after: Generation) -> Iterator[tuple[str, Any]]:
    """Yield the objects that both top levels have made, each its own, and to which more than one reference exists."""
    for member in before.members.values():
        now = after.members.get(member.name)
        if now is None:
            continue
        for name in list(member.namespace):
            old = member.namespace[name]
            definition = member.linkage.bound.get(name)
            imported = definition is not None and definition.kind == "import"
            declared = name in member.linkage.state or (member.name, name) in before.variables
            if imported or declared or name.startswith("__") or not gc.is_tracked(old):
                continue
            if is_a(old, _PASSED_OVER) or now.namespace.get(name, old) is old or type(old).__module__ == "typing":
                continue
            if sys.getrefcount(old) > _ALONE:
                yield f"{member.name}.{name}", old


def _is_passing(holder: Any) -> bool:
    """Tell whether a holder is a call under way, or blockfreeze's own."""
    kind = type(holder)
    return kind is FrameType or kind.__name__ in _SUSPENDED or kind.__module__.partition(".")[0] == "blockfreeze"
