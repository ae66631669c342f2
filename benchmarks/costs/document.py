"""The result of a run, as one JSON document.

    {"format": 1, "python": "3.12.1", "implementation": "CPython", "platform": "Linux x86_64", "cpu": "...",
     "quick": false,
     "answers": [{"name": "inside", "question": "Does a call …?", "rows": [ROW, ...]}, ...],
     "failures": [{"name": ..., "subject": ..., "why": ...}, ...]}

A ROW is a `benchmarks.costs.rows.Row`: ``case``, ``candidate``, ``baseline``, ``unit`` (``second``, ``byte`` or
``integer``), ``candidate_median``, ``baseline_median``, ``ratio`` (``median``, ``low`` and ``high`` quartile, ``min``,
``max``) or null, ``pairs`` (how many ratios that is the median of), ``target`` (the highest good ratio) or null, and
``verdict`` (``met``, ``missed`` or ``no target``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.costs.rows import Row, row_from_json
from benchmarks.frame.machine import here
from benchmarks.frame.task import as_json

FORMAT = 1


@dataclass(frozen=True)
class Answer:
    """What was found out about one question."""

    name: str
    question: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class Failure:
    """A question that a subject did not answer, and the last line of the reason."""

    name: str
    subject: str
    why: str


@dataclass(frozen=True)
class Document:
    """All answers of one run on one interpreter."""

    python: str
    implementation: str
    platform: str
    cpu: str
    quick: bool
    answers: Sequence[Answer]
    failures: Sequence[Failure]

    def fields(self) -> dict[str, object]:
        """Return the document as plain values."""
        return {"format": FORMAT, **asdict(self)}

    def to_json(self) -> str:
        """Return the document as JSON text."""
        return as_json(self.fields(), indent=1)


def document(quick: bool, answers: Sequence[Answer], failures: Sequence[Failure]) -> Document:
    """Return the document of a run that ended just now, in this interpreter and on this machine."""
    return Document(**asdict(here()), quick=quick, answers=answers, failures=failures)


def from_json(text: str) -> Document:
    """Return the document that `Document.to_json` wrote.

    Raises:
        ValueError: the text is not such a document, or one of another format.
    """
    fields: dict[str, Any] = json.loads(text)
    if fields.pop("format", None) != FORMAT:
        raise ValueError(f"not a benchmark result of format {FORMAT}; run: python -m benchmarks --json FILE")
    answers = [
        Answer(one["name"], one["question"], [row_from_json(row) for row in one["rows"]])
        for one in fields.pop("answers")
    ]
    failures = [Failure(**one) for one in fields.pop("failures")]
    return Document(**fields, answers=answers, failures=failures)
