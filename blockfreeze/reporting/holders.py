"""Who holds given objects: the modules of the program by their names, and one search of the heap.

A search holds up every thread for as long as it takes, so it is made once for all the objects of a question. It does
not find what ends by itself (frames and suspended calls), what is of blockfreeze's own kinds, and the containers that
whoever asks has named. So who asks holds the objects in the one table that is handed in, and in nothing else.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Collection, Iterator, Mapping
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from blockfreeze.building.facade import is_facade
from blockfreeze.core.safe_access import is_a, is_our_own, module_of
from blockfreeze.model.block import Block

_SUSPENDED = ("async_generator", "coroutine", "generator")  # by name: compiled code has kinds of its own


_OF_ITSELF = ("__builtins__", "__dict__")


class Holder(NamedTuple):
    """An object that refers to some of those that were looked for."""

    container: Any
    modules: list[str]
    """The names of the modules whose namespace it is."""
    held: list[int]
    """The ids of what it refers to."""
    name: str = ""
    """The module and the name of it, if a module has it."""

    @property
    def kind(self) -> str:
        """Its type, as reports name a container of which no more is known."""
        return f"a {type(self.container).__name__}"

    @property
    def place(self) -> str:
        """How reports name it: by its module, by its own name and type, or by its type alone."""
        if self.modules:
            return self.modules[-1]
        return f"{self.name} ({type(self.container).__name__})" if self.name else self.kind


def program_modules() -> Iterator[tuple[str, ModuleType]]:
    """Yield the modules that are imported, but for blockfreeze's own: those are not the program's."""
    imported: list[tuple[str, Any]] = list(sys.modules.items())  # anything may be put into sys.modules
    for name, module in imported:
        if is_a(module, ModuleType) and not is_our_own(name):
            yield name, module


def namespace_of(module: ModuleType) -> dict[str, Any]:
    """Return the namespace of a module, without loading one that `importlib.util.LazyLoader` has put off."""
    if is_facade(module):
        return vars(module)  # that of the generation which serves the caller
    namespace: dict[str, Any] = ModuleType.__getattribute__(module, "__dict__")
    return namespace


def own_tables(block: Block) -> set[int]:
    """Return the ids of the tables by which a block and its generations hold what versions have made."""
    tables: list[Any] = [vars(block)]
    for one in tuple(block.generations.values()):
        tables += [vars(one), one.classes.named, one.build.caches, one.contents.places]
        tables += [variable.home for variable in one.variables.values()]
        tables += [cell for member in one.members.values() for cell in member.cells.values()]
    return set(block.by_globals).union(map(id, tables))


def find_holders(wanted: Mapping[int, Any], inside: Collection[int]) -> list[Holder]:
    """Return what refers to objects, without what they are instances of.

    Args:
        wanted: the objects, by their ids.
        inside: the ids of containers that are not to be found.
    """
    if not wanted:
        return []
    names: dict[int, list[str]] = {}
    for name, module in program_modules():
        names.setdefault(id(namespace_of(module)), []).append(name)
    asked = tuple(wanted.values())  # as it is handed on; 3.13's collector finds it as a holder
    found: list[Holder] = []
    for container in gc.get_referrers(*asked):
        if id(container) in inside or container is asked or container is wanted or _is_passing(type(container)):
            continue
        held = [id(one) for one in gc.get_referents(container) if id(one) in wanted and one is not type(container)]
        found.append(Holder(container, names.get(id(container), []), held))
    named = _named({id(one.container) for one in found})
    return [one._replace(name=named.get(id(one.container), "")) for one in found]


def _named(wanted: Collection[int]) -> dict[int, str]:
    """Return the modules and names of objects, by their ids; of those that are attributes of modules."""
    named: dict[int, str] = {}
    for name, module in program_modules() if wanted else ():
        for attribute, value in list(namespace_of(module).items()):
            if id(value) in wanted and attribute not in _OF_ITSELF:
                named.setdefault(id(value), f"{name}.{attribute}")
    return named


def _is_passing(kind: type) -> bool:
    """Tell whether an object of a type is a call under way, or blockfreeze's own."""
    return kind is FrameType or kind.__name__ in _SUSPENDED or is_our_own(module_of(kind))
