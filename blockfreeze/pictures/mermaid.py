"""A graph as a flowchart of Mermaid, https://mermaid.js.org/syntax/flowchart.html, which many sites draw."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from blockfreeze.pictures.parts import COLOURS, Definition, Link, LinkKind, lines_of, shown

_PLAIN: Final = frozenset(" .,:()_+-=/")
"""What besides letters and digits stands for itself in a quoted text."""

_MEANS_MORE: Final = re.compile(r"([\\$:])(?=\S)")

_ARROWS: Final[Mapping[LinkKind, str]] = MappingProxyType({LinkKind.BOUND: "-->", LinkKind.AT_IMPORT: "-->"})


def to_mermaid(title: str, definitions: Iterable[Definition], links: Iterable[Link]) -> str:
    """Return a graph as a flowchart; nodes are numbered, so no name is one of the language's own words."""
    clusters: dict[str, list[str]] = {}
    numbers: dict[str, str] = {}
    changed: dict[str, list[str]] = {}
    for one in definitions:
        number = numbers[one.name] = f"n{len(numbers)}"
        node = f'{number}["' + "<br/>".join(map(_escaped, lines_of(one))) + '"]'
        clusters.setdefault("" if one.kind == "module" else one.module, []).append(node)
        if one.change:
            changed.setdefault(one.change, []).append(number)
    lines = ["flowchart LR", f"  accTitle: {_escaped(title)}"]
    for at, (module, nodes) in enumerate(clusters.items()):
        inside = [f"  {'  ' if module else ''}{node}" for node in nodes]
        lines += [f'  subgraph m{at}["{_escaped(module)}"]', *inside, "  end"] if module else inside
    lines += [f"  {numbers[one.caller]} {_arrow(one)} {numbers[one.callee]}" for one in links]
    for change, (fill, around) in COLOURS.items():
        if change in changed:
            name = change.name.lower()
            lines += [
                f"  classDef {name} fill:{fill},stroke:{around},color:#111",
                f"  class {','.join(changed[change])} {name}",
            ]
    return "\n".join([*lines, ""])


def _arrow(one: Link) -> str:
    said: list[str] = [one.kind] if one.kind is not LinkKind.BOUND else []
    said += [f"{one.times} times"] if one.times > 1 else []
    return _ARROWS.get(one.kind, "-.->") + ('|"' + ", ".join(said) + '"|' if said else "")


def _escaped(text: str) -> str:
    r"""Return a text in which everything that is no letter, digit or harmless sign is a character entity.

    What Mermaid looks for in the text that it has decoded (line breaks as ``\n``, formulas, icons) is kept apart by
    characters that are not seen.
    """
    apart = _MEANS_MORE.sub("\\1\N{WORD JOINER}", shown(text))
    return "".join(one if one.isalnum() or one in _PLAIN else f"#{ord(one)};" for one in apart)
