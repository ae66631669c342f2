"""A table, described once as columns and rows, and drawn two ways: by rich in a terminal, or as Markdown.

A cell is text, or a `Verdict`, which a terminal shows in green or red. No text is markup: what looks like it is shown
as it is. `rich` is imported by what draws, so the programs' modules can be imported without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Cell", "Column", "Table", "Verdict"]

_PLAIN_WIDTH = 200
"""Wide enough for every table, where no terminal says how wide it is."""


@dataclass(frozen=True)
class Verdict:
    """A text that says whether something is good."""

    text: str
    is_good: bool

    def __str__(self) -> str:
        return self.text


Cell = str | Verdict


@dataclass(frozen=True)
class Column:
    """The head of a column; numbers stand on the right, and what is `whole` is never broken into lines."""

    head: str
    is_number: bool = False
    is_whole: bool = False


@dataclass(frozen=True)
class Table:
    """Columns (a head alone is one of text), rows with a cell for each, and what the whole is about."""

    columns: Sequence[str | Column]
    rows: Sequence[Sequence[Cell]]
    title: str = ""

    def markdown(self, *, aligned: bool = False) -> str:
        """Return the table in Markdown, without its title; `aligned`, its columns also look like ones as text."""
        heads = [one if isinstance(one, str) else one.head for one in self.columns]
        lines = [heads, *([str(cell) for cell in row] for row in self.rows)]
        if not aligned:
            rule = "|---" * len(heads) + "|"
            first, *rest = ("| " + " | ".join(line) + " |" for line in lines)
            return "\n".join((first, rule, *rest))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        rule = "|-" + "-|-".join("-" * width for width in widths) + "-|"
        padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
        first, *rest = ("| " + " | ".join(line) + " |" for line in padded)
        return "\n".join((first, rule, *rest))

    def show(self) -> None:
        """Print the table to standard output, below its title."""
        from rich import box
        from rich.console import Console
        from rich.table import Table as Drawn
        from rich.text import Text

        drawn = Drawn(box=box.SIMPLE_HEAD)
        for one in self.columns:
            column = Column(one) if isinstance(one, str) else one
            drawn.add_column(
                Text(column.head), justify="right" if column.is_number else "left", no_wrap=column.is_whole
            )
        styles = {True: "green", False: "red"}
        for row in self.rows:
            drawn.add_row(*(Text(str(one), styles[one.is_good] if isinstance(one, Verdict) else "") for one in row))
        console = Console()
        console = console if console.is_terminal else Console(width=_PLAIN_WIDTH)
        if self.title:
            console.print(Text(self.title))
        console.print(drawn)
