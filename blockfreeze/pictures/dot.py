"""A graph in the language of Graphviz, https://graphviz.org/doc/info/lang.html: modules are clusters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from blockfreeze.pictures.parts import COLOURS, Definition, Link, LinkKind, lines_of, shown

_LINES: Final[Mapping[LinkKind, str]] = MappingProxyType(
    {
        LinkKind.BOUND: "",
        LinkKind.BY_NAME: "style=dashed",
        LinkKind.VALUE: "style=dotted, arrowhead=vee",
        LinkKind.AT_IMPORT: "arrowhead=empty",
        LinkKind.SEVERAL: "arrowhead=diamond",
    }
)

LEGEND: Final = (
    "solid: bound. dashed: by name. dotted: as a value. hollow head: at import. diamond: in several ways. thick: entry"
)
"""What the lines mean, in words."""


def to_dot(title: str, definitions: Iterable[Definition], links: Iterable[Link]) -> str:
    """Return a graph in DOT; nodes are numbered, and every name is in a label."""
    clusters: dict[str, list[tuple[str, Definition]]] = {}
    numbers: dict[str, str] = {}
    for one in definitions:
        number = numbers[one.name] = f"n{len(numbers)}"
        clusters.setdefault("" if one.kind == "module" else one.module, []).append((number, one))
    lines = [
        "digraph {",
        f'  graph [rankdir=LR, label={_label([title, LEGEND])}, fontname="sans-serif", fontsize=11, color="#999999",',
        "    style=rounded, labeljust=l]",
        '  node [shape=box, style="rounded,filled", fillcolor="#f6f6f6", color="#555555",',
        '    fontname="sans-serif", fontsize=11]',
        '  edge [color="#555555", arrowsize=0.7, fontname="sans-serif", fontsize=9]',
    ]
    for at, (module, inside) in enumerate(clusters.items()):
        nodes = [_node(number, one) for number, one in inside]
        if module:
            lines += [
                f"  subgraph cluster_{at} {{",
                f"    label={_label([module])}",
                *(f"  {one}" for one in nodes),
                "  }",
            ]
        else:
            lines += nodes
    lines += (_edge(numbers, one) for one in links)
    return "\n".join([*lines, "}", ""])


def _node(number: str, one: Definition) -> str:
    label, tip = _label(lines_of(one)), _label([f"{one.name} {one.file}:{one.line}" if one.line else one.name])
    return f"  {number} [label={label}, tooltip={tip}{''.join(f', {part}' for part in _looks(one))}]"


def _looks(one: Definition) -> Iterator[str]:
    if one.change:
        fill, around = COLOURS[one.change]
        yield f'fillcolor="{fill}", color="{around}", class="{one.change.name.lower()}"'
    if one.kind == "class":
        yield "style=filled"
    if one.entry:
        yield "penwidth=2"


def _edge(numbers: Mapping[str, str], one: Link) -> str:
    parts = [_LINES[one.kind], f"tooltip={_label([f'{one.caller} uses {one.callee}: {one.kind}'])}"]
    parts += [f'label="{one.times}"'] if one.times > 1 else []
    return f"  {numbers[one.caller]} -> {numbers[one.callee]} [{', '.join(filter(None, parts))}]"


def _label(lines: Iterable[str]) -> str:
    """Return lines as a quoted text in which neither DOT's escapes nor its character entities mean anything."""
    texts = (shown(one).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for one in lines)
    return '"' + "\\n".join(texts) + '"'
