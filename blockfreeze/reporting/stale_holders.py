"""Who outside of a block holds what a swap has left behind.

A function or a class keeps its identity where it can, and names elsewhere that hold one that could not are re-pointed.
What is left belongs to the old generation for ever, and works on; nothing but the report says that it is not the new
generation's:

- a replaced object that a container elsewhere holds, as ``HANDLERS = {"a": shop.Handler}`` does;
- an object that the top level of each version makes for itself (a router, a connection), if others have taken it;
- a closure that a call has handed out, if it cannot follow: it calls its own generation's functions. So does a function
  without a name of its own, that a body has told others of.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from blockfreeze.core.report import Unreached
from blockfreeze.core.safe_access import FROZEN, cell_content, is_a
from blockfreeze.dispatch.handed_out import with_codes
from blockfreeze.draining.closures import held_outside
from blockfreeze.draining.reachable import Walk
from blockfreeze.identity.contents import CONTAINERS
from blockfreeze.linking.cpython import ARGUMENT_REFERENCES
from blockfreeze.model.block import Block, Generation
from blockfreeze.reporting.functions_told_of import functions_left, functions_told_of
from blockfreeze.reporting.holders import Holder, find_holders, own_tables
from blockfreeze.reporting.repoint import Replaced
from blockfreeze.versions.outline import outline_of

_PASSED_OVER = (type, FunctionType, ModuleType, *FROZEN)

_ALONE = 2 + ARGUMENT_REFERENCES
"""The references to an object that only its module's name holds: that, a variable here, and `sys.getrefcount`'s own."""


def find_stale(
    block: Block, before: Generation, after: Generation, replaced: Mapping[int, Replaced]
) -> list[Unreached]:
    """Return what outside code holds of `before` that is not the same object in `after`, which has been committed.

    Args:
        replaced: the objects that names elsewhere were pointed away from, by their ids.
    """
    names: dict[int, str] = {}
    wanted: dict[int, Any] = {}  # the one container here that holds them: it is not to be found as a holder
    for name, value in _remade_objects(block, before, after, replaced):
        names[id(value)], wanted[id(value)] = name, value
    value = None
    others = wanted.keys() | replaced.keys()
    wanted.update({at: one.old for at, one in replaced.items()})
    left = [weakref.ref(one) for one in functions_left(before)]  # weakly: references are counted
    wanted.update({id(one): one for one in functions_told_of(block, before, _alive(left))})
    if wanted:
        _drop_explained(before, after, wanted, replaced)
    made = [wanted.pop(at) for at in wanted.keys() - others]
    before.drain.told_of = [weakref.ref(one) for one in made]
    made += [one for _, one in held_outside(block, [before], _alive(left))]
    held = ((before, one) for one in made)
    wanted.update({id(one): one for _, one, code in with_codes(held, after) if code is None})
    del made
    functions = wanted.keys() - others
    holders = find_holders(wanted, own_tables(block))
    inside = _walk_inside(before, after).to_the_end() if holders else set()
    held_by: dict[int, set[str]] = {}
    for holder in holders:
        for at in holder.held if id(holder.container) not in inside else ():
            held_by.setdefault(at, set()).add(holder.place)
    objects = {names[at]: (wanted[at], held_by[at]) for at in names.keys() & held_by.keys()}
    left_behind = _described(before.number, objects, [(wanted[at], held_by[at]) for at in functions & held_by.keys()])
    return [*_in_containers(replaced, holders), *sorted(left_behind, key=str)]


def _alive(references: Iterable[weakref.ref[FunctionType]]) -> list[FunctionType]:
    return [one for ref in references if (one := ref()) is not None]


def _drop_explained(
    before: Generation, after: Generation, wanted: dict[int, Any], replaced: Mapping[int, Replaced]
) -> None:
    """Leave of `wanted` what has more references than what the block itself holds explains.

    So only what something outside has taken is searched for in the heap, which holds up every thread. What explains a
    reference is mostly near: so the walk goes on only as long as something is unexplained.
    """
    known = Counter[int]()
    held: Any = None
    for held in _held_by_tables(before, after):
        known.update(filter(wanted.__contains__, map(id, held)))
    held = None
    _drop_recursive(wanted, replaced, known)
    if not wanted:
        return
    here: list[Any] = []
    levels = _walk_inside(before, after).levels()
    while wanted:
        of_list = Counter(filter(wanted.__contains__, map(id, here)))
        known.update(of_list)
        for at in list(wanted):
            held = wanted[at]
            if sys.getrefcount(held) <= known[at] + of_list[at] + _ours(at, replaced):
                del wanted[at]
        held = None
        found = next(levels, None)
        if found is None:
            return
        here = found


def _drop_recursive(wanted: dict[int, Any], replaced: Mapping[int, Replaced], known: Mapping[int, int]) -> None:
    """Leave out of `wanted` the closures whose remaining references are those by which they call themselves.

    A decorator that makes a function recursive makes many of them, and no other walk need find that out.
    """
    for at in list(wanted):
        held = wanted[at]
        itself = sum(id(cell_content(cell)) == at for cell in held.__closure__ or ()) if is_a(held, FunctionType) else 0
        if itself and sys.getrefcount(held) <= known.get(at, 0) + itself + _ours(at, replaced):
            del wanted[at]


def _ours(at: int, replaced: Collection[int]) -> int:
    """Return the references of those who ask: that in the table, the variable, the argument, and who re-points."""
    return 2 + ARGUMENT_REFERENCES + (at in replaced)


def _held_by_tables(before: Generation, after: Generation) -> Iterator[Collection[Any]]:
    """Yield what the tables of two generations hold: caches, records, namespaces and cells; once for each reference."""
    yield [*before.build.caches, *before.contents.places.values()]
    for record in {id(one): one for part in (before, after) for one in list(part.contents.left.values())}.values():
        yield (record.thing,)
        yield record.items
        yield record.attributes
    for member in before.members.values():
        yield list(member.namespace.values())
        yield [cell_content(cell) for cell in member.cells.values()]


def find_replacements(block: Block, after: Generation) -> Iterator[Unreached]:
    """Yield the modules that stand in `sys.modules` under the names of members, and are not the block's."""
    for name in list(after.members):
        found = sys.modules.get(name)
        if is_a(found, ModuleType) and name in block.facades and found is not block.facades[name]:
            yield Unreached(name, "another module of that name is in sys.modules, and goes on with the source it has")


