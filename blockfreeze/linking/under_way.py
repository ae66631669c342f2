"""What a frame is doing at this moment: whether it asks for an attribute by its name, or does something else.

A descriptor's ``__get__`` is called in the same way for ``obj.__len__`` and for ``len(obj)``. What tells the two apart
is the instruction that its caller has come to.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Final

from blockfreeze.linking import cpython

_CACHE: Final = dis.opmap.get("CACHE", 0)
_EXTENDED_ARG: Final = dis.opmap["EXTENDED_ARG"]
_IN_A_CALL: Final = ("PRECALL", "KW_NAMES", "PUSH_NULL")
_PUSHES_NOTHING: Final = ("POP_", "STORE_", "JUMP_", "NOP")
_READERS: Final = frozenset({"getattr", "hasattr", "getattribute"})


def asks_by_name(frame: FrameType | None, name: str) -> bool:
    """Tell whether `frame` is asking for the attribute `name`: ``obj.name``, `getattr`, `hasattr`, and the like.

    A call is known by the name of what is called. So a function that has got `getattr` under another name is not known,
    nor C code that asks for an attribute on its own account, be it that no frame has called it.
    """
    if frame is None:
        return False
    code = frame.f_code
    before = _backwards(code, frame.f_lasti)
    opname, arg = next(before, ("", 0))
    if opname.startswith(("CALL", "PRECALL")):
        called = _called(code, before, opname, arg)
        if called is None:
            return name in code.co_consts and not _READERS.isdisjoint(one.strip("_") for one in code.co_names)
        return called.strip("_") in _READERS
    return opname.startswith("LOAD_") and _name_loaded(code, opname, arg) == name


def _backwards(code: CodeType, at: int) -> Iterator[tuple[str, int]]:
    """Yield the instruction at an offset and those before it, each with its whole argument."""
    raw = code.co_code
    while at >= 0:
        opcode, arg = raw[at], raw[at + 1]
        at -= 2
        if opcode in (_CACHE, _EXTENDED_ARG):
            continue
        shift = 8
        while at >= 0 and raw[at] == _EXTENDED_ARG:
            arg |= raw[at + 1] << shift
            at, shift = at - 2, shift + 8
        yield dis.opname[opcode], arg


def _called(code: CodeType, before: Iterator[tuple[str, int]], call: str, count: int) -> str | None:
    """Return the name of what a call calls, or an empty string if it has none; None if it cannot be told.

    Args:
        before: the instructions before the call, backwards.
        count: the argument of the call.
    """
    if call not in ("CALL", "CALL_KW", "PRECALL"):
        return None
    above = count + (call == "CALL_KW")  # what lies on the stack above the callable
    is_first = True
    for opname, arg in before:
        if opname == "PUSH_NULL" or (is_first and opname in _IN_A_CALL):
            continue
        is_first = False
        if opname.startswith("RETURN_"):
            break
        if above == 0 and not opname.startswith(_PUSHES_NOTHING):
            return _name_loaded(code, opname, arg)
        if opname == "JUMP_FORWARD":
            above += 1  # to the end of a conditional expression, whose other half has been counted
        opcode = dis.opmap[opname]
        above -= dis.stack_effect(opcode, arg if opcode >= dis.HAVE_ARGUMENT else None)
        if above < 0:
            break
    return None


def _name_loaded(code: CodeType, opname: str, arg: int) -> str:
    """Return the name that an instruction loads; an empty string if it loads something else."""
    if opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_ATTR", "LOAD_METHOD"):
        return cpython.name_used(code, opname, arg)[0]
    if opname == "LOAD_SUPER_ATTR":
        return code.co_names[arg >> 2]
    return cpython.variable_at(code, arg) if opname.startswith(("LOAD_FAST", "LOAD_DEREF")) else ""
