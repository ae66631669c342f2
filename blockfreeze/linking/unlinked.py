"""Functions that are not linked because they inspect their local variables: how they get at their callers' frames.

In a linked function that calls the hook `CALLER`, which leaves our own frames out, by a free variable. It would appear
among the local variables, so here the hook is a constant. It belongs to no generation, so no cycle runs through it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any

from bytecode.instr import Instr, InstrLocation

from blockfreeze.linking import cpython, sequences
from blockfreeze.linking.analysis import CALLER_NAMES, GLOBAL_CALLER_NAMES, inspects_locals


def gets_at_frames(opname: str, name: str, *, called: bool) -> bool:
    """Tell whether an instruction, which uses `name`, gets at the frames of callers."""
    if opname == "LOAD_GLOBAL":
        return called and name in GLOBAL_CALLER_NAMES
    return opname in ("LOAD_ATTR", "LOAD_METHOD") and name in CALLER_NAMES


def with_callers_shown(item: Instr, load: Callable[[InstrLocation | None], Instr]) -> list[Instr]:
    """Return what replaces `item` if it gets at the frames of callers; `item` itself if it does not.

    Args:
        load: returns the instruction that pushes the hook.
    """
    if item.name not in ("LOAD_GLOBAL", "LOAD_ATTR", "LOAD_METHOD"):
        return [item]
    at, (name, called) = item.location, cpython.name_and_call(item)
    if not gets_at_frames(item.name, name, called=called):
        return [item]
    null = sequences.null_for(at) if called else []
    if item.name == "LOAD_GLOBAL":
        alone = Instr("LOAD_GLOBAL", (False, name), location=at)
        return [alone, *sequences.call_with_value(load(at), ("",), at), *null]
    return [*sequences.call_with_value(load(at), (name,), at), *null]


def show_callers(code: CodeType, hook: Callable[[Any, str], Any], *, inside: bool = False) -> CodeType:
    """Return `code` in which every function that is not linked has `hook` called where it gets at frames.

    Args:
        inside: `code` is inside such a function, and so not linked either.
    """
    inside = inside or inspects_locals(code)
    nested = tuple(
        show_callers(one, hook, inside=inside) if isinstance(one, CodeType) else one for one in code.co_consts
    )
    if any(new is not old for new, old in zip(nested, code.co_consts, strict=True)):
        code = code.replace(co_consts=nested)
    if not inside or CALLER_NAMES.isdisjoint(code.co_names):
        return code
    source, exchanged = cpython.read(code)

    def load(at: InstrLocation | None) -> Instr:
        return Instr("LOAD_CONST", hook, location=at)

    source[:] = [
        new for item in source for new in (with_callers_shown(item, load) if isinstance(item, Instr) else [item])
    ]
    return cpython.write(source, exchanged, code.co_stacksize + 4)
