"""Writing edits into the bytes of a code object: what lies between the instructions that change is copied.

Its tables are adjusted (see `tables`), and so are the jumps whose distance has changed. The indices of constants, names
and variables stay as they are, since what is new comes after what was there; so no other instruction has to be read.
A jump that no longer needs its EXTENDED_ARG keeps it.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CodeType

from blockfreeze.linking import cpython, sequences
from blockfreeze.linking.edits import Edits
from blockfreeze.linking.instructions import Instructions, pattern_of
from blockfreeze.linking.sequences import Kind, Step, Steps
from blockfreeze.linking.tables import Resized, Shift, resize_lines, shift_handlers

_JUMPS = pattern_of(*cpython.JUMPS)
_BACKWARD = frozenset(dis.opmap[name] for name in cpython.BACKWARD_JUMPS)
_PROLOGUE = pattern_of("COPY_FREE_VARS")


def write(code: CodeType, edits: Edits) -> CodeType:
    """Return `code` with `edits` made in it."""
    return _Writer(code, edits).written()


class _Writer:
    """Makes edits in one code object."""

    def __init__(self, code: CodeType, edits: Edits) -> None:
        self._code = code
        self._edits = edits
        self._read = Instructions(code)
        self._free = code.co_freevars + edits.gained
        before_free = len(code.co_varnames) + len(set(code.co_cellvars).difference(code.co_varnames))
        self._variables = {name: index for index, name in enumerate(self._free, before_free)}
        self._constants = [*edits.constants_of(code)]
        self._constant_indices: dict[tuple[type, object], int] = {}
        self._names = {name: index for index, name in enumerate(code.co_names)}
        self._changed: dict[int, tuple[int, bytes]] = {}
        """By where an instruction begins: where it ends, and what takes its place. Both are in code units."""

    def written(self) -> CodeType:
        code, edits = self._code, self._edits
        for place in sorted(edits.replaced):
            self._replace(place, edits.replaced[place])
        prologue = self._add_free_variables() if edits.gained else b""
        ahead = len(prologue) // 2
        shift = self._aim_jumps(ahead)
        handlers = code.co_exceptiontable
        return code.replace(
            co_code=prologue + self._joined(),
            co_consts=tuple(self._constants),
            co_names=tuple(self._names),
            co_freevars=self._free,
            co_stacksize=edits.stacksize_of(code),
            co_linetable=resize_lines(code.co_linetable, self._resized(), ahead),
            co_exceptiontable=shift_handlers(handlers, shift) if handlers else handlers,
        )

    def _replace(self, place: int, steps: Steps) -> None:
        begin, end = self._read.begin(place), self._read.end(place)
        itself = self._code.co_code[2 * begin : 2 * end] if sequences.ITSELF in steps else b""
        new = [itself if step.kind is Kind.ITSELF else self._encoded(step) for step in steps]
        self._changed[begin] = end, b"".join(new)

    def _encoded(self, step: Step) -> bytes:
        opname, operand, kind = step
        if isinstance(operand, int) and kind is Kind.NUMBER:
            argument = operand
        elif kind is Kind.CONSTANT:
            argument = self._constant(operand)
        elif kind is Kind.VARIABLE:
            argument = self._variables[str(operand)]
        else:
            argument = self._names.setdefault(str(operand), len(self._names))
            argument <<= kind is Kind.GLOBAL
        return cpython.encoded(opname, argument)

    def _constant(self, value: object) -> int:
        key = type(value), value
        index = self._constant_indices.get(key)
        if index is None:
            index = self._constant_indices[key] = len(self._constants)
            self._constants.append(value)
        return index

    def _add_free_variables(self) -> bytes:
        """Have the free variables filled in: by the first instruction if it does so already, else by what is returned.

        Returns:
            what is to be put in front of the first instruction.
        """
        new = cpython.encoded("COPY_FREE_VARS", len(self._free))
        if not self._code.co_freevars:
            return new
        place = self._read.where(_PROLOGUE)[0]
        self._changed[self._read.begin(place)] = self._read.end(place), new
        return b""

    def _aim_jumps(self, ahead: int) -> Shift:
        """Write those jumps anew whose distance has changed, and return where everything comes to lie.

        A jump may need more EXTENDED_ARGs than it had. Then others become longer too: so until all fit.
        """
        jumps = [*self._jumps()]
        while True:
            shift = Shift(self._resized(), ahead)
            all_fit = True
            for at, (place, end, target, distance) in enumerate(jumps):
                moved = abs(shift(end) - shift(target))
                if moved == distance:
                    continue
                jumps[at] = place, end, target, moved
                begin = self._read.begin(place)
                before = len(self._changed[begin][1]) // 2 if begin in self._changed else end - begin
                new = cpython.encoded(self._read.opname(place), moved, at_least=before)
                self._changed[begin] = end, new
                all_fit = all_fit and len(new) // 2 == before
            if all_fit:
                return shift

    def _jumps(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield the place of each jump, the code unit after it, its target, and the distance between these two."""
        read = self._read
        for place in read.where(_JUMPS):
            end, distance = read.end(place), read.argument(place)
            yield place, end, end - distance if read.opcode(place) in _BACKWARD else end + distance, distance

    def _resized(self) -> list[Resized]:
        """Return, in their order, the instructions that become longer or shorter."""
        return [
            (begin, end, len(new) // 2)
            for begin, (end, new) in sorted(self._changed.items())
            if len(new) // 2 != end - begin
        ]

    def _joined(self) -> bytes:
        raw, last = self._code.co_code, 0
        parts: list[bytes] = []
        for begin, (end, new) in sorted(self._changed.items()):
            parts += raw[2 * last : 2 * begin], new
            last = end
        return b"".join([*parts, raw[2 * last :]])
