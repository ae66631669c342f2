"""References to code objects that nothing explains: calls that `gc.freeze` has hidden, or so it seems.

A suspended generator has a reference to its code object. Once it is frozen, no search of the heap finds it, while the
count tells of it. So where something is frozen, those who refer to a code object in use are counted, and looked for
in ways that cost more and more until none is missing. Where one stays missing, a call is said to be under way.

What is not frozen and can be suspended, the collector knows: then nothing is looked for.

Threads: those who refer are held on to before references are counted. What ends or begins meanwhile can so only be
missing, and is never taken for an explanation of something else.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from operator import call
from types import AsyncGeneratorType, CodeType, CoroutineType, FunctionType, GeneratorType, MappingProxyType, ModuleType
from typing import Any, Final, NamedTuple

from blockfreeze.core.report import Lingering
from blockfreeze.draining.idle import codes_in_use
from blockfreeze.draining.moment import objects_of
from blockfreeze.draining.reachable import Walk
from blockfreeze.draining.stacks import codes_running
from blockfreeze.linking.analysis import walk_codes
from blockfreeze.model.block import Generation

_ENDED: Final[Mapping[type, tuple[str, str]]] = MappingProxyType(
    {
        AsyncGeneratorType: ("ag_frame", "ag_code"),
        CoroutineType: ("cr_frame", "cr_code"),
        GeneratorType: ("gi_frame", "gi_code"),
    }
)
"""From 3.12 on these keep their code when they have ended, and do not tell the collector."""

_SUSPENDABLE: Final = CO_ASYNC_GENERATOR | CO_COROUTINE | CO_GENERATOR

_IMMORTAL: Final = 2**29
"""Code with so many references counts nothing."""


class Unexplained(NamedTuple):
    """A code object of a generation, and how many references it had, some of which nothing explains."""

    number: int
    code: weakref.ref[CodeType]
    references: int

    def is_as_before(self) -> bool:
        """Tell whether it has no fewer references now: then the call that is hidden has not ended yet."""
        return self.code() is not None and _counts_of([self.code])[0] >= self.references

    def described(self) -> Lingering | None:
        """Return what is said of it; None if it is gone."""
        code = self.code()
        if code is None:
            return None
        return Lingering(self.number, "reference", "unknown", code.co_filename, code.co_firstlineno, code.co_qualname)


def unexplained(generations: Collection[Generation], referrers: Iterable[Any]) -> list[Unexplained]:
    """Return the code objects in use of `generations` that have more references than can be explained.

    Args:
        referrers: who refers to them, as far as the collector knows.
    """
    # What holds the code of a world that was imported before it was frozen is not known: its counts are assumed.
    asked = [one for one in generations if one.build.linked]
    references = _References(asked)
    references.explain(referrers)
    for one in asked:
        references.explain(_tables(one))
    if references.missing():
        references.explain_ended(objects_of(frozenset(_ENDED)))
    if references.missing():
        references.explain_hidden(asked)
    missing = references.missing()
    del references  # it refers to the code objects as well
    found = [(one.number, weakref.ref(code)) for one in asked for code in one.drain.codes if id(code) in missing]
    counts = _counts_of([code for _, code in found])
    return [Unexplained(*one, count) for one, count in zip(found, counts, strict=True)]


def _counts_of(codes: Iterable[Callable[[], CodeType | None]]) -> list[int]:
    """Return how many references there are to each of `codes`, all counted alike."""
    return list(map(sys.getrefcount, map(call, codes)))


def _tables(generation: Generation) -> Iterator[Any]:
    """Yield where code objects are while nothing runs: constants, which the collector does not see for long, and lists.

    Generations with the same text have the same code objects.
    """
    block = generation.block
    yield from (one.drain.codes for one in [generation, *tuple(block.generations.values())])
    for linked in list(generation.build.linked.values()):
        yield from (code.co_consts for code in walk_codes(linked.code))


class _References:
    """The code objects in use, and those who refer to them as far as they were found, with counts of references."""

    def __init__(self, generations: Iterable[Generation]) -> None:
        generations = tuple(generations)
        self._mains = generations[0].block.search.mains if generations else None
        self._codes = {id(code): code for one in generations for code in codes_in_use(one)}
        self._explained: Counter[int] = Counter()
        self._holders: dict[int, Any] = {}

    def explain(self, holders: Iterable[Any]) -> None:
        """Count what `holders` refer to, and keep them alive."""
        for one in holders:
            if id(one) not in self._holders:
                self._holders[id(one)] = one
                self._explained.update(filter(self._codes.__contains__, map(id, gc.get_referents(one))))

    def explain_ended(self, suspendable: Iterable[Any]) -> None:
        """Count those generators and coroutines that have ended, and still have their code."""
        for one in suspendable:
            frame, code = _ENDED[type(one)]
            key = id(getattr(one, code))
            if key in self._codes and id(one) not in self._holders and getattr(one, frame) is None:
                self._holders[id(one)] = one
                self._explained[key] += 1

    def explain_hidden(self, generations: Collection[Generation]) -> None:
        """Walk to functions, and calls that have ended, which the collector does not see."""
        modules: list[Any] = list(sys.modules.values())  # anything may be put into sys.modules
        roots = [ModuleType.__getattribute__(one, "__dict__") for one in modules if issubclass(type(one), ModuleType)]
        roots += [member.namespace for one in generations for member in list(one.members.values())]
        running = self._running()  # to tell when to stop; whoever asks afterwards counts once more
        for level in Walk(generations, roots).levels():
            self.explain(one for one in level if type(one) is FunctionType and id(one.__code__) in self._codes)
            self.explain_ended(one for one in level if type(one) in _ENDED)
            if not self._beyond(running):
                return

    def missing(self) -> set[int]:
        """Return the ids of the code objects to which more refer than were found."""
        return self._beyond(Counter()) and self._beyond(self._running())

    def _beyond(self, running: Counter[int]) -> set[int]:
        counts = zip(self._codes, map(sys.getrefcount, self._codes.values()), strict=True)
        return {at for at, count in counts if self._explained[at] + running[at] + _COUNTING < count < _IMMORTAL}

    def _running(self) -> Counter[int]:
        """Count the calls on stacks, but those of generators and coroutines: these refer to their code themselves.

        They are of other generations, which share the code: what runs in this one was looked for before.
        """
        codes = codes_running(self._mains)
        return Counter(id(code) for code in codes if not code.co_flags & _SUSPENDABLE and id(code) in self._codes)


def _count_while_counting() -> int:
    codes = {0: compile("", "<blockfreeze>", "exec")}
    return next(iter(map(sys.getrefcount, codes.values())))


_COUNTING: Final = _count_while_counting()
"""The references to a code object that only counting it makes."""
