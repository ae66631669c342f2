"""What became of a roll-out or rollback in a fleet: as a whole, and in each process."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from blockfreeze.coordination.outcome import Fate


@dataclass(frozen=True)
class Member:
    """One process of a fleet: where it is, what became of it, and what it serves as far as it has said."""

    name: str
    host: str
    pid: int
    fate: Fate
    release: str = ""
    label: str = ""
    message: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.fate}, serves {self.label or '?'}{f': {self.message}' if self.message else ''}"


@dataclass(frozen=True)
class FleetOutcome:
    """What became of all: `done` if the pointer leads to the release that was asked for, and every process serves it.

    `moved` says whether the pointer does; `message` what has refused it as a whole. `stages` are how many processes had
    committed after each stage.
    """

    what: str
    block: str
    label: str
    moved: bool
    members: tuple[Member, ...]
    message: str = ""
    seconds: float = 0.0
    stages: tuple[int, ...] = ()

    @property
    def done(self) -> bool:
        """Whether it was done everywhere; processes that are gone do not count."""
        fates = {one.fate for one in self.members} - {Fate.DIED}
        return self.moved and not self.message and fates <= {Fate.COMMITTED}

    @property
    def exit_status(self) -> int:
        """0: done everywhere; 1: refused, and every process serves what it served; 3: some are here, some there."""
        if self.done:
            return 0
        fates = {one.fate for one in self.members} - {Fate.DIED}
        return 1 if not self.moved and fates <= {Fate.UNCHANGED, Fate.REFUSED, Fate.RETURNED} else 3

    def to_json(self) -> dict[str, object]:
        """Return the outcome as a dictionary of JSON-serialisable values."""
        return {**asdict(self), "done": self.done, "exit_status": self.exit_status}
