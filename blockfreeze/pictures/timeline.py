"""Generations over time, drawn: a row for each block of each process, what served when, what lingered, what failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import gmtime, strftime
from typing import Any, Final
from xml.etree.ElementTree import Element

from blockfreeze.pictures.markup import element
from blockfreeze.pictures.told import Told, everything, listed, many, number, text

_WIDTH: Final = 1000
_LEFT: Final = 170
_ROW: Final = 44
_BAR: Final = 22
_TICKS: Final = 5
_LETTER: Final = 7.2
"""About how wide a letter is."""

MOST: Final = 20
"""How many rows are drawn."""

_SERVES: Final = ("Frozen", "Committed", "RolledBack")


def clock(at: float) -> str:
    """Return a time of day, in UTC."""
    return strftime("%H:%M:%S", gmtime(at))


@dataclass(frozen=True)
class _Served:
    """A generation that served from one time to another, and lingered from then on until a third."""

    start: float
    end: float
    until: float
    name: str
    again: bool


def timeline(told: Sequence[Told], now: float) -> Element | None:
    """Return the drawing; None if nothing has happened that is known of."""
    rows = [(one, block) for one, block in everything(told) if one.events_of(text(block.get("block")))][:MOST]
    times = [number(event.get("at")) for one, block in rows for event in one.events_of(text(block.get("block")))]
    if not times:
        return None
    start = min(*times, now - 1.0)
    scale = _Scale(start, max(*times, now))
    height = 30 + _ROW * len(rows)
    drawn = element(
        "svg",
        element("title", "Generations over time; the table below says the same in words"),
        _hatching(),
        *scale.axis(height),
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
    )
    for at, (one, block) in enumerate(rows):
        drawn.extend([*_row(one, block, 26 + at * _ROW, scale)])
    return drawn


def _hatching() -> Element:
    line = element("path", d="M0 6L6 0", stroke_width="1.5", fill="none")
    return element("defs", element("pattern", line, id="hatched", width="6", height="6", patternUnits="userSpaceOnUse"))


@dataclass(frozen=True)
class _Scale:
    start: float
    end: float

    def x(self, at: float) -> float:
        part = (at - self.start) / (self.end - self.start)
        return _LEFT + (_WIDTH - _LEFT - 10) * min(1.0, max(0.0, part))

    def axis(self, height: int) -> Iterator[Element]:
        for tick in range(_TICKS):
            at = self.start + (self.end - self.start) * tick / (_TICKS - 1)
            x = f"{self.x(at):.1f}"
            anchor = "start" if tick == 0 else "end" if tick == _TICKS - 1 else "middle"
            yield element("line", x1=x, x2=x, y1="20", y2=str(height), class_="axis")
            yield element("text", clock(at), x=x, y="13", text_anchor=anchor, class_="soft")


def _row(one: Told, block: Mapping[str, Any], top: int, scale: _Scale) -> Iterator[Element]:
    name = text(block.get("block"))
    events = sorted(one.events_of(name), key=lambda event: number(event.get("at")))
    yield element("text", _cut(name, 150), x="0", y=str(top + 11))
    yield element("text", _cut(one.name, 150), x="0", y=str(top + 26), class_="soft")
    for at, served in enumerate(_served(events, block, scale.end)):
        x, width = scale.x(served.start), max(1.5, scale.x(served.end) - scale.x(served.start))
        said = f"{served.name} served from {clock(served.start)} to {clock(served.end)}"
        yield _bar(x, top, width, _BAR, "serves other" if at % 2 else "serves", said)
        if served.until > served.end:
            length = max(3.0, scale.x(served.until) - scale.x(served.end))
            said = f"{served.name} lingered until {clock(served.until)}"
            yield _bar(scale.x(served.end), top + _BAR + 2, length, 9, "lingers", said)
        indent = 19 if served.again else 5  # behind the arrow
        if (label := _cut(served.name, width - indent - 3)) and width > 3 * _LETTER:
            yield element("text", label, x=f"{x + indent:.1f}", y=str(top + 15))
    yield from _marks(events, top, scale)


def _bar(x: float, y: int, width: float, height: int, kind: str, said: str) -> Element:
    return element(
        "rect",
        element("title", said),
        x=f"{x:.1f}",
        y=str(y),
        width=f"{width:.1f}",
        height=str(height),
        rx="3",
        class_=kind,
    )


def _marks(events: Iterable[Mapping[str, Any]], top: int, scale: _Scale) -> Iterator[Element]:
    for event in events:
        x = scale.x(number(event.get("at")))
        if event.get("event") == "Refused":
            path, kind = f"M{x - 5:.1f} {top + 6}l10 10m0 -10l-10 10", "refused"
        elif event.get("event") == "RolledBack":
            path, kind = f"M{x + 15:.1f} {top + 11}h-10l4 -4m-4 4l4 4", "back"
        else:
            continue
        yield element("path", element("title", text(event.get("text"))), d=path, class_=kind)


def _served(events: Sequence[Mapping[str, Any]], block: Mapping[str, Any], now: float) -> Iterator[_Served]:
    begun = [event for event in events if event.get("event") in _SERVES]
    for event, after in zip(begun, [*begun[1:], None], strict=False):
        end = now if after is None else number(after.get("at"))
        label, generation = text(event.get("label")), event.get("generation")
        left = (
            number(one.get("at"))
            for one in events
            if number(one.get("at")) >= end
            if (one.get("event") == "Drained" and generation in many(one.get("retired")))
            or (one in begun and one.get("generation") == generation)
        )
        lingers = any(one.get("generation") == generation for one in listed(block.get("lingering")))
        until = end if after is None else next(left, now if lingers else end)
        again = event.get("event") == "RolledBack"
        yield _Served(number(event.get("at")), end, until, f"{text(generation)} {label}".strip(), again)


def _cut(said: str, width: float) -> str:
    most = max(0, int(width / _LETTER))
    return said if len(said) <= most else f"{said[: most - 1]}…" if most > 1 else ""
