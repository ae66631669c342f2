"""Reference counts of code objects: what tells a generation at rest from one of which something may still run.

A suspended generator, and a function that was made by a call, each hold their code object. So a generation of whose
code objects none has more references than when nothing was running has neither, and no heap need be searched. More
references prove nothing: a frame that has ended and is still held has one as well. Then the heap is searched.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from inspect import CO_COROUTINE, CO_NESTED
from types import AsyncGeneratorType, CodeType, CoroutineType, FunctionType, GeneratorType
from typing import Any, Final

from blockfreeze.core.safe_access import is_a
from blockfreeze.linking.analysis import may_be_suspended, walk_codes
from blockfreeze.model.block import Generation

_USERS: Final = frozenset({AsyncGeneratorType, CoroutineType, FunctionType, GeneratorType})

_COLLECTIONS: Final = frozenset({dict, frozenset, list, set, tuple})


def watch_codes(generation: Generation, body: CodeType) -> None:
    """Add the code objects inside `body`, that of a member which has run, to those that are watched.

    They are counted while one list has them, and nothing else that was not there before. Another list beside it would
    be counted as a function, and hide the first call that is suspended. So they are counted before any search can meet
    them, and the list is gone when the record has them.
    """
    codes = [code for code in walk_codes(body) if code is not body and may_be_suspended(code)]
    if generation.phase.is_complete:
        _note_idle(generation, codes)
    generation.drain.codes += codes


def count_idle(generation: Generation) -> None:
    """Note the reference counts of a generation that is complete and in which nothing runs.

    Those that are known stay as they are: calls of a candidate may be suspended when members are added to it.
    """
    _note_idle(generation, generation.drain.codes)


def _note_idle(generation: Generation, codes: list[CodeType]) -> None:
    counts = _counts(codes)
    for code in codes:
        # A coroutine that the body has handed to an event loop is a call, whatever else the module refers to.
        if code.co_flags & CO_COROUTINE and not code.co_flags & CO_NESTED and counts[id(code)] > WITHOUT_FUNCTIONS + 1:
            known = WITHOUT_FUNCTIONS + 1 + _collections_with(generation, code)
            counts[id(code)] = min(counts[id(code)], known)
    for key, count in counts.items():
        generation.drain.idle_counts.setdefault(key, count)


def _collections_with(generation: Generation, code: CodeType) -> int:
    """Return how many collections at the top levels of a generation's modules have a code object as an element."""
    found = (value for member in generation.members.values() for value in list(member.namespace.values()))
    collections = {id(value): value for value in found if type(value) in _COLLECTIONS}.values()
    return sum(any(one is code for one in gc.get_referents(value)) for value in collections)


def count_again(generation: Generation, codes: set[int]) -> None:
    """Note the reference counts of a generation that has drained, for closures that others go on holding.

    Args:
        codes: the ids of their code objects.
    """
    counts = _counts(generation.drain.codes)
    generation.drain.idle_counts.update((key, counts[key]) for key in codes & counts.keys())


def assume_idle(generation: Generation) -> None:
    """Assume one function of each outermost code object, and no closure: for a world that ran before it was known."""
    generation.drain.idle_counts = dict.fromkeys(map(id, generation.drain.codes), WITHOUT_FUNCTIONS)


def codes_in_use(generation: Generation) -> list[CodeType]:
    """Return the code objects that have more references than when the generation was idle.

    Fewer are what it has from then on: where a function is gone, one reference more tells of a call.
    """
    idle = generation.drain.idle_counts
    found = []
    # A module that joins in another thread adds its code objects first: nothing is known of those yet.
    counts = _counts(generation.drain.codes)
    for code in generation.drain.codes:
        now = counts.get(id(code), 0)
        if now > idle.get(id(code), 0):
            found.append(code)
        else:
            idle[id(code)] = now
    return found


def referrers_of(generations: Iterable[Generation]) -> list[Any]:
    """Return what refers to the code objects in use, as far as the collector sees it, by one search of the heap.

    Of a few code objects the collector knows few referrers. A list of everything would be a danger: tuples that other
    threads are building would be in it, and may then not be resized any more.
    """
    codes = [code for generation in generations for code in codes_in_use(generation)]
    return gc.get_referrers(*codes) if codes else []


def users_among(objects: Iterable[Any]) -> list[Any]:
    """Return the functions, generators and coroutines among objects."""
    return [one for one in objects if type(one) in _USERS]


def _counts(codes: Iterable[CodeType]) -> dict[int, int]:
    """Return the reference counts by the ids, counted where no variable refers to any of `codes`."""
    return dict(zip(map(id, codes), map(sys.getrefcount, codes), strict=False))


def _count_without_functions() -> int:
    module = compile("def function(): pass", "<blockfreeze>", "exec")
    return next(iter(_counts([one for one in module.co_consts if is_a(one, CodeType)]).values()))


WITHOUT_FUNCTIONS: Final = _count_without_functions()
"""The count of a code object that another one contains and a list holds, and that no function was made of."""
