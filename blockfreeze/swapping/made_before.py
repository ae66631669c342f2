"""Objects made before that lack what the code of a candidate needs, found before it is committed.

Foreign code may hold such an object for the life of the process (a server's configuration, a wrapped application). It
lacks something in one of two ways: constructors assign attributes that they did not assign, or fill an instance from a
table of the module that has more in it now. Either way whoever swaps can give a converter.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from blockfreeze.core.report import Unreached
from blockfreeze.core.safe_access import ATOMS, is_a
from blockfreeze.identity.methods import method_function
from blockfreeze.identity.new_instances import is_new_instance
from blockfreeze.instances.attributes import assigned_by_constructors, assigned_in
from blockfreeze.instances.kinds import converter_of, full_name, instances_of
from blockfreeze.model.block import Block, Generation, Member
from blockfreeze.reporting.holders import find_holders, own_tables

_TABLES = (dict, list, set, frozenset, tuple, deque)

_DEPTH = 3
"""How many calls a table may be away from a constructor, in its module."""


def lacking_objects(block: Block, before: Generation, after: Generation, *, attributes: bool = True) -> list[Unreached]:
    """Return which classes have instances that lack something, what that is, and who holds one.

    The heap is searched only if there are such classes.

    Args:
        attributes: also those that lack attributes, which stay on their old methods.
    """
    reasons = {cls: why for cls, why in _reasons(before, after, attributes) if converter_of(after, cls) is None}
    counted: dict[type, list[Any]] = {cls: [] for cls in reasons}
    made_again = {id(value) for member in before.members.values() for value in list(member.namespace.values())}
    for one in instances_of(list(reasons)):
        if id(one) not in made_again and not is_new_instance(after, one):
            counted[type(one)].append(one)
    firsts = {id(found[0]): found[0] for found in counted.values() if found}
    holders = _named_holders(block, firsts, {id(counted), *map(id, counted.values())})
    return [
        Unreached(full_name(cls), f"{len(found)} instances made before{holders.get(id(found[0]), '')} {reasons[cls]}")
        for cls, found in counted.items()
        if found
    ]


def _reasons(before: Generation, after: Generation, with_attributes: bool) -> Iterator[tuple[type, str]]:
    for (module, path), cls in list(after.classes.named.items()):
        if before.classes.named.get((module, path)) is not cls or cls not in before.classes.values:
            continue
        if issubclass(cls, type):  # its instances are classes, which are brought up to date themselves
            continue
        was, now = before.members.get(module), after.members.get(module)
        if was is None or now is None or was.source.has_text_of(now.source) or cls not in after.classes.values:
            continue
        attributes = assigned_by_constructors(after, cls) - assigned_in(before, cls)
        if attributes:
            if with_attributes:
                yield cls, f"lack {', '.join(sorted(attributes))}, which constructors assign now"
            continue
        for name, added in _tables_with_more(after, was, now, after.classes.values[cls].get("__init__")):
            yield cls, f"may lack what {name} has now, of which constructors make them: {', '.join(added[:5])}"
            break


def _tables_with_more(after: Generation, was: Member, now: Member, constructor: Any) -> Iterator[tuple[str, list[str]]]:
    todo, seen = [(method_function(constructor), _DEPTH)], set[int]()
    while todo:
        function, depth = todo.pop()
        if not is_a(function, FunctionType) or id(function) in seen or function.__globals__ is not now.namespace:
            continue
        seen.add(id(function))
        for name in (*function.__code__.co_names, *function.__code__.co_freevars):
            plain = name.rpartition(".")[2]
            older, newer = was.namespace.get(plain), now.namespace.get(plain)
            if type(older) is type(newer) and type(newer) in _TABLES:
                added = sorted(_labels(newer) - _labels(older))
                if added:
                    yield plain, added
            elif depth > 1 and is_a(newer, FunctionType):
                todo.append((after.own(newer), depth - 1))


def _labels(table: Any) -> set[str]:
    """Return what is in a table, told apart by what it is called or by its value, and not by its identity."""
    return {str(one) if is_a(one, ATOMS) else str(getattr(one, "__qualname__", type(one))) for one in list(table)}


def _named_holders(block: Block, wanted: Mapping[int, Any], inside: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for holder in find_holders(wanted, own_tables(block) | inside):
        name = f"in {holder.modules[0]}" if holder.modules else f"in {_owner(holder.container)}"
        for at in holder.held:
            found.setdefault(at, f" ({name})")
    return found


def _owner(container: Any) -> str:
    if type(container) is dict:
        for one in gc.get_referrers(container):
            if getattr(one, "__dict__", None) is container and not is_a(one, ModuleType):
                return f"a {type(one).__qualname__}"
    return f"a {type(container).__qualname__}"
