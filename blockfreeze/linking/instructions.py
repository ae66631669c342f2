"""The instructions of a code object, found by their opcodes; what lies between is not looked at.

A *place* is the index of an instruction's own code unit of two bytes: its EXTENDED_ARGs come before it, and its caches
after it. Caches are zero in ``co_code``, and zero is the opcode CACHE; so a search for opcodes is a search for bytes,
which the `re` module makes many times faster than a loop over instructions.
"""

from __future__ import annotations

import dis
import re
from types import CodeType

from blockfreeze.linking import cpython

_CACHE = 0
_EXTENDED_ARG = dis.opmap["EXTENDED_ARG"]


def pattern_of(*opnames: str) -> re.Pattern[bytes]:
    """Return the pattern of instructions by their names; those that this version does not have are left out."""
    opcodes = bytes(sorted(dis.opmap[name] for name in opnames if dis.opmap.get(name, 256) < 256))
    return re.compile(b"[" + re.escape(opcodes) + b"]" if opcodes else b"(?!)", re.DOTALL)


class Instructions:
    """The instructions of one code object."""

    __slots__ = ("_arguments", "_opcodes", "code")

    def __init__(self, code: CodeType) -> None:
        raw = code.co_code
        self.code = code
        self._opcodes = raw[::2]
        self._arguments = raw[1::2]

    def has(self, pattern: re.Pattern[bytes]) -> bool:
        """Tell whether there is an instruction that a pattern of `pattern_of` matches."""
        return pattern.search(self._opcodes) is not None

    def where(self, pattern: re.Pattern[bytes]) -> list[int]:
        """Return the places of the instructions that a pattern of `pattern_of` matches, in their order."""
        return [found.start() for found in pattern.finditer(self._opcodes)]

    def every(self) -> list[int]:
        """Return the places of all instructions."""
        not_one = (_CACHE, _EXTENDED_ARG)
        return [place for place, opcode in enumerate(self._opcodes) if opcode not in not_one]

    def opcode(self, place: int) -> int:
        """Return the opcode of an instruction."""
        return self._opcodes[place]

    def opname(self, place: int) -> str:
        """Return the name of an instruction; the empty string before the first and after the last."""
        return dis.opname[self._opcodes[place]] if 0 <= place < len(self._opcodes) else ""

    def argument(self, place: int) -> int:
        """Return the whole argument of an instruction."""
        argument, shift, opcodes = self._arguments[place], 8, self._opcodes
        while place and opcodes[place - 1] == _EXTENDED_ARG:
            place -= 1
            argument |= self._arguments[place] << shift
            shift += 8
        return argument

    def used_name(self, place: int) -> tuple[str, bool]:
        """Return the name that an instruction uses, and whether it pushes what a call wants too."""
        return cpython.name_used(self.code, dis.opname[self._opcodes[place]], self.argument(place))

    def constant(self, place: int) -> object:
        """Return the constant that an instruction loads; None if it loads none."""
        return self.code.co_consts[self.argument(place)] if self.opname(place) == "LOAD_CONST" else None

    def begin(self, place: int) -> int:
        """Return the index of an instruction's first code unit: its first EXTENDED_ARG, if it has one."""
        while place and self._opcodes[place - 1] == _EXTENDED_ARG:
            place -= 1
        return place

    def end(self, place: int) -> int:
        """Return the index of the code unit after an instruction and its caches."""
        opcodes, place = self._opcodes, place + 1
        while place < len(opcodes) and opcodes[place] == _CACHE:
            place += 1
        return place

    def after(self, place: int) -> int:
        """Return the place of the next instruction; the number of code units after the last."""
        opcodes, place = self._opcodes, self.end(place)
        while place < len(opcodes) and opcodes[place] == _EXTENDED_ARG:
            place += 1
        return place

    def made_function(self, place: int) -> int:
        """Return where the function that MAKE_FUNCTION at `place` makes is complete.

        Before 3.13 that is there; later SET_FUNCTION_ATTRIBUTE may follow, several times.
        """
        while self.opname(after := self.after(place)) == "SET_FUNCTION_ATTRIBUTE":
            place = after
        return place

    def before(self, place: int) -> int:
        """Return the place of the instruction before; -1 before the first."""
        opcodes, place = self._opcodes, self.begin(place) - 1
        while place >= 0 and opcodes[place] == _CACHE:
            place -= 1
        return place
