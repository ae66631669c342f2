"""The immutable results of `swap` and `rollback`; that of `status` is in `blockfreeze.core.status`.

Nothing here acts. Every field is a plain value, a tuple or a mapping of plain values, so a report can be stored,
compared, pickled and printed. None holds a function, a class or a namespace, so none keeps a generation alive.
Times are in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class SignatureChange:
    """A definition whose signature differs; `narrowed` if a call that was legal before may now fail."""

    name: str
    before: str
    after: str
    narrowed: bool

    def __str__(self) -> str:
        return f"{self.name}{self.before} -> {self.after}{' (narrowed)' if self.narrowed else ''}"


def labelled(generation: int, label: str) -> str:
    """Return how a message names a generation: by its number, and by its label if it has one."""
    return f"{generation} ({label})" if label else str(generation)


def used_with(beside: tuple[str, ...]) -> str:
    """Return the words for variables that keep their values while what is used together with them starts afresh."""
    if not beside:
        return ""
    return f"; used together with {', '.join(beside)}, which {'keeps its value' if len(beside) == 1 else 'keep theirs'}"


@dataclass(frozen=True)
class FreshObject:
    """Something that held more, or other, than its module's body had put there, and starts afresh.

    It is at the top level, or `path`, its place in the module, leads to it through a class, an object or a closure.
    Sizes are numbers of `unit`; where this is empty they are the value, of a number or of the next one of a count.
    `beside` are variables that keep their values, and that a function uses together with it.
    """

    name: str
    type: str
    before: int
    after: int
    beside: tuple[str, ...] = ()
    unit: str = "items"
    path: str = ""

    def __str__(self) -> str:
        shown = self.path or self.name.rpartition(".")[2]
        remedy = "" if self.type == "lru_cache" else "; declare it with defvar to keep it"
        if "." in shown and remedy:
            remedy = "; keep it in what is declared with defvar"
        unit = f" {self.unit}" if self.unit else ""
        return f"{shown}: {self.type}, {self.before:,}{unit} -> {self.after:,}{used_with(self.beside)}{remedy}"


@dataclass(frozen=True)
class Converted:
    """How many older instances have become instances of a class as it is now."""

    name: str
    count: int

    def __str__(self) -> str:
        return f"{self.name}: {self.count:,} instances"


@dataclass(frozen=True)
class Migrated:
    """A declared variable whose version changed, from `before` to `after`.

    `way_back` says how a rollback gets the older value: by an ``inverse``, by one that loses something (``inexact``),
    or not at all (``none``). After a rollback that has none it is ``stale``: the variable has the value that it had
    when its generation was left.
    """

    name: str
    before: int | str
    after: int | str
    way_back: str

    def __str__(self) -> str:
        return f"{self.name}: version {self.before} -> {self.after} (way back: {self.way_back})"


@dataclass(frozen=True)
class Repointed:
    """A from-import elsewhere that now holds the new object: ``holder.attribute`` was `name`."""

    holder: str
    attribute: str
    name: str


@dataclass(frozen=True)
class Unreached:
    """An object of the old generation that outside code still holds, and why it could not be replaced."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True)
class ReplacedClass:
    """A class that could not keep its identity, and what about its shape did not allow it."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True)
class Lingering:
    """Something that still runs in, or still holds, a retired generation.

    `kind` is ``thread``, ``greenlet`` (one that is switched away from), ``import``, ``task``, ``generator``,
    ``coroutine``, ``async generator``, ``closure``, ``pin`` or ``reference``; `owner` names it (a thread's or a task's
    name, also for a pin; for a greenlet, the function that it was made for; a qualified name otherwise). File and line
    of a pin are those of its ``with`` statement. A ``reference`` is one to the function's code that nothing explains,
    as a suspended call has that ``gc.freeze`` has hidden: what cannot be told is said to run. The kind ``interpreter``
    means that nothing is known: while the program has other interpreters, CPython cannot safely show the stacks of
    threads. `seconds` says for how long the generation has not served any more, where `status` or an event tells of it.
    """

    generation: int
    kind: str
    owner: str
    file: str
    line: int
    function: str
    seconds: float = field(default=0.0, compare=False)

    def __str__(self) -> str:
        return f"generation {self.generation}: {self.kind} {self.owner!r} in {self.function} at {self.file}:{self.line}"


@dataclass(frozen=True)
class SwapReport:
    """What a swap or a rollback changed, what it could not change, and how long each phase took.

    `kind` is ``swap`` or ``rollback``. Names are qualified by their module. `done_again` lists the statements of the
    new version that did something outside of the block, which the version before had done already. `phases` maps the
    names of the phases to seconds: ``read``, ``link``, ``arm``, ``execute``, ``compare``, ``quiesce``, ``convert``,
    ``commit``, ``repoint``, and ``drain``, at the beginning for what was left of the overlap before, and at the end.
    What a candidate waits, and a check, is in none of them. `source_hash` is a hash of all sources of the version,
    loaded or not; `release` is where it was read from, if that was a release.
    """

    block: str
    kind: str
    from_generation: int
    to_generation: int
    members: tuple[str, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    signature_changes: tuple[SignatureChange, ...] = ()
    incompatible: tuple[str, ...] = ()
    afresh: tuple[FreshObject, ...] = ()
    overwritten: tuple[str, ...] = ()
    kept_state: tuple[str, ...] = ()
    migrated: tuple[Migrated, ...] = ()
    converted: tuple[Converted, ...] = ()
    replaced_classes: tuple[ReplacedClass, ...] = ()
    repointed: tuple[Repointed, ...] = ()
    unreached: tuple[Unreached, ...] = ()
    done_again: tuple[str, ...] = ()
    lingering: tuple[Lingering, ...] = ()
    phases: Mapping[str, float] = field(default_factory=dict)
    source_hash: str = ""
    release: str = ""
    label: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the report as a dictionary of JSON-serialisable values."""
        return asdict(self)

    def __str__(self) -> str:
        after = labelled(self.to_generation, self.label)
        lines = [
            (
                f"{self.block}: {self.kind}, generation {self.from_generation} -> {after} "
                f"in {1000 * sum(self.phases.values()):.1f} ms (commit {1e6 * self.phases.get('commit', 0.0):.0f} us), "
                f"source {self.source_hash[:12]}"
            )
        ]
        for title in (
            "added",
            "removed",
            "changed",
            "signature_changes",
            "incompatible",
            "afresh",
            "kept_state",
            "migrated",
            "converted",
            "replaced_classes",
            "unreached",
            "done_again",
            "lingering",
        ):
            found = getattr(self, title)
            if found:
                lines.append(f"  {title.replace('_', ' ')}: " + "; ".join(map(str, found)))
        if self.overwritten:
            remedy = "set from outside; declare with defvar what is to stay"
            lines.append(f"  overwritten: {'; '.join(self.overwritten)} ({remedy})")
        if self.repointed:
            lines.append("  re-pointed: " + "; ".join(f"{at.holder}.{at.attribute}" for at in self.repointed))
        return "\n".join(lines)
