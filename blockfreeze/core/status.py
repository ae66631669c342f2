"""The immutable result of `status`: plain values and tuples of them, as in `blockfreeze.core.report`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from blockfreeze.core.report import Lingering, labelled


@dataclass(frozen=True)
class Unbound:
    """A top-level definition that is not linked statically, and the reason (a value of `Reason`)."""

    name: str
    reason: str


@dataclass(frozen=True)
class Inlined:
    """A function that stands in its callers: their qualified names, and how often in each."""

    name: str
    callers: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        callers = (f"{name} ({times} times)" if times > 1 else name for name, times in self.callers)
        return f"{self.name} in {', '.join(callers)}"


@dataclass(frozen=True)
class EntryStatus:
    """An entry point: its qualified name, and whether it forwards (its block was swapped) or is direct."""

    name: str
    armed: bool


@dataclass(frozen=True)
class GenerationStatus:
    """One generation that is kept: `state` is ``current``, ``previous`` or ``retired``.

    `release` is the directory or file that it was read from; empty if that was no release.
    """

    number: int
    state: str
    source_hash: str
    members: tuple[str, ...]
    release: str = ""
    label: str = ""

    def __str__(self) -> str:
        return f"generation {labelled(self.number, self.label)}, {self.state}, source {self.source_hash[:12]}"


@dataclass(frozen=True)
class BlockStatus:
    """What `status` returns: the generations, who lingers, the entries, and what is bound and what not.

    `pointer` is the release pointer that the block was frozen with; empty if there was none. `compiled` says whether
    the compiled part of blockfreeze is used in this process.
    """

    block: str
    current: int
    members: tuple[str, ...]
    generations: tuple[GenerationStatus, ...]
    overlapping: bool
    lingering: tuple[Lingering, ...]
    entries: tuple[EntryStatus, ...]
    bound: tuple[str, ...]
    unbound: tuple[Unbound, ...]
    inlined: tuple[Inlined, ...] = ()
    not_inlined: tuple[Unbound, ...] = ()
    pointer: str = ""
    compiled: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the status as a dictionary of JSON-serialisable values."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"{self.block}: generation {self.current}, {len(self.members)} modules, {len(self.entries)} entries"]
        lines += [f"  {g}" for g in self.generations]
        lines += [f"  lingering: {one}" for one in self.lingering]
        lines += [f"  not bound: {one.name} ({one.reason})" for one in self.unbound]
        lines += [f"  inlined: {one}" for one in self.inlined]
        lines += [f"  not inlined: {one.name} ({one.reason})" for one in self.not_inlined]
        return "\n".join(lines)
