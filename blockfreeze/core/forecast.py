"""What `blockfreeze check` says before anybody freezes: plain values, like the results in `report`.

Nothing here acts. Positions are ``file:line``; names are qualified by their module.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from blockfreeze.core.advice import Advice
from blockfreeze.core.report import SwapReport, used_with
from blockfreeze.core.status import Unbound


@dataclass(frozen=True)
class MadeAgain:
    """A module-level object that each generation makes for itself: `kind` is its type, or what makes it.

    `beside` are variables that keep their values, and that a function uses together with it.
    """

    name: str
    kind: str
    place: str
    beside: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.kind}, at {self.place}{used_with(self.beside)}"


@dataclass(frozen=True)
class RunsAgain:
    """A statement whose effect on something outside of the module happens at each swap; `what` describes it."""

    module: str
    what: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@dataclass(frozen=True)
class Capture:
    """Something of the module that others hold: where, and what becomes of it when the module is frozen now."""

    name: str
    holder: str
    consequence: str

    def __str__(self) -> str:
        return f"{self.holder} holds {self.name}: {self.consequence}"


@dataclass(frozen=True)
class Forecast:
    """What freezing a block would do. `refused` is why it cannot be frozen, or empty.

    `captures` is None unless a program was imported to look at, and `against` unless another version was given;
    `against_refused` is why that version cannot be swapped in, or empty, and `advice` what it changes that is no error.
    """

    block: str
    members: tuple[str, ...] = ()
    refused: str = ""
    bound: tuple[str, ...] = ()
    unbound: tuple[Unbound, ...] = ()
    kept: tuple[str, ...] = ()
    made_again: tuple[MadeAgain, ...] = ()
    runs_again: tuple[RunsAgain, ...] = ()
    asks_for_callers: tuple[str, ...] = ()
    without_source: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    captures: tuple[Capture, ...] | None = None
    against: SwapReport | None = None
    against_refused: str = ""
    advice: tuple[Advice, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the block can be frozen and, if another version was given, can be swapped for it compatibly."""
        compatible = self.against is None or not self.against.incompatible
        return not self.refused and not self.against_refused and compatible

    def to_json(self) -> dict[str, object]:
        """Return the forecast as a dictionary of JSON-serialisable values."""
        return {**asdict(self), "passed": self.passed}

    def __str__(self) -> str:
        if self.refused:
            return f"{self.block}: cannot be frozen: {self.refused}"
        lines = [f"{self.block}: can be frozen; modules {len(self.members)}, definitions bound {len(self.bound)}"]
        lines += _section("not bound", (f"{one.name}: {one.reason}" for one in self.unbound))
        lines += _section("keeps its value at a swap", self.kept)
        lines += _section(
            "starts afresh if its statement changes, or the code of a cache; declare what must survive with defvar",
            self.made_again,
        )
        lines += _section("done again by each swap, outside of the block", self.runs_again)
        lines += _section("asks for its caller's frame, which is not a forwarder's", self.asks_for_callers)
        lines += _section("has no source: what is made or done again is not known", self.without_source)
        lines += _section("cannot be compiled, which matters when it is imported", self.unreadable)
        if self.captures is not None:
            lines += _section("held by others already", self.captures) or ["  held by others already: nothing"]
        if self.against_refused:
            lines.append(f"  the other version is refused: {self.against_refused}")
        if self.against is not None:
            lines.append(f"  the other version is {'in' if self.against.incompatible else ''}compatible:")
            lines += [f"  {line}" for line in str(self.against).splitlines()]
        lines += _section("changes of meaning that what outlives the swap can meet", self.advice)
        return "\n".join(lines)


def _section(title: str, found: Iterable[object]) -> list[str]:
    lines = [f"    {line}" for one in found for line in str(one).splitlines()]
    return [f"  {title}:", *lines] if lines else []
