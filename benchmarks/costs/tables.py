"""Results as tables, one column per interpreter: for the terminal, and in Markdown for the manual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.costs.document import Document
from benchmarks.costs.rows import Row, shown
from benchmarks.frame.pages import markers, put_between
from benchmarks.frame.tables import Column, Table

NAME = "benchmarks"
BEGIN, END = markers(NAME)

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


def tables(documents: Sequence[Document]) -> Iterator[Table]:
    """Yield a table for each question: ratio to the baseline (quartiles), the candidate's own value.

    Args:
        documents: results, each of which becomes a column.
    """
    questions = {answer.name: answer.question for document in documents for answer in document.answers}
    measured = [Column(f"{document.implementation} {document.python}", is_whole=True) for document in documents]
    for name, question in questions.items():
        rows = []
        for key, found in _rows(documents, name).items():
            target = next(iter(found.values())).target
            cells = [_cell(found.get(column)) for column in range(len(documents))]
            rows.append([*key, *cells, "" if target is None else f"≤ {target:.2f}"])
        yield Table(["Case", "Candidate", "Baseline", *measured, "Target"], rows, question)


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
    for table in tables(documents):
        parts += [f"**{table.title}**", table.markdown(aligned=True)]
    return "\n\n".join(parts)


def readme_with(text: str, documents: Sequence[Document]) -> str:
    """Return a page's `text` with the part between the markers replaced by the tables of `documents`.

    Raises:
        ValueError: the markers are not there, each once and in order.
    """
    return put_between(text, NAME, markdown(documents))
