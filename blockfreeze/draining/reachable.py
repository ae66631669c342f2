"""What a generation holds: everything that its namespaces, functions and classes lead to.

A heap may be of any size, and other threads want to run meanwhile. So the walk goes level by level, and the collector
follows the references of a whole slice of a level in one call. What is not found is said to be outside.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Collection, Iterable, Iterator
from types import FrameType, FunctionType, ModuleType
from typing import Any, Final

from blockfreeze.core.safe_access import own_attribute
from blockfreeze.model.block import Block, Generation

_LIMIT: Final = 500_000
"""Objects; what lies beyond is said to be outside."""

_SLICE: Final = 4096
"""Objects whose references are followed in one call: no other thread runs meanwhile, for less than a millisecond."""

_CLOSED, _PLAIN, _FUNCTION, _CLASS = range(4)


class _Ways(dict[type, int]):
    """How the objects of each type are entered."""

    def __init__(self, closed: tuple[type, ...]) -> None:
        self._closed = closed

    def __missing__(self, kind: type) -> int:
        if issubclass(kind, type):
            way = _CLASS
        elif issubclass(kind, FunctionType):
            way = _FUNCTION
        else:
            way = _CLOSED if issubclass(kind, self._closed) else _PLAIN
        self[kind] = way
        return way


def reachable_from(generations: Collection[Generation], roots: Iterable[Any] | None = None) -> set[int]:
    """Return the ids of what generations' own functions and classes, and `roots`, lead to and the collector knows.

    Not entered are modules, their dictionaries where they are no roots, foreign classes, frames, generations and
    blocks: these lead outside, a block by way of the thread that holds its claim.

    Args:
        roots: the namespaces of the generations if it is None.
    """
    return Walk(generations, roots).to_the_end()


class Walk:
    """A walk from what generations hold, level by level; see `reachable_from`.

    With `roots`, the namespaces and cells of the generations' members are not entered, and so not found.
    """

    def __init__(self, generations: Collection[Generation], roots: Iterable[Any] | None = None) -> None:
        namespaces = (member.namespace for generation in generations for member in generation.members.values())
        level: list[Any] = list(namespaces if roots is None else roots)
        for generation in generations:
            classes = generation.classes
            level += [*generation.locals.values(), *classes.values.values(), *classes.copies.values()]
        self._level = level
        self._names = {name for generation in generations for name in generation.members}
        modules: list[Any] = list(sys.modules.values())  # anything may be put into sys.modules
        self._outside = {id(one.__dict__) for one in modules if type(one) is ModuleType}
        if roots is not None:
            members = [one for generation in generations for one in generation.members.values()]
            self._outside.update(id(table) for one in members for table in (one.namespace, *one.cells.values()))
        self._outside.difference_update(map(id, level))
        self._seen = set(self._outside)

    def to_the_end(self) -> set[int]:
        """Go on to the end, and return the ids of all that was found."""
        for _ in self.levels():
            pass
        return self._seen - self._outside

    def levels(self) -> Iterator[list[Any]]:
        """Go on, and yield what the objects of each level refer to: an object once for each that refers to it."""
        ways = _Ways((ModuleType, FrameType, Block, Generation))
        while self._level and len(self._seen) < _LIMIT:
            level = list(filter(gc.is_tracked, self._level))
            fresh = dict(zip(map(id, level), level, strict=True))
            for known in self._seen.intersection(fresh):
                del fresh[known]
            self._seen.update(fresh)
            self._level = _next_level(fresh.values(), ways, self._names)
            del level, fresh  # who counts references is to meet one list alone
            yield self._level


def _next_level(objects: Iterable[Any], ways: _Ways, names: set[str]) -> list[Any]:
    level: list[Any] = []
    plain: list[Any] = []
    for one in objects:
        way = ways[type(one)]
        if way == _PLAIN:
            plain.append(one)
        elif way == _FUNCTION:
            level += (one.__closure__, one.__dict__, one.__defaults__)
        elif way == _CLASS and own_attribute(one, "__module__") in names:
            level += one.__dict__.values()
    for start in range(0, len(plain), _SLICE):
        found = gc.get_referents(*plain[start : start + _SLICE])
        if _CLASS in map(ways.__getitem__, set(map(type, found))):
            found = [one for one in found if ways[type(one)] != _CLASS]
        level += found
    return level
