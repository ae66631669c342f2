"""Charts of the manual, drawn from the results that are kept in docs/results: `python -m benchmarks.charts`.

They are SVG, written by hand from rectangles and text: the same results give the same bytes, so a test can tell whether
a chart is what its results say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.costs.document import from_json
from benchmarks.costs.rows import shown
from benchmarks.frame.pages import ROOT

__all__ = ["CHARTS", "IMAGES", "RESULTS", "latency", "main", "torn"]

RESULTS = ROOT / "docs" / "results"
IMAGES = ROOT / "docs" / "pages" / "images"

_WIDTH, _LEFT, _SCALE, _TOP = 860, 250, 400, 74
_STEP, _HEIGHT, _GAP = 21, 15, 18
_BLUE, _BLACK = "#1565c0", "#212121"
_KINDS = {"torn": "#c62828", "raised": "#ef9a9a", "stale": "#9e9e9e"}
"""What can be wrong with a call, and its colour."""


@dataclass(frozen=True)
class Bar:
    """One bar: coloured parts of the scale one after another, the words after it, and where a mark stands."""

    label: str
    parts: Sequence[tuple[float, str]]
    words: str
    mark: float | None = None


@dataclass(frozen=True)
class Chart:
    """Groups of bars with a title, a legend of colours, and the value at which the scale ends."""

    title: str
    legend: Sequence[tuple[str, str]]
    groups: Sequence[tuple[str, Sequence[Bar]]]
    end: float


def _text(x: float, y: float, words: str, *, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def _rectangle(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _bar(bar: Bar, y: float, end: float) -> Iterator[str]:
    x = float(_LEFT)
    yield _text(_LEFT - 8, y + 12, bar.label, anchor="end")
    for value, colour in bar.parts:
        width = value / end * _SCALE
        if width:
            yield _rectangle(x, y, width, _HEIGHT, colour)
        x += width
    if bar.mark is not None:
        yield _rectangle(_LEFT + bar.mark / end * _SCALE - 1, y - 2, 3, _HEIGHT + 4, _BLACK)
        x = max(x, _LEFT + bar.mark / end * _SCALE + 2)
    yield _text(x + 7, y + 12, bar.words)


def _legend(chart: Chart) -> Iterator[str]:
    x = 24.0
    for words, colour in chart.legend:
        yield _rectangle(x, 43, 12, 12, colour)
        yield _text(x + 18, 53, words)
        x += 40 + 7.2 * len(words)


def drawn(chart: Chart) -> str:
    """Return the chart as the text of an SVG file."""
    inside = [_text(24, 28, chart.title, more=' font-weight="bold" font-size="16"'), *_legend(chart)]
    y = float(_TOP)
    for label, bars in chart.groups:
        inside.append(_text(24, y + 12, label, more=' font-weight="bold"'))
        for bar in bars:
            inside += _bar(bar, y, chart.end)
            y += _STEP
        y += _GAP
    inside.insert(0, f'<rect width="{_WIDTH}" height="{y:.0f}" rx="8" fill="#fafafa" stroke="#e0e0e0"/>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y:.0f}" role="img"'
    font = 'font-family="system-ui, sans-serif" font-size="13" fill="#212121"'
    return "\n".join([f"{head} {font}>", f"<title>{escape(chart.title)}</title>", *inside, "</svg>"]) + "\n"


def torn(text: str) -> Chart:
    """Return the chart of what ``python -m benchmarks.torn --json`` wrote: shares of calls, in per cent."""
    groups: dict[str, list[Bar]] = {}
    outcomes = json.loads(text)
    for one in outcomes:
        counts = {kind: one[kind] for kind in _KINDS if one[kind]}
        parts = [(100 * count / one["calls"], _KINDS[kind]) for kind, count in counts.items()]
        words = ", ".join(f"{count:,} {kind}" for kind, count in counts.items()) or "none"
        groups.setdefault(one["shape"], []).append(Bar(one["tool"], parts, f"{words} of {one['calls']:,}"))
    return Chart(
        f"Calls torn, raised or stale, as shares of all calls, CPython {outcomes[0]['python']}",
        [(kind, colour) for kind, colour in _KINDS.items() if any(one[kind] for one in outcomes)],
        list(groups.items()),
        100.0,
    )


def latency(text: str) -> Chart:
    """Return the chart of what ``python -m benchmarks latency --json`` wrote."""
    document = from_json(text)
    rows = [row for answer in document.answers if answer.name == "latency" for row in answer.rows if row.ratio]
    groups: dict[str, list[Bar]] = {}
    for row in rows:
        quiet = row.baseline_median or 0.0
        words = f"{shown(row.candidate_median, row.unit)}, without updates {shown(quiet, row.unit)}"
        bar = Bar(row.candidate, [(row.candidate_median, _BLUE)], words, quiet)
        groups.setdefault(row.case.removeprefix("latency, "), []).append(bar)
    return Chart(
        f"Latency of calls while the module is updated without pause, {document.implementation} {document.python}",
        [("with updates", _BLUE), ("without", _BLACK)],
        list(groups.items()),
        max(row.candidate_median for row in rows) * 1.25,
    )


CHARTS: dict[str, Callable[[str], Chart]] = {"torn": torn, "latency": latency}
"""What is drawn: the name of the result, and of the image, and how."""


def main() -> None:
    """Draw every chart anew."""
    for name, chart in CHARTS.items():
        result = (RESULTS / f"{name}.json").read_text(encoding="utf-8")
        (IMAGES / f"{name}.svg").write_text(drawn(chart(result)), encoding="utf-8")


if __name__ == "__main__":
    main()
