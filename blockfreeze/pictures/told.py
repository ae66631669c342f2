"""What processes tell of themselves, read with care: it may come from another host, or an older blockfreeze.

The form is that of ``blockfreeze status --json``: an object with ``processes`` and ``silent``, or one such process. A
process of a fleet may have a ``host`` too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_LARGEST: Final = 1e11
"""The largest time: some thousand years after the epoch."""


def text(value: object) -> str:
    """Return a value as a text; nothing for none."""
    return "" if value is None else str(value)


def number(value: object) -> float:
    """Return a number that may be a time as such, and 0 for anything else."""
    return float(value) if isinstance(value, int | float) and abs(value) < _LARGEST else 0.0


def many(value: object) -> Sequence[Any]:
    """Return a list; an empty one for anything else."""
    return value if isinstance(value, list | tuple) else ()


def listed(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list; none of anything else."""
    return [one for one in many(value) if isinstance(one, Mapping)]


@dataclass(frozen=True)
class Told:
    """One process; `events` has what happened in it, and `silent` is true if it says nothing."""

    host: str
    pid: str
    program: str
    python: str
    blocks: tuple[Mapping[str, Any], ...] = ()
    events: tuple[Mapping[str, Any], ...] = ()
    silent: bool = False

    @property
    def name(self) -> str:
        """What tells it from others."""
        return f"{self.host} {self.pid}".strip()

    def events_of(self, block: str) -> list[Mapping[str, Any]]:
        """Return what happened to one block, the oldest first."""
        return [one for one in self.events if text(one.get("block")) == block]


def processes_of(documents: Iterable[Mapping[str, Any]]) -> list[Told]:
    """Return the processes of documents, in the order of their names."""
    found: list[Told] = []
    for document in documents:
        found += map(_told, [document] if "process" in document else listed(document.get("processes")))
        found += (
            Told(text(document.get("host")), text(pid), "", "", silent=True) for pid in many(document.get("silent"))
        )
    return sorted(found, key=lambda one: (one.host, len(one.pid), one.pid))


def _told(document: Mapping[str, Any]) -> Told:
    process = document.get("process")
    process = process if isinstance(process, Mapping) else {}
    # What follows the program's name may have secrets in it.
    first = "".join(map(text, many(process.get("program"))[:1]))
    return Told(
        text(document.get("host") or process.get("host")),
        text(process.get("pid")),
        os.path.basename(first),  # noqa: PTH119 - it may be no path
        text(process.get("python")),
        tuple(listed(document.get("blocks"))),
        tuple(listed(document.get("events"))),
    )


def release_of(block: Mapping[str, Any]) -> str:
    """Return how people call what a block serves: its label, or the name of its release, or its generation."""
    label = text(block.get("label")) or os.path.basename(text(block.get("release")))  # noqa: PTH119
    return label or (f"generation {text(block.get('generation'))}" if block.get("generation") else "")


def everything(told: Iterable[Told]) -> Iterator[tuple[Told, Mapping[str, Any]]]:
    """Yield each block of each process."""
    for one in told:
        for block in one.blocks:
            yield one, block
