"""Functions that a body has made and told others of, and that are no entries: whoever holds one goes on with it.

Example: ``registry.add(make_handler("a"))`` at the top level of a module, or ``hooks.append(lambda: ...)``. Which of
the next version's functions would stand for such a one, nobody can tell: there may be several of one text.

They are found by the references of code objects. What the tables of generations explain is not looked for; where there
is more, one search of the heap finds the functions. So a block that has told nobody of any pays for counting alone.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partial, partialmethod
from inspect import CO_OPTIMIZED
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final

from blockfreeze.core.safe_access import ATOMS, CACHE_TYPE, cell_content
from blockfreeze.dispatch.late_signature import is_shown_late
from blockfreeze.draining.idle import WITHOUT_FUNCTIONS
from blockfreeze.draining.moment import objects_of
from blockfreeze.draining.stacks import codes_running
from blockfreeze.linking.analysis import walk_codes
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.legacy_attributes import LEGACY_METHODS

_CONTAINERS: Final = frozenset({dict, defaultdict, OrderedDict, deque, list, set, frozenset, tuple})

_ENTERED: Final = _CONTAINERS.union(
    {
        CACHE_TYPE,
        MethodType,
        cached_property,
        classmethod,
        partial,
        partialmethod,
        property,
        staticmethod,
    }
)
"""Types of what functions are looked for in, beside functions."""

_PASSED: Final = frozenset({*ATOMS, type, ModuleType})

_LARGE: Final = 1000
"""A container with more elements is not looked through."""


def functions_told_of(block: Block, generation: Generation) -> list[FunctionType]:
    """Return the functions of a generation, in the order of their lines, that its tables do not explain."""
    # Generations with the same text of a module have the same code objects.
    sharing = {id(one): one for one in (generation, *tuple(block.generations.values()))}.values()
    known = _known(value for one in sharing for value in _tables(one))
    explained = Counter(known.values())
    for one in sharing:
        explained.update(map(id, one.drain.codes))
    explained.update(map(id, codes_running()))  # a call under way is no function
    codes = _with_more_references(generation, explained)
    if not codes:
        return []
    found = [
        function
        for function in objects_of(frozenset({FunctionType}))
        if id(function.__code__) in codes
        and id(function) not in known
        and block.by_globals.get(id(function.__globals__)) is generation
        and block.entry_of(function) is None
    ]
    return sorted(found, key=lambda function: function.__code__.co_firstlineno)


def _with_more_references(generation: Generation, explained: Mapping[int, int]) -> set[int]:
    """Return the ids of a generation's code objects that have more references than are `explained`."""
    linked = [one.code for one in list(generation.build.linked.values())]
    codes = {id(one): one for code in linked for one in walk_codes(code) if one.co_flags & CO_OPTIMIZED}
    counts = zip(codes, map(sys.getrefcount, codes.values()), strict=True)
    return {at for at, count in counts if count > explained[at] + WITHOUT_FUNCTIONS}


def _known(values: Iterable[Any]) -> dict[int, int]:
    """Return the ids of the functions that values lead to by a short way, with those of their code objects.

    So with the signatures that forwarders show, which have the code of a function as well.
    """
    found: dict[int, int] = {}
    seen: set[int] = set()
    todo = list(values)
    while todo:
        value = todo.pop()
        kind = type(value)
        if kind in _PASSED or id(value) in seen:
            continue
        seen.add(id(value))
        if kind is FunctionType:
            found[id(value)] = id(value.__code__)
            if value.__closure__:
                todo += map(cell_content, value.__closure__)
            if value.__defaults__:
                todo += value.__defaults__
            if value.__kwdefaults__:
                todo += value.__kwdefaults__.values()
            if value.__dict__:
                todo += value.__dict__.values()
        elif kind in _ENTERED:
            if kind not in _CONTAINERS or len(value) <= _LARGE:
                todo += gc.get_referents(value)
        elif is_shown_late(value):
            found[id(value)] = id(value.blockfreeze_parts[0])
    return found


def _tables(generation: Generation) -> Iterator[Any]:
    classes = generation.classes
    yield from list(generation.locals.values())
    yield generation.build.overloads
    yield from [entry.function for entry in generation.block.slots]
    for member in list(generation.members.values()):
        yield from list(member.namespace.values())
        yield from member.raws.values()
        yield from map(cell_content, member.cells.values())
    for table in [*list(classes.values.values()), *list(classes.copies.values())]:
        yield from list(table.values())
    for cls in [*list(classes.values), *classes.legacy]:
        yield cls.__dict__.get(LEGACY_METHODS)
