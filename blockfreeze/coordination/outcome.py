"""What became of a swap or rollback of a service: as a whole, and in each process."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from blockfreeze.control.frames import Message


class Fate(StrEnum):
    """What became of one process."""

    COMMITTED = "committed"
    FOLLOWED = "followed"  # it had started meanwhile, and was brought to the pointed release
    UNCHANGED = "unchanged"  # it serves what it served
    REFUSED = "refused"  # it serves what it served, and is why
    RETURNED = "returned"  # it had committed, and was taken back
    STRAYED = "strayed"  # it could be brought neither there nor back
    DIED = "died"
    SILENT = "silent"  # it is there, and does not answer; it follows the pointer when it does


@dataclass(frozen=True)
class ProcessOutcome:
    """What became of one process, what it serves now as far as it says, and why it refused."""

    pid: int
    fate: Fate
    release: str = ""
    label: str = ""
    message: str = ""
    stack: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = self.label or Path(self.release).name
        return (
            f"{self.pid}: {self.fate}{f', serves {name}' if name else ''}{f': {self.message}' if self.message else ''}"
        )


@dataclass(frozen=True)
class ServiceOutcome:
    """What became of all: `done` if every process serves the version that was asked for, and the pointer leads there.

    `moved` says whether the pointer does; `message` what has refused it as a whole,
    `differences` how the new version differs from the one before, and `unreached` what stays of that.
    """

    what: str
    block: str
    label: str
    release: str
    pointer: str
    moved: bool
    processes: tuple[ProcessOutcome, ...]
    message: str = ""
    seconds: float = 0.0
    differences: dict[str, list[str]] = field(default_factory=dict)
    unreached: tuple[str, ...] = ()

    @property
    def serving(self) -> dict[str, list[int]]:
        """The processes that serve each release, or each label where that was none; the empty one is not known."""
        found: dict[str, list[int]] = {}
        for one in self.processes:
            if one.fate is not Fate.DIED:
                found.setdefault("" if one.fate is Fate.SILENT else one.release or one.label or "?", []).append(one.pid)
        return found

    @property
    def done(self) -> bool:
        """Whether it was done everywhere; where all have died since, what is started instead of them is there."""
        fates = {one.fate for one in self.processes} - {Fate.DIED}
        return not self.message and (bool(fates) or self.moved) and fates <= {Fate.COMMITTED, Fate.FOLLOWED}

    @property
    def exit_status(self) -> int:
        """0: done everywhere; 1: refused, and nothing has changed anywhere; 3: some are here, some there."""
        if self.done:
            return 0
        fates = {one.fate for one in self.processes}
        untouched = fates <= {Fate.UNCHANGED, Fate.REFUSED, Fate.RETURNED, Fate.DIED}
        return 1 if untouched and not self.moved else 3

    def to_json(self) -> dict[str, object]:
        """Return the outcome as a dictionary of JSON-serialisable values."""
        return {**asdict(self), "done": self.done, "exit_status": self.exit_status, "serving": self.serving}


def unreached_in(reply: Message) -> list[str]:
    """Return what a process has said that the program holds, and that stays with the version before."""
    return [f"{one['name']}: {one['reason']}" for one in reply.get("report", {}).get("unreached", ())]
