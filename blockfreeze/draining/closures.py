"""Functions that calls of a generation have made and handed out: outside code can call them at any time.

Example: ``def counter(): ...; return count``. Whoever holds a `count` goes on with the generation of the `counter` that
has made it. It is found if its code object has more functions than when the generation was idle, and nothing of the
generation leads to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from inspect import CO_NESTED
from types import FunctionType
from typing import Any

from blockfreeze.core.safe_access import cell_content
from blockfreeze.draining.idle import WITHOUT_FUNCTIONS, count_again
from blockfreeze.draining.reachable import reachable_from
from blockfreeze.model.block import Block, Generation


def held_outside(
    block: Block, suspects: list[Generation], objects: Iterable[Any]
) -> Iterator[tuple[Generation, FunctionType]]:
    """Yield which of `objects` are closures of the `suspects` that outside code holds."""
    closures = [one for one in objects if type(one) is FunctionType and id(one.__globals__) in block.by_globals]
    functions = Counter(id(closure.__code__) for closure in closures)
    extra = {
        id(code)
        for generation in suspects
        for code in generation.drain.codes
        if code.co_flags & CO_NESTED
        and functions[id(code)] > generation.drain.idle_counts.get(id(code), 0) - WITHOUT_FUNCTIONS
    }
    if not extra:
        return
    inside = reachable_from(suspects)
    for closure in closures:
        found = block.by_globals.get(id(closure.__globals__))
        if id(closure.__code__) in extra and id(closure) not in inside and found is not None and found in suspects:
            yield found, closure


def bind_closures_to_own(held: list[tuple[Generation, FunctionType]]) -> None:
    """Let closures of a drained generation go on with its functions, which their variables hold as entries.

    What such a closure calls by name is its own generation's for ever; without this, what it calls through its
    variables and default values would be the current one's, and a call of it would mix the two.
    """
    for generation, closure in held:
        own = partial(_lend, generation)
        for cell in closure.__closure__ or ():
            content = cell_content(cell)
            if generation.block.entry_of(content) is not None:
                cell.cell_contents = own(content)
        if closure.__defaults__:
            closure.__defaults__ = tuple(map(own, closure.__defaults__))
        keywords = closure.__kwdefaults__ or {}
        keywords.update({name: own(value) for name, value in keywords.items()})
    for generation in {one for one, _ in held}:
        count_again(generation, {id(closure.__code__) for one, closure in held if one is generation})


def _lend(generation: Generation, value: Any) -> Any:
    """Return the function of `generation` for an entry, and note that a closure has it; any other value as it is."""
    entry = generation.block.entry_of(value)
    if entry is None or entry not in generation.locals:
        return value
    generation.drain.lent.add(id(generation.locals[entry]))
    return generation.locals[entry]