def _described(
    number: int, objects: Mapping[str, tuple[Any, set[str]]], functions: Iterable[tuple[FunctionType, set[str]]]
) -> Iterator[Unreached]:
    for name, (value, held_by) in objects.items():
        who = ", ".join(sorted(held_by))
        yield Unreached(name, f"the {type(value).__name__} of generation {number} is still held by {who}")
    made: dict[tuple[str, int], list[set[str]]] = {}
    for one, held_by in functions:
        made.setdefault((f"{one.__module__}.{one.__qualname__}", one.__code__.co_firstlineno), []).append(held_by)
    for (name, line), held in made.items():
        who = ", ".join(sorted(set().union(*held)))
        yield Unreached(name, f"{len(held)} made at line {line} are held by {who}, and go on with generation {number}")


def _in_containers(replaced: Mapping[int, Replaced], holders: Iterable[Holder]) -> Iterator[Unreached]:
    """Yield the replaced objects that are elements or values of a container."""
    contained: set[int] = set()
    for container in (holder.container for holder in holders):
        if type(container) in (dict, list, set):
            contained.update(map(id, list(container.values() if type(container) is dict else container)))
    for at, (old, _, name) in replaced.items():
        if at in contained:
            kind = "class" if isinstance(old, type) else "function" if isinstance(old, FunctionType) else "object"
            yield Unreached(name, f"the old {kind} is still held by containers elsewhere")


def _walk_inside(*generations: Generation) -> Walk:
    """Return a walk through what generations hold of their own making; what they have imported is outside."""
    roots: list[Any] = []
    for member in [one for generation in generations for one in generation.members.values()]:
        outline = outline_of(member.source)
        imported = {} if outline is None else outline.imports
        roots += [
            value for name, value in member.namespace.items() if name not in imported and not name.startswith("__")
        ]
    return Walk(generations, roots)


def _is_wrapper(block: Block, value: Any) -> bool:
    """Tell whether a value is a function of code outside, maybe around one of the block's, and no entry."""
    return type(value) is FunctionType and id(value.__globals__) not in block.by_globals and not block.entry_of(value)


def _remade_objects(
    block: Block, before: Generation, after: Generation, replaced: Collection[int]
) -> Iterator[tuple[str, Any]]:
    """Yield the objects that each top level has made for itself, and to which others may have a reference."""
    placed = Counter(map(id, before.contents.places.values()))
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
            if (
                (is_a(old, _PASSED_OVER) and not _is_wrapper(block, old))
                or now.namespace.get(name, old) is old
                or type(old).__module__ == "typing"
            ):
                continue
            recorded = placed[id(old)] + (type(old) in CONTAINERS and id(old) in before.contents.left)
            if sys.getrefcount(old) > _ALONE + (id(old) in replaced) + recorded:  # those who re-point hold it as well
                yield f"{member.name}.{name}", old
