"""Asking the questions: every subject in processes of its own, one after the other, and their parts summed up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from benchmarks.costs.document import Answer, Document, Failure, document
from benchmarks.costs.effort import FULL, QUICK
from benchmarks.costs.question import Question
from benchmarks.costs.rows import Measured, summed_up
from benchmarks.frame.processes import WorkerError, ask

_Key = tuple[str, str, str]


def _asked(question: Question, subject: str, quick: bool) -> list[Measured]:
    orders = {"name": question.name, "subject": subject, "quick": quick}
    return [Measured(**fields) for fields in ask("benchmarks.costs.worker", orders, options=question.options)]


def answers(questions: Iterable[Question], quick: bool, tell: Callable[[str], object]) -> Document:
    """Ask the questions and return all answers; a subject that fails is recorded and the rest goes on.

    Args:
        questions: what to ask.
        quick: with little effort.
        tell: is called with a line before each subject.
    """
    found: list[Answer] = []
    failures: list[Failure] = []
    processes = (QUICK if quick else FULL).processes
    for question in questions:
        parts: dict[_Key, list[Measured]] = {}
        for subject in question.subjects:
            for number in range(processes if question.repeated else 1):
                tell(f"{question.name}: {subject}, process {number + 1}")
                try:
                    measured = _asked(question, subject, quick)
                except WorkerError as error:
                    sys.stderr.write(error.ended.words)
                    failures.append(Failure(question.name, subject, str(error)))
                    break
                for one in measured:
                    parts.setdefault((one.case, one.candidate, one.baseline), []).append(one)
        found.append(Answer(question.name, question.text, [summed_up(part) for part in parts.values()]))
    return document(quick, found, failures)
