"""Writing edits with the `bytecode` library, which takes the whole code object apart and puts it together again.

It knows the formats of its versions by itself. So it serves where `by_bytes` does not know them, and the tests compare
the two. It costs 5 to 20 times what compiling the same code costs.
"""

from __future__ import annotations

import dis
from types import CodeType
from typing import Any

import bytecode
from bytecode import Bytecode
from bytecode.instr import FreeVar, Instr, InstrLocation

from blockfreeze.linking import cpython
from blockfreeze.linking.edits import Edits
from blockfreeze.linking.instructions import Instructions
from blockfreeze.linking.sequences import Kind, Step

VERSION = f"bytecode {bytecode.__version__}"
"""The library and its version."""

_NOWHERE = InstrLocation(None, None, None, None)
_PLAIN_ARGUMENTS = ("MATCH_CLASS", "DICT_MERGE", "UNPACK_EX", "SET_UPDATE", "LIST_EXTEND")


def write(code: CodeType, edits: Edits) -> CodeType:
    """Return `code` with `edits` made in it."""
    source, exchanged = _read(code)
    places = iter(Instructions(code).every())
    result: list[Any] = []
    for item in source:
        if not isinstance(item, Instr):
            result.append(item)
            continue
        steps = edits.replaced.get(next(places))
        if isinstance(item.arg, CodeType):
            item.arg = edits.inner.get(id(item.arg), item.arg)
        if steps is not None:
            result += (_instruction(step, item) for step in steps)
        elif not (edits.gained and item.name == "COPY_FREE_VARS"):
            result.append(item)
    if edits.gained:
        source.freevars = [*source.freevars, *edits.gained]
        result.insert(0, Instr("COPY_FREE_VARS", len(source.freevars), location=_NOWHERE))
    source[:] = result
    written = source.to_code(stacksize=edits.stacksize_of(code), compute_exception_stack_depths=False)
    return _exchange(written, exchanged)


def _instruction(step: Step, replaced: Instr) -> Instr:
    at, operand = replaced.location, step.operand
    match step.kind:
        case Kind.ITSELF:
            return replaced
        case Kind.VARIABLE:
            return Instr(step.opname, FreeVar(str(operand)), location=at)
        case Kind.GLOBAL:
            return Instr(step.opname, (False, str(operand)), location=at)
    takes_argument = dis.opmap[step.opname] >= dis.HAVE_ARGUMENT
    return Instr(step.opname, operand, location=at) if takes_argument else Instr(step.opname, location=at)


def _read(code: CodeType) -> tuple[Bytecode, dict[int, int]]:
    """Return the instructions of `code`, and the opcodes to exchange afterwards, which had to be exchanged to read it.

    `bytecode` 0.19.1 refuses two arguments that it does not know: of BUILD_INTERPOLATION (a t-string, 3.14) and of
    CALL_INTRINSIC_2 for the default of a type parameter (3.13). Each is read as an opcode that takes a plain number and
    that this code object does not use, and is exchanged back; nobody looks at the meaning in between.

    An inlined comprehension's variable may have the name of a free variable. `bytecode` takes the two for one; so the
    former is read under another name.
    """
    used = set(code.co_code[::2])
    names = {
        name
        for name, arg in cpython.instructions(code)
        if name == "BUILD_INTERPOLATION" or _is_default_of_parameter(name, arg)
    }
    free = (opcode for opcode in map(dis.opmap.__getitem__, _PLAIN_ARGUMENTS) if opcode not in used)
    exchanged = {dis.opmap[name]: next(free) for name in sorted(names)}
    if not set(code.co_varnames).isdisjoint(code.co_freevars):
        names_apart = (f".{name}.local" if name in code.co_freevars else name for name in code.co_varnames)
        code = code.replace(co_varnames=tuple(names_apart))
    source = Bytecode.from_code(_exchange(code, exchanged), conserve_exception_block_stackdepth=True)
    return source, {new: old for old, new in exchanged.items()}


def _is_default_of_parameter(name: str, arg: int) -> bool:
    return name == "CALL_INTRINSIC_2" and arg > 4


def _exchange(code: CodeType, opcodes: dict[int, int]) -> CodeType:
    if not opcodes:
        return code
    raw = bytearray(code.co_code)
    raw[::2] = bytes(opcodes.get(opcode, opcode) for opcode in raw[::2])  # caches are zero in co_code
    return code.replace(co_code=bytes(raw))
