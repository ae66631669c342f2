"""Asking the questions: every subject in processes of its own, one after the other, and their parts summed up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.document import Answer, Document, Failure, document
from benchmarks.effort import FULL, QUICK
from benchmarks.question import Question
from benchmarks.rows import Measured, summed_up

ROOT = Path(__file__).resolve().parent.parent

_Key = tuple[str, str, str]


class WorkerError(Exception):
    """A worker process failed; the message is the last line that it wrote."""


def _asked(question: Question, subject: str, quick: bool) -> list[Measured]:
    command = [sys.executable, *question.options, "-m", "benchmarks.worker", question.name, subject]
    if quick:
        command.append("--quick")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise WorkerError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    return [Measured(**fields) for fields in json.loads(done.stdout)]


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
                    failures.append(Failure(question.name, subject, str(error)))
                    break
                for one in measured:
                    parts.setdefault((one.case, one.candidate, one.baseline), []).append(one)
        found.append(Answer(question.name, question.text, [summed_up(part) for part in parts.values()]))
    return document(quick, found, failures)
