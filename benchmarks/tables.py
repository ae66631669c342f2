"""Results as tables, by rich: for the terminal, and in Markdown for the manual, one column per interpreter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.document import Document
from benchmarks.markers import put_between
from benchmarks.rows import Row, shown

BEGIN = "<!-- benchmarks:begin -->"
END = "<!-- benchmarks:end -->"

_Key = tuple[str, str, str]


def _cell(row: Row | None) -> str:
    if row is None:
        return "not measured"
    value = shown(row.candidate_median, row.unit)
    if row.ratio is None:
        return value
    missed = ", missed" if row.verdict == "missed" else ""
    return f"{row.ratio.median:.2f} ({row.ratio.low:.2f}–{row.ratio.high:.2f}){missed}; {value}"


def _rows(documents: Sequence[Document], name: str) -> dict[_Key, dict[int, Row]]:
    rows: dict[_Key, dict[int, Row]] = {}
    for column, document in enumerate(documents):
        for answer in document.answers:
            if answer.name == name:
                for row in answer.rows:
                    rows.setdefault((row.case, row.candidate, row.baseline), {})[column] = row
    return rows


def tables(documents: Sequence[Document], style: box.Box) -> Iterator[tuple[str, Table]]:
    """Yield each question with the table of its rows: ratio to the baseline (quartiles), the candidate's own value.

    Args:
        documents: results, each of which becomes a column.
        style: how rich draws a table.
    """
    questions = {answer.name: answer.question for document in documents for answer in document.answers}
    for name, question in questions.items():
        drawn = Table("Case", "Candidate", "Baseline", box=style)
        for document in documents:
            drawn.add_column(f"{document.implementation} {document.python}", no_wrap=True)
        drawn.add_column("Target")
        for key, found in _rows(documents, name).items():
            target = next(iter(found.values())).target
            cells = [_cell(found.get(column)) for column in range(len(documents))]
            drawn.add_row(*key, *cells, "" if target is None else f"≤ {target:.2f}")
        yield question, drawn


def caption(documents: Sequence[Document]) -> str:
    """Return how the figures were made, in one paragraph."""
    machines = "; ".join(dict.fromkeys(f"{one.cpu}, {one.platform}" for one in documents))
    quick = " --quick" if any(one.quick for one in documents) else ""
    return (
        "Candidate over baseline, median of paired rounds with quartiles, then the candidate's own median; below 1 the "
        f"candidate wins. Reproduce with `python -m benchmarks{quick}`. Measured on {machines}."
    )


def markdown(documents: Sequence[Document]) -> str:
    """Return the tables and their caption in Markdown."""
    parts = [caption(documents)]
    for question, drawn in tables(documents, box.MARKDOWN):
        text = StringIO()
        # Wide enough that rich never breaks a line: a Markdown row is one line.
        Console(file=text, width=10_000, color_system=None).print(drawn)
        lines = [line.strip() for line in text.getvalue().splitlines()]
        parts += [f"**{question}**", "\n".join(line for line in lines if line)]
    return "\n\n".join(parts)


def readme_with(text: str, documents: Sequence[Document]) -> str:
    """Return a page's `text` with the part between the markers replaced by the tables of `documents`.

    Raises:
        ValueError: the markers are not there, each once and in order.
    """
    return put_between(text, BEGIN, END, markdown(documents))
