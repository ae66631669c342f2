"""Functions that are not linked because they inspect their local variables: how they get at their callers' frames.

In a linked function that calls the hook `CALLER`, which leaves our own frames out, by a free variable. It would appear
among the local variables, so here the hook is a constant. It belongs to no generation, so no cycle runs through it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any

from blockfreeze.linking import sequences
from blockfreeze.linking.analysis import CALLER_NAMES, GLOBAL_CALLER_NAMES, assigns_code, inspects_locals, nested_codes
from blockfreeze.linking.edits import Edits, Write
from blockfreeze.linking.instructions import Instructions, pattern_of
from blockfreeze.linking.sequences import Step, Steps
from blockfreeze.linking.writing import write as write_in_this_version

_LOADS = pattern_of("LOAD_GLOBAL", "LOAD_ATTR", "LOAD_METHOD")


def gets_at_frames(opname: str, name: str, *, called: bool) -> bool:
    """Tell whether an instruction, which uses `name`, gets at the frames of callers."""
    if opname == "LOAD_GLOBAL":
        return called and name in GLOBAL_CALLER_NAMES
    return opname in ("LOAD_ATTR", "LOAD_METHOD") and name in CALLER_NAMES


def with_callers_shown(opname: str, name: str, called: bool, load: Step) -> Steps:
    """Return what replaces an instruction that gets at the frames of callers.

    Args:
        load: the instruction that pushes the hook.
    """
    null = sequences.null_for_callable() if called else ()
    if opname == "LOAD_GLOBAL":
        return sequences.global_load(name), *sequences.call_with_value(load, ""), *null
    return *sequences.call_with_value(load, name), *null


def show_callers(
    code: CodeType, hook: Callable[[Any, str], Any], *, inside: bool = False, write: Write = write_in_this_version
) -> CodeType:
    """Return `code` in which every function that is not linked has `hook` called where it gets at frames.

    Args:
        inside: `code` is inside such a function, and so not linked either.
        write: how code objects are written.
    """
    inside = inside or inspects_locals(code)
    beneath = inside or assigns_code(code)
    shown = ((one, show_callers(one, hook, inside=beneath, write=write)) for one in nested_codes(code))
    exchanged = {id(one): new for one, new in shown if new is not one}
    if exchanged:
        code = code.replace(co_consts=Edits(inner=exchanged).constants_of(code))
    if not inside or CALLER_NAMES.isdisjoint(code.co_names):
        return code
    read, replaced = Instructions(code), {}
    for place in read.where(_LOADS):
        opname, (name, called) = read.opname(place), read.used_name(place)
        if gets_at_frames(opname, name, called=called):
            replaced[place] = with_callers_shown(opname, name, called, sequences.constant_load(hook))
    return write(code, Edits(replaced)) if replaced else code
