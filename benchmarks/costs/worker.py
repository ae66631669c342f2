"""One question, put to one subject, in this process: its findings are a list of `Measured`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.costs.catalog import QUESTIONS
from benchmarks.costs.effort import FULL, QUICK
from benchmarks.costs.rows import Measured
from benchmarks.frame.task import carry_out


def measured(name: str, subject: str, quick: bool) -> list[Measured]:
    """Put the question `name` to the subject and return what it measured."""
    # A .pyc is keyed by second and size of the source, so quick updates would be served the code before.
    sys.dont_write_bytecode = True
    with TemporaryDirectory(prefix="blockfreeze-benchmark-") as place:
        sys.path.insert(0, place)
        return list(QUESTIONS[name].measure(QUICK if quick else FULL, Path(place), subject))


if __name__ == "__main__":
    carry_out(measured)
