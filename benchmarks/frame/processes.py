"""The program's side of a worker: a module that is run in a process of its own, under a time limit.

A worker leads a session of its own, and when it has ended so has everything that it left behind. Its orders and
findings are files (`task`); what it and its children say is kept, for the reason when it fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.frame.pages import ROOT
from benchmarks.frame.task import as_json

__all__ = ["Ended", "WorkerError", "ask", "closed_environment", "run", "serving"]


@dataclass(frozen=True)
class Ended:
    """A worker that has ended.

    Attributes:
        findings: what it wrote last, or None.
        status: its exit status.
        words: what it said.
        seconds: how long it took.
        limit: the time limit that ended it, if one did.
    """

    findings: Any
    status: int
    words: str
    seconds: float
    limit: float | None

    @property
    def was_killed(self) -> bool:
        """Whether the time limit ended it."""
        return self.limit is not None

    @property
    def how(self) -> str:
        """How it ended: ``killed after 60 s``, or ``ended with 1``."""
        return f"ended with {self.status}" if self.limit is None else f"killed after {self.limit:.0f} s"

    @property
    def last_words(self) -> str:
        """The last line that it said, or else how it ended."""
        return (self.words.strip().splitlines() or [self.how])[-1]


class WorkerError(Exception):
    """A worker failed; the message is its last line, and `ended` all that is known."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.how if ended.was_killed else ended.last_words)
        self.ended = ended


def ask(module: str, orders: object, *, options: Sequence[str] = (), seconds: float | None = None) -> Any:
    """Run a worker in the project's folder and return its findings.

    Args:
        module: what ``python -m`` runs.
        orders: what it is to do: a dataclass or plain values.
        options: what the interpreter is started with.
        seconds: after how long it is killed.

    Raises:
        WorkerError: it was killed, its status is not 0, or it found nothing.
    """
    with tempfile.TemporaryDirectory(prefix="blockfreeze-worker-") as place:
        ended = run(module, orders, Path(place), options=options, seconds=seconds)
    if ended.was_killed or ended.status or ended.findings is None:
        raise WorkerError(ended)
    return ended.findings


def run(
    module: str,
    orders: object,
    place: Path,
    *,
    options: Sequence[str] = (),
    seconds: float | None = None,
    folder: Path = ROOT,
    environment: dict[str, str] | None = None,
) -> Ended:
    """Run a worker and return how it ended.

    Args:
        module: what ``python -m`` runs.
        orders: what it is to do: a dataclass or plain values.
        place: an existing folder for ``orders.json``, ``findings.json`` and ``said.txt``.
        options: what the interpreter is started with.
        seconds: after how long it is killed.
        folder: the worker's current directory.
        environment: the worker's environment, if not the program's own.
    """
    ordered, findings = place / "orders.json", place / "findings.json"
    ordered.write_text(as_json(orders), encoding="utf-8")
    command = [sys.executable, *options, "-m", module, str(ordered), str(findings)]
    began, limit = time.monotonic(), None
    with (place / "said.txt").open("w+b") as said:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            limit = seconds
        finally:
            _end_session(process)
        said.seek(0)
        words = said.read().decode(errors="replace")
    found = json.loads(findings.read_text(encoding="utf-8")) if findings.exists() else None
    return Ended(found, process.returncode, words, time.monotonic() - began, limit)


@contextlib.contextmanager
def serving(words: Sequence[str], folder: Path) -> Iterator[Path]:
    """Let a module run in a session of its own for the length of a ``with`` statement, and say where its words are.

    Args:
        words: what ``python -m`` runs, with its arguments.
        folder: its current directory, where what it says is written as well.
    """
    said = folder / "said.txt"
    # A reloader looks at every file that could be imported: of others, the project's are none.
    path = {"PYTHONPATH": str(ROOT)} if words[0] == "blockfreeze" else {}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | path
    with said.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=file,
            stderr=file, start_new_session=True,
        )  # fmt: skip
    try:
        yield said
    finally:
        _end_session(process)


def _end_session(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # processes that the worker left behind, or all of them
    process.wait()


def closed_environment(path: Sequence[Path], **more: str) -> dict[str, str]:
    """Return an environment in which a worker imports from `path` and is told nothing else about Python or pytest."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    environment |= {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONHASHSEED": "0"}
    return environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | more
