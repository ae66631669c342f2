"""The tables of a code object, adjusted to instructions that have become longer or shorter; nothing is worked out anew.

The formats are those of CPython 3.11 to 3.15 (``Objects/locations.md`` and ``Objects/exception_handling_notes.txt``
there). Lengths and places are in code units of two bytes.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate

_ENTRIES = re.compile(rb"[\x80-\xff][\x00-\x7f]*", re.DOTALL)
_FIRST = 0x80
_LENGTH = 0x07
_KIND = 3
_MOST = 8
_ONE_LINE = 10
_NO_COLUMNS = 13
_LONG = 14
_NO_LOCATION = 15

_MORE = 0x40
_VALUE = 0x3F
_BITS = 6

Resized = tuple[int, int, int]
"""A stretch of instructions: where it begins and ends, and how long it becomes, which is one at least."""


class Shift:
    """Where the instructions of a code object come to lie when stretches of it are resized."""

    def __init__(self, resized: list[Resized], ahead: int) -> None:
        """Take the stretches in their order.

        Args:
            ahead: how much is put in front of the first instruction.
        """
        self._begins = [begin for begin, _, _ in resized]
        self._moved = [*accumulate((length - end + begin for begin, end, length in resized), initial=ahead)]

    def __call__(self, place: int) -> int:
        """Return where what was at `place` is; `place` is not inside a stretch."""
        return place + self._moved[bisect_left(self._begins, place)]


def resize_lines(table: bytes, resized: list[Resized], ahead: int) -> bytes:
    """Return a table of source positions for stretches that are resized, and for what is put in front.

    All instructions of a stretch get the position that it had. What is put in front has none.
    """
    entries: list[bytes] = _ENTRIES.findall(table)
    lengths = [(entry[0] & _LENGTH) + 1 for entry in entries]
    ends = [*accumulate(lengths)]
    touched = set()
    for begin, end, length in resized:
        at, covered = bisect_right(ends, begin), begin
        lengths[at] += length
        while covered < end:
            touched.add(at)
            lengths[at] -= min(end, ends[at]) - covered
            covered = ends[at]
            at += 1
    for at in touched:
        # An entry of no length is the end of an instruction that had several: it does not tell of a change of line.
        entries[at] = _of_length(entries[at], lengths[at]) if lengths[at] else b""
    return b"".join([_without_location(ahead), *entries])


def _of_length(entry: bytes, length: int) -> bytes:
    """Return an entry for so many code units; since one holds eight at most, it may take several."""
    head = entry[0] & ~_LENGTH
    if length <= _MOST:
        return bytes([head | length - 1]) + entry[1:]
    kind, rest = head >> _KIND & 0x0F, entry[1:]
    if _ONE_LINE <= kind < _NO_COLUMNS:
        kind = _ONE_LINE
    elif kind in (_NO_COLUMNS, _LONG):
        # The first number of these is the distance to the line of the entry before.
        rest = b"\0" + rest[next(at for at, byte in enumerate(rest, 1) if not byte & _MORE) :]
    head = _FIRST | kind << _KIND
    whole, some = divmod(length - _MOST, _MOST)
    further = [_MOST] * whole + ([some] if some else [])
    return b"".join([_of_length(entry, _MOST), *(bytes([head | size - 1]) + rest for size in further)])


def _without_location(length: int) -> bytes:
    return bytes([_FIRST | _NO_LOCATION << _KIND | length - 1]) if length else b""


def shift_handlers(table: bytes, shift: Shift) -> bytes:
    """Return an exception table for instructions that have been moved."""
    out = bytearray()
    numbers = _numbers(table)
    for begin, length, target, depth in zip(numbers, numbers, numbers, numbers, strict=True):
        moved = shift(begin)
        out += _encoded(moved, _FIRST)
        out += _encoded(shift(begin + length) - moved)
        out += _encoded(shift(target))
        out += _encoded(depth)
    return bytes(out)


def _numbers(table: bytes) -> Iterator[int]:
    value = 0
    for byte in table:
        value = value << _BITS | byte & _VALUE
        if not byte & _MORE:
            yield value
            value = 0


def _encoded(value: int, flag: int = 0) -> bytes:
    """Return a number in groups of six bits, the highest first; `flag` marks the first number of an entry."""
    groups = [value & _VALUE]
    while value := value >> _BITS:
        groups.append(value & _VALUE | _MORE)
    groups[-1] |= flag
    return bytes(reversed(groups))
