"""Whether two code objects are the same program: instructions, positions, handlers, flags, and all that is inside them.

Encodings may differ: the order of constants and names, which of them and of the local variables no instruction uses, an
EXTENDED_ARG that is not needed, an exception table with two neighbouring entries for one, and the name that the
`bytecode` library needs for an inlined comprehension's variable.
"""

from __future__ import annotations

import dis
from inspect import CO_OPTIMIZED
from itertools import pairwise
from types import CellType, CodeType, FunctionType

_FIELDS = (
    "co_argcount",
    "co_cellvars",
    "co_filename",
    "co_firstlineno",
    "co_flags",
    "co_freevars",
    "co_kwonlyargcount",
    "co_name",
    "co_posonlyargcount",
    "co_qualname",
    "co_stacksize",
)


def difference(one: CodeType, other: CodeType) -> str:
    """Return what differs first between two code objects; the empty string if they are the same program."""
    for field in _FIELDS:
        if getattr(one, field) != getattr(other, field):
            return f"{one.co_qualname}: {field}: {getattr(one, field)} is not {getattr(other, field)}"
    mine, its = _Listing(one), _Listing(other)
    for number, (left, right) in enumerate(zip(mine.meanings, its.meanings, strict=False)):
        if left != right:
            return f"{one.co_qualname}: instruction {number}: {left} is not {right}"
    for left, right in zip(mine.ends(), its.ends(), strict=True):
        if left != right:
            return f"{one.co_qualname}: {left} is not {right}"
    inside = zip(mine.codes, its.codes, strict=True)
    return next(filter(None, (difference(left, right) for left, right in inside)), "")


def doc_of(code: CodeType) -> object:
    """Return what a function made of `code` has for its docstring; None for the body of a module or class."""
    if not code.co_flags & CO_OPTIMIZED:
        return None
    return FunctionType(code, {}, closure=tuple(CellType() for _ in code.co_freevars)).__doc__


class _Listing:
    """The instructions of a code object, and the code objects that they load, in their order."""

    def __init__(self, code: CodeType) -> None:
        self._code = code
        found = [*dis.get_instructions(code)]
        real = [one for one in found if one.opname != "EXTENDED_ARG"]
        # An EXTENDED_ARG has the number of the instruction whose argument it extends, since jumps lead to it.
        self._numbers = dict(zip((one.offset for one in real), range(len(real)), strict=True))
        self._numbers[len(code.co_code)] = len(real)
        for one, following in reversed([*pairwise(found)]):
            self._numbers.setdefault(one.offset, self._numbers[following.offset])
        self.meanings = [(one.opname, self._meaning(one), one.positions) for one in real]
        self.codes = [one.argval for one in real if isinstance(one.argval, CodeType)]

    def ends(self) -> list[object]:
        """Return what else there is: the number of instructions, the handlers, the docstring."""
        return [len(self.meanings), self._handlers(), doc_of(self._code)]

    def _meaning(self, one: dis.Instruction) -> object:
        value = one.argval
        if one.opcode in dis.hasjrel:
            return self._numbers[value]
        if one.opcode in dis.hasconst:
            return ("code", value.co_qualname) if isinstance(value, CodeType) else (type(value), repr(value))
        if one.opcode in dis.haslocal or one.opcode in dis.hasfree:
            return [_without_mark(name) for name in value] if isinstance(value, tuple) else _without_mark(value)
        return (value, one.argrepr) if one.opcode in dis.hasname else one.arg

    def _handlers(self) -> list[tuple[int, ...]]:
        number, found = self._numbers, []
        for one in dis.Bytecode(self._code).exception_entries:
            entry = number[one.start], number[one.end], number[one.target], one.depth, one.lasti
            if found and found[-1][1] == entry[0] and found[-1][2:] == entry[2:]:
                found[-1] = (found[-1][0], *entry[1:])
            else:
                found.append(entry)
        return found


def _without_mark(name: object) -> object:
    return name.removeprefix(".").removesuffix(".local") if isinstance(name, str) and name.endswith(".local") else name
