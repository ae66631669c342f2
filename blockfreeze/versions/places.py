"""Where statements stand in a source, by which they are found again: to be compared, or read once more.

Statements with the same text say the same. Those with another text may differ in comments and layout alone: then they
are parsed, each by itself. So of a version that hardly differs from the one before, hardly anything is parsed twice,
and no syntax tree is kept, whose many objects every walk of the collector would meet.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import accumulate

from blockfreeze.linking import cpython
from blockfreeze.versions.source_text import lines_of
from blockfreeze.versions.statements import say_alike


@dataclass(frozen=True)
class Place:
    """Where a statement stands: between two offsets in a source that is encoded as UTF-8."""

    text: bytes
    start: int
    end: int

    @property
    def own_text(self) -> bytes:
        """What stands there."""
        return self.text[self.start : self.end]

    def statement(self) -> ast.stmt:
        """Return the statement, parsed once more; it does not know its position."""
        line = self.text.rfind(b"\n", 0, self.start) + 1
        if line < self.start and self.text[line : self.start].isspace():
            # The other lines are indented as well.
            (around,) = cpython.parse("if 1:\n" + self.text[line : self.end].decode()).body
            assert isinstance(around, ast.If)
            return around.body[0]
        return cpython.parse(self.own_text.decode()).body[0]


class Places:
    """The statements of one source: each is given by where it begins and ends, several by as many numbers in a row."""

    def __init__(self, data: bytes) -> None:
        lines = [line.encode() for line in lines_of(data)]
        self._text = b"".join(lines)
        self._starts = [0, *accumulate(map(len, lines))]

    def of(self, statement: ast.stmt) -> tuple[int, int]:
        """Return where a statement of this source begins and ends, its decorators included."""
        assert statement.end_lineno is not None
        assert statement.end_col_offset is not None
        end = self._starts[statement.end_lineno - 1] + statement.end_col_offset
        decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
        if not decorators:
            return self._starts[statement.lineno - 1] + statement.col_offset, end
        first = self._starts[decorators[0].lineno - 1] + decorators[0].col_offset
        return self._text.rindex(b"@", 0, first), end

    def several(self, where: list[int]) -> list[Place]:
        """Return the places of several statements."""
        return [Place(self._text, *where[at : at + 2]) for at in range(0, len(where), 2)]


def say_the_same(some: list[Place], others: list[Place]) -> bool:
    """Tell whether statements say the same as others, in their order."""
    if len(some) != len(others):
        return False
    if all(one.own_text == other.own_text for one, other in zip(some, others, strict=True)):
        return True
    return all(say_alike(one.statement(), other.statement()) for one, other in zip(some, others, strict=True))
