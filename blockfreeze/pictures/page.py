"""The status page: one HTML file that needs nothing else, no scripts either. What it shows is read with care."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from time import gmtime, strftime
from types import MappingProxyType
from typing import Any, Final
from xml.etree.ElementTree import Element

from blockfreeze.core.version import __version__
from blockfreeze.pictures.markup import Content, element, table, written
from blockfreeze.pictures.style import STYLE
from blockfreeze.pictures.timeline import MOST, timeline
from blockfreeze.pictures.told import Told, everything, listed, number, processes_of, release_of, text

POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)
"""What the page may load (its own style), and do (nothing), as ``Content-Security-Policy`` has it."""

_ROWS: Final = 100
"""How many events are listed, the latest ones."""

_WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "Frozen": ("began", ""),
        "Committed": ("swapped", "good"),
        "RolledBack": ("rolled back", "old"),
        "Refused": ("refused", "bad"),
        "Drained": ("drained", ""),
        "Lingers": ("lingers", "old"),
        "InstancesConverted": ("converted", ""),
    }
)


def page(
    documents: Iterable[Mapping[str, Any]], now: float, *, refresh: float = 0, link: str = "", title: str = ""
) -> str:
    """Return the page.

    Args:
        documents: what processes tell, as `told` reads it.
        now: the time since the epoch.
        refresh: after how many seconds a browser is to ask again; never if it is 0.
        link: where it is shown without that, or with it; nowhere if it is empty.
        title: what stands above; if empty, that it is blockfreeze.
    """
    told = processes_of(documents)
    title = title or "blockfreeze: what runs"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        *([element("meta", http_equiv="refresh", content=f"{refresh:g}")] if refresh else ()),
        element("title", title),
        _style(),
    )
    sections = [_services(told), _lingering(told), _over_time(told, now), _happened(told), _processes(told)]
    top = element("header", element("h1", title), element("p", *_said(told, now, refresh, link)))
    foot = element("footer", element("p", f"blockfreeze {__version__}. This page shows, and changes nothing."))
    return written(element("html", head, element("body", top, element("main", *sections), foot), lang="en"))


def _style() -> Element:
    made = Element("style")
    made.text = STYLE  # as it is: its hash is in the policy
    return made


def _said(told: Sequence[Told], now: float, refresh: float, link: str) -> Iterator[Content]:
    yield f"{_count(len(told), 'process', 'processes')}, at "
    yield element(
        "time", strftime("%Y-%m-%d %H:%M:%S UTC", gmtime(now)), datetime=strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(now))
    )
    yield f", shown again every {refresh:g} s. " if refresh else ". "
    if link:
        yield element("a", "Pause" if refresh else "Go on", href=link)


def _section(title: str, *content: Content) -> Element:
    name = title.lower().replace(" ", "-")
    return element("section", element("h2", title, id=name), *content, aria_labelledby=name)


def _count(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"


def _mark(said: str, kind: str) -> Content:
    return element("span", said, class_=f"mark {kind}") if kind else said


def _numbers(said: str) -> Element:
    return element("td", said, class_="number")


def _services(told: Sequence[Told]) -> Element:
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for _, block in everything(told):
        groups.setdefault((text(block.get("block")), text(block.get("pointer"))), []).append(block)
    if not groups:
        return _section("Services", element("p", "No process has a block."))
    rows = [_service(name, pointer, blocks) for (name, pointer), blocks in sorted(groups.items())]
    heads = ("block", "serves", "state", "processes", "lingering", "release pointer")
    return _section("Services", table("What each block serves, over all processes", heads, rows))


def _service(name: str, pointer: str, blocks: Sequence[Mapping[str, Any]]) -> list[Content]:
    served = Counter(release_of(one) for one in blocks)
    states = {text(one.get("state")) for one in blocks}
    lingering = sum(len(listed(one.get("lingering"))) for one in blocks)
    if len(served) > 1:
        state = _mark("mixed", "bad")
    elif "starting" in states:
        state = _mark("starting", "old")
    else:
        state = _mark("overlap", "old") if "overlap" in states else _mark("serving", "good")
    several = [f"{release or 'nothing yet'} in {count}" for release, count in served.most_common()]
    said = ", ".join(several) if len(served) > 1 else next(iter(served))
    return [
        name,
        said,
        state,
        _numbers(f"{len(blocks):,}"),
        _numbers(f"{lingering:,}"),
        element("code", pointer or "none"),
    ]


def _lingering(told: Sequence[Told]) -> Element:
    found = [
        (number(one.get("seconds")), process.name, text(block.get("block")), one)
        for process, block in everything(told)
        for one in listed(block.get("lingering"))
    ]
    if not found:
        return _section("Who lingers", element("p", "Nobody: nothing runs in an older generation."))
    rows: list[list[Content]] = [
        [
            element("td", f"{text(one.get('kind'))} {text(one.get('owner'))}", class_="text"),
            _numbers(_age(seconds)),
            block,
            _numbers(text(one.get("generation"))),
            element("code", f"{text(one.get('function'))} at {text(one.get('file'))}:{text(one.get('line'))}"),
            name,
        ]
        for seconds, name, block, one in sorted(found, key=lambda one: (-one[0], *one[1:3]))
    ]
    heads = ("who", "since it was left", "block", "generation", "where", "process")
    return _section("Who lingers", table("What still runs in an older generation, the oldest first", heads, rows))


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _over_time(told: Sequence[Told], now: float) -> Element:
    drawn = timeline(told, now)
    if drawn is None:
        return _section("Generations over time", element("p", "Nothing has happened that is known of."))
    legend = (
        "A bar is a generation that serves. Hatched: it lingers. A cross is a refusal, an arrow back a rollback. UTC."
    )
    more = [element("p", f"The first {MOST} are drawn.", class_="soft")] if len([*everything(told)]) > MOST else []
    region = element(
        "div", drawn, class_="scroll", tabindex="0", role="region", aria_label="Generations over time, drawn"
    )
    return _section("Generations over time", element("p", legend, class_="soft"), region, *more)


def _happened(told: Sequence[Told]) -> Element:
    found = sorted(
        ((number(event.get("at")), one.name, event) for one in told for event in one.events),
        key=lambda one: (-one[0], one[1]),
    )
    if not found:
        return _section("What happened", element("p", "Nothing that is known of."))
    rows = [_event(at, name, event) for at, name, event in found[:_ROWS]]
    heads = ("time", "what", "block", "generation", "in words", "process")
    caption = "Swaps, rollbacks and refusals with their causes, the latest first"
    return _section("What happened", table(caption, heads, rows))


def _event(at: float, name: str, event: Mapping[str, Any]) -> list[Content]:
    said, kind = _WORDS.get(text(event.get("event")), (text(event.get("event")), ""))
    block = text(event.get("block"))
    return [
        element(
            "td",
            element(
                "time", strftime("%m-%d %H:%M:%S", gmtime(at)), datetime=strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(at))
            ),
        ),
        _mark(said, kind),
        block,
        _numbers(f"{text(event.get('generation'))} {text(event.get('label'))}".strip()),
        element("td", text(event.get("text")).removeprefix(f"{block}: "), class_="text"),
        name,
    ]


def _processes(told: Sequence[Told]) -> Element:
    rows: list[list[Content]] = []
    for one in told:
        if one.silent or not one.blocks:
            rows.append([one.name, _mark("does not answer", "bad") if one.silent else one.program, *[""] * 6])
        rows += [_process(one, block) for block in one.blocks]
    if not rows:
        return _section("Processes", element("p", "There is none."))
    heads = ("process", "program", "Python", "block", "generation", "release", "state", "source")
    return _section("Processes", table("Each block of each process", heads, rows))


def _process(one: Told, block: Mapping[str, Any]) -> list[Content]:
    state = text(block.get("state"))
    kept = [text(other.get("number")) for other in listed(block.get("generations"))]
    others = [number_ for number_ in kept if number_ != text(block.get("generation"))]
    return [
        one.name,
        one.program,
        one.python,
        text(block.get("block")),
        _numbers(text(block.get("generation")) + (f", keeps {', '.join(others)}" if others else "")),
        release_of(block),
        _mark(state, "good" if state == "serving" else "old"),
        element("code", text(block.get("hash"))[:12]),
    ]
