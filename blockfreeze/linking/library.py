"""The `bytecode` library: a code object taken apart into instructions and labels, and put together again.

Whoever imports this imports the library, which takes a while: that is to be done only where it is needed.
"""

from __future__ import annotations

import dis
from types import CodeType

import bytecode
from bytecode import Bytecode

from blockfreeze.linking import cpython

VERSION = f"bytecode {bytecode.__version__}"
"""The library and its version."""

_PLAIN_ARGUMENTS = ("MATCH_CLASS", "DICT_MERGE", "UNPACK_EX", "SET_UPDATE", "LIST_EXTEND")


def read(code: CodeType) -> tuple[Bytecode, dict[int, int]]:
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


def put_together(source: Bytecode, exchanged: dict[int, int], stacksize: int) -> CodeType:
    """Return the code object of `source`; `exchanged` is what `read` returned with it."""
    return _exchange(source.to_code(stacksize=stacksize, compute_exception_stack_depths=False), exchanged)


def _is_default_of_parameter(name: str, arg: int) -> bool:
    return name == "CALL_INTRINSIC_2" and arg > 4


def _exchange(code: CodeType, opcodes: dict[int, int]) -> CodeType:
    if not opcodes:
        return code
    raw = bytearray(code.co_code)
    raw[::2] = bytes(opcodes.get(opcode, opcode) for opcode in raw[::2])  # caches are zero in co_code
    return code.replace(co_code=bytes(raw))
