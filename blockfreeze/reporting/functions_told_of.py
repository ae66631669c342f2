"""Functions that a body has made and told others of, and that are no entries: whoever holds one goes on with it.

Example: ``registry.add(make_handler("a"))`` at the top level of a module, or ``hooks.append(lambda: ...)``. Which of
the next version's functions would stand for such a one, nobody can tell: there may be several of one text.

They are found by the references of code objects. What the tables of generations explain is not looked for; where there
is more, one search of the heap finds the functions. So a block that has told nobody of any pays for counting alone.
"""

from __future__ import annotations

import builtins
import gc
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property, partial, partialmethod
from inspect import CO_OPTIMIZED
from itertools import chain, compress, repeat
from operator import attrgetter, is_, methodcaller
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any, Final

from blockfreeze.core.safe_access import CACHE_TYPE
from blockfreeze.dispatch.late_signature import is_late_kind
from blockfreeze.draining.idle import WITHOUT_FUNCTIONS, codes_in_use
from blockfreeze.draining.stacks import codes_running
from blockfreeze.linking.analysis import walk_codes
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.legacy_attributes import LEGACY_METHODS

_CONTAINERS: Final = frozenset({dict, defaultdict, OrderedDict, deque, list, set, frozenset, tuple})

_ENTERED: Final = _CONTAINERS.union(
    {
        CACHE_TYPE,
        CellType,
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

_LARGE: Final = 1000
"""A container with more elements is not looked through."""

_PARTS: Final = ("__closure__", "__defaults__")


def functions_left(generation: Generation) -> list[FunctionType]:
    """Return functions of a generation, among them all that nothing explains which it holds itself."""
    # Mostly its own tables explain all of them, and those of the others need not be gone through.
    codes = _Explained(_tables(generation)).unexplained(generation)
    if not generation.build.linked:
        codes += codes_in_use(generation)  # of a world that was imported before it was frozen
    return [one for one in gc.get_referrers(*codes) if type(one) is FunctionType] if codes else []


def functions_told_of(block: Block, generation: Generation, functions: Collection[FunctionType]) -> list[FunctionType]:
    """Return those of `functions_left`, in the order of their lines, that the tables of no generation explain."""
    if not functions:
        return []
    kept = {id(one): one for one in (generation, *tuple(block.generations.values()))}.values()
    known = _Explained(chain.from_iterable(map(_tables, kept)))
    still = set(map(id, known.unexplained(generation)))
    found = [
        function
        for function in functions
        if id(function.__code__) in still
        and id(function) not in known.seen
        and block.by_globals.get(id(function.__globals__)) is generation
        and block.entry_of(function) is None
    ]
    return sorted(found, key=lambda function: function.__code__.co_firstlineno)


class _Explained:
    """What values lead to by a short way: the functions, and how many references there are to each code object.

    So with the signatures that forwarders show, which have the code of a function as well, and with sets of code
    objects.

    Attributes:
        seen: the ids of all functions that were met, among others.
    """

    def __init__(self, values: Iterable[Any]) -> None:
        self.seen: set[int] = {id(vars(builtins))}
        self._references: Counter[int] = Counter()
        level = list(values)
        # What is met is sorted by functions of C: there are thousands of values.
        while level:
            kinds = list(map(type, level))
            different = set(kinds)
            functions = list(compress(level, map(is_, kinds, repeat(FunctionType))))
            if CodeType in different:
                self._references.update(map(id, compress(level, map(is_, kinds, repeat(CodeType)))))
            late = set(filter(is_late_kind, different))
            shown = self._fresh(compress(level, map(late.__contains__, kinds)) if late else ())
            self._references.update(id(one.blockfreeze_parts[0]) for one in shown)
            level = gc.get_referents(*self._fresh(compress(level, map(_ENTERED.__contains__, kinds))))
            level += self._met(self._fresh(functions))

    def _fresh(self, values: Iterable[Any]) -> list[Any]:
        """Return those of the values that were not met, but for large containers."""
        found = list(values)
        fresh = dict(zip(map(id, found), found, strict=True))
        for at in self.seen.intersection(fresh):
            del fresh[at]
        self.seen.update(fresh)
        large = map(_CONTAINERS.__contains__, map(type, fresh.values()))
        for container in list(compress(fresh.values(), large)):
            if len(container) > _LARGE:
                del fresh[id(container)]
        return list(fresh.values())

    def _met(self, functions: list[Any]) -> list[Any]:
        """Return what functions lead to."""
        self._references.update(map(id, map(attrgetter("__code__"), functions)))
        parts = (chain.from_iterable(filter(None, map(attrgetter(name), functions))) for name in _PARTS)
        named = filter(None, map(attrgetter("__kwdefaults__"), functions))
        attributes = list(filter(None, map(attrgetter("__dict__"), functions)))
        # What a forwarder shows is all that most have.
        shown = filter(None, map(methodcaller("get", "__signature__"), attributes))
        others = [one for one in attributes if len(one) > 1 or "__signature__" not in one]
        return [*chain.from_iterable(parts), *named, *shown, *others]

    def unexplained(self, generation: Generation) -> list[CodeType]:
        """Return the code objects of a generation's functions to which more refer than were met."""
        # A call under way is no function.
        known = self._references.copy()
        known.update(map(id, chain(generation.drain.codes, codes_running())))
        linked = [one.code for one in list(generation.build.linked.values())]
        codes = {id(one): one for code in linked for one in walk_codes(code) if one.co_flags & CO_OPTIMIZED}
        counts = zip(codes, map(sys.getrefcount, codes.values()), strict=True)
        return [codes[at] for at, count in counts if count > known[at] + WITHOUT_FUNCTIONS]


def _tables(generation: Generation) -> Iterator[Any]:
    classes = generation.classes
    yield from list(generation.locals.values())
    yield generation.build.overloads
    yield from [entry.function for entry in generation.block.slots]
    for member in list(generation.members.values()):
        yield from list(member.namespace.values())
        yield from member.raws.values()
        yield from member.cells.values()
    for table in [*list(classes.values.values()), *list(classes.copies.values())]:
        yield from list(table.values())
    for cls in [*list(classes.values), *classes.legacy]:
        yield cls.__dict__.get(LEGACY_METHODS)
