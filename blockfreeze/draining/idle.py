"""Reference counts of code objects: what tells a generation at rest from one of which something may still run.

A suspended generator, and a function that was made by a call, each hold their code object. So a generation of whose
code objects none has more references than when nothing was running has neither, and no heap need be searched. More
references prove nothing: a frame that has ended and is still held has one as well. Then the heap is searched.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from itertools import chain, repeat
from types import AsyncGeneratorType, CodeType, CoroutineType, FunctionType, GeneratorType
from typing import Any, Final

from blockfreeze.core.safe_access import is_a
from blockfreeze.model.block import Generation

_USERS: Final = frozenset({AsyncGeneratorType, CoroutineType, FunctionType, GeneratorType})


def count_idle(generation: Generation) -> None:
    """Note the reference counts of a generation that is complete and in which nothing runs."""
    generation.drain.idle_counts = _counts(generation.drain.codes)


def count_joined(generation: Generation, codes: list[CodeType]) -> None:
    """Add the code objects of a member that has joined `generation`, at rest, to those that are watched."""
    generation.drain.codes += codes
    if generation.phase.is_complete:
        generation.drain.idle_counts += _counts(codes)


def assume_idle(generation: Generation) -> None:
    """Assume one function of each outermost code object, and no closure: for a world that ran before it was known."""
    generation.drain.idle_counts = [WITHOUT_FUNCTIONS for _ in generation.drain.codes]


def codes_in_use(generation: Generation) -> list[CodeType]:
    """Return the code objects that have more references than when the generation was idle."""
    counts = _counts(generation.drain.codes)
    # A module that joins in another thread adds its code objects first: nothing is known of those yet.
    idle = chain(generation.drain.idle_counts, repeat(0))
    return [code for code, now, then in zip(generation.drain.codes, counts, idle, strict=False) if now > then]


def users_of(generations: Iterable[Generation]) -> list[Any]:
    """Return the functions, generators and coroutines that have the code objects in use, by one search of the heap.

    Of a few code objects the collector knows few referrers. A list of everything would be a danger: tuples that other
    threads are building would be in it, and may then not be resized any more.
    """
    codes = [code for generation in generations for code in codes_in_use(generation)]
    return [one for one in gc.get_referrers(*codes) if type(one) in _USERS] if codes else []


def _counts(codes: list[CodeType]) -> list[int]:
    return [sys.getrefcount(code) for code in codes]


def _count_without_functions() -> int:
    module = compile("def function(): pass", "<blockfreeze>", "exec")
    return _counts([one for one in module.co_consts if is_a(one, CodeType)])[0]


WITHOUT_FUNCTIONS = _count_without_functions()
"""The count of a code object that another one contains and a list holds, and that no function was made of."""
