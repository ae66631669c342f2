"""Events: what happens to a block, as typed objects, to whoever has subscribed and through `logging`.

Every event is an immutable record of plain values: it can be stored, compared and pickled. Each is logged by the logger
``blockfreeze`` as well, with the event itself as the record's attribute ``event``. Generations are given by number,
times in seconds.

Threads: the thread that did something announces it, so events come in the order in which things happened to the block.
It still holds the block's claim, so a subscriber must not wait for another swap of the same block.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from blockfreeze.core.report import labelled

__all__ = [
    "Committed",
    "Converged",
    "Drained",
    "Event",
    "Frozen",
    "GateOpened",
    "InstancesConverted",
    "Lingers",
    "Prepared",
    "Refused",
    "RolledBack",
    "Subscriber",
    "announce",
]

_logger = logging.getLogger("blockfreeze")


@dataclass(frozen=True)
class Event:
    """What every event says: the block's name, and the generation that the event is about."""

    block: str
    generation: int

    @property
    def level(self) -> int:
        """The level at which the event is logged."""
        return logging.INFO


@dataclass(frozen=True)
class Frozen(Event):
    """The first bodies of a block have run: `generation`, its first one, serves."""

    label: str = ""

    def __str__(self) -> str:
        return f"{self.block}: generation {labelled(self.generation, self.label)} serves, the first one"


@dataclass(frozen=True)
class Prepared(Event):
    """A generation is complete, and unreachable yet; `current` serves. `seconds`: how long it took."""

    current: int
    seconds: float
    label: str = ""

    def __str__(self) -> str:
        return f"{self.block}: generation {labelled(self.generation, self.label)} is prepared, {self.current} serves"


@dataclass(frozen=True)
class Committed(Event):
    """A swap's one store was made: `generation` serves, and `before` did until now."""

    before: int
    label: str = ""

    def __str__(self) -> str:
        return f"{self.block}: generation {labelled(self.generation, self.label)} serves, after {self.before}"


@dataclass(frozen=True)
class RolledBack(Event):
    """A rollback's one store was made: `generation` serves again, and `before` did until now. `reason` may be empty."""

    before: int
    reason: str = ""
    label: str = ""

    @property
    def level(self) -> int:
        """A warning, if it was not the program that rolled back."""
        return logging.WARNING if self.reason else logging.INFO

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        number = labelled(self.generation, self.label)
        return f"{self.block}: generation {number} serves again, after {self.before}{why}"


@dataclass(frozen=True)
class GateOpened(Event):
    """New calls were held back for `seconds`, by ``quiesce=`` or for instances to be converted, and are no longer."""

    seconds: float

    @property
    def level(self) -> int:
        """For those who look for a stall: a block that is busy is tried again and again."""
        return logging.DEBUG

    def __str__(self) -> str:
        return f"{self.block}: new calls were held back for {1000 * self.seconds:.1f} ms, {self.generation} serves"


@dataclass(frozen=True)
class Drained(Event):
    """Nothing runs any more in the generations `retired`, which served before `generation`."""

    retired: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.block}: {list(self.retired)} have drained, {self.generation} serves"


@dataclass(frozen=True)
class Converged(Event):
    """The overlap has ended: the plain vector of `generation` is in place, and `freed` are no longer kept."""

    freed: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.block}: generation {self.generation} serves alone"


@dataclass(frozen=True)
class InstancesConverted(Event):
    """A swap without ``quiesce=`` has drained, and instances of the generations before were converted.

    `counts` says how many by class, `stayed` what was left as it was, and why. If the converter failed, `error` says
    how, and nothing was changed.
    """

    counts: tuple[tuple[str, int], ...]
    stayed: tuple[tuple[str, str], ...] = ()
    error: str = ""

    @property
    def level(self) -> int:
        """A warning, if the converter failed."""
        return logging.WARNING if self.error else logging.INFO

    def __str__(self) -> str:
        if self.error:
            return f"{self.block}: the converter of generation {self.generation} failed: {self.error}"
        parts = [f"{count:,} instances of {name}" for name, count in self.counts]
        parts += [f"not {name}: {why}" for name, why in self.stayed]
        return f"{self.block}: generation {self.generation} has converted {', '.join(parts) or 'nothing'}"


@dataclass(frozen=True)
class Lingers(Event):
    """Calls of the retired generation `retired` have been under way for `seconds` since it was left.

    `lingering` says in words which. It is told once for each generation, after the time of ``linger_warning=``.
    """

    retired: int
    seconds: float
    lingering: tuple[str, ...]

    @property
    def level(self) -> int:
        """A warning: what does not end keeps an old version in service."""
        return logging.WARNING

    def __str__(self) -> str:
        return (
            f"{self.block}: {self.retired} lingers, {self.seconds:.0f} s after it was left: {'; '.join(self.lingering)}"
        )


@dataclass(frozen=True)
class Refused(Event):
    """A swap or a rollback came to nothing, and `generation` goes on serving.

    `what` is ``swap`` or ``rollback``, `error` the name of the exception's type, `reason` its text.
    """

    what: str
    error: str
    reason: str

    @property
    def level(self) -> int:
        """An error, though the caller gets an exception as well: it may be a thread that nobody listens to."""
        return logging.ERROR

    def __str__(self) -> str:
        return (
            f"{self.block}: the {self.what} was refused, and generation {self.generation} goes on: "
            f"{self.error}: {self.reason}"
        )


Subscriber = Callable[[Event], object]


def announce(subscribers: Iterable[Subscriber], event: Event) -> None:
    """Log `event` and pass it to each of `subscribers`. The failure of one is logged, and the others are called."""
    _logger.log(event.level, "%s", event, extra={"event": event})
    for subscriber in tuple(subscribers):
        try:
            subscriber(event)
        except Exception:
            _logger.exception("the subscriber %r failed at: %s", subscriber, event)
