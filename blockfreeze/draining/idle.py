"""Reference counts of code objects: what tells a generation at rest from one of which something may still run."""

from __future__ import annotations

import sys
from types import CodeType, FunctionType
from typing import Any

from blockfreeze.core.safe_access import cell_content, is_a
from blockfreeze.model.block import Generation


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


def _counts(codes: list[CodeType]) -> list[int]:
    return [sys.getrefcount(code) for code in codes]


def _count_without_functions() -> int:
    module = compile("def function(): pass", "<blockfreeze>", "exec")
    return _counts([one for one in module.co_consts if is_a(one, CodeType)])[0]


WITHOUT_FUNCTIONS = _count_without_functions()
"""The count of a code object that another one contains and a list holds, and that no function was made of."""


def bind_closures_to_own(held: list[tuple[Generation, FunctionType]]) -> None:
    """Let closures of a drained generation go on with its functions, which their variables hold as entries.

    What such a closure calls by name is its own generation's for ever; without this, what it calls through its
    variables and default values would be the current one's, and a call of it would mix the two.
    """
    for generation, closure in held:
        block = generation.block

        def own(value: Any, generation: Generation = generation) -> Any:
            entry = generation.block.entry_of(value)
            if entry is None or entry not in generation.locals:
                return value
            generation.drain.lent.add(id(generation.locals[entry]))
            return generation.locals[entry]

        for cell in closure.__closure__ or ():
            content = cell_content(cell)
            if block.entry_of(content) is not None:
                cell.cell_contents = own(content)
        if closure.__defaults__:
            closure.__defaults__ = tuple(map(own, closure.__defaults__))
        keywords = closure.__kwdefaults__ or {}
        keywords.update({name: own(value) for name, value in keywords.items()})
    for generation in {one for one, _ in held}:
        count_idle(generation)


def has_extra_references(generation: Generation) -> bool:
    counts = zip(_counts(generation.drain.codes), generation.drain.idle_counts, strict=True)
    return any(now > then for now, then in counts)


def suspicious_codes(suspects: list[Generation]) -> list[CodeType]:
    return [
        code
        for generation in suspects
        for code, now, then in zip(
            generation.drain.codes, _counts(generation.drain.codes), generation.drain.idle_counts, strict=True
        )
        if now > then
    ]
