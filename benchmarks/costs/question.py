"""What a benchmark is: a question, how it is measured, and whom else it is put to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.costs.effort import Effort
from benchmarks.costs.rows import Measured

BLOCKFREEZE = "blockfreeze"
RELOAD = "importlib.reload"
JURIGGED = "jurigged"

Measure = Callable[[Effort, Path, str], Iterable[Measured]]


@dataclass(frozen=True)
class Question:
    """One file of the suite.

    Attributes:
        module: the file's ``__name__``; its last part selects the question on the command line.
        doc: the file's docstring; its first line is the question.
        measure: answers it in the current process, for one subject, with generated modules in a temporary directory
            that is on ``sys.path``.
        subjects: blockfreeze and the peers that are asked as well, each in its own process.
        options: what the interpreter is started with.
        repeated: whether the answer depends on a process's memory layout, so that it is asked in several.
    """

    module: str
    doc: str | None
    measure: Measure
    subjects: tuple[str, ...] = (BLOCKFREEZE,)
    options: tuple[str, ...] = ()
    repeated: bool = False

    @property
    def name(self) -> str:
        """The name that selects the question."""
        return self.module.rpartition(".")[2]

    @property
    def text(self) -> str:
        """The question itself."""
        return (self.doc or "").strip().partition("\n")[0]
