"""The graph of a block: plain values, which are immutable, compared and pickled, and written as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase

from blockfreeze.pictures import dot, mermaid, svg
from blockfreeze.pictures.parts import Change, Definition, Link, LinkKind


@dataclass(frozen=True)
class Graph:
    """The definitions of a block, sorted by name, and how they use each other; see `blockfreeze.graph`.

    `against` says what the block was compared with; empty if it was not. `unreadable` has what cannot be compiled.
    Calls through values (methods of objects, tables, callbacks) are no links: what they reach is known when they are
    made.
    """

    block: str
    definitions: tuple[Definition, ...]
    links: tuple[Link, ...]
    against: str = ""
    unreadable: tuple[str, ...] = ()

    def only(self, patterns: Iterable[str]) -> Graph:
        """Return the part whose names match one of the patterns, as in a shell; the module of a body is its name."""
        wanted = tuple(patterns)
        kept = [one for one in self.definitions if any(fnmatchcase(one.name, pattern) for pattern in wanted)]
        return replace(self, definitions=tuple(kept), links=_among(kept, self.links))

    def by_module(self, parts: int | None = None) -> Graph:
        """Return the graph of the modules; a link says how many definitions use others there.

        Args:
            parts: put those together whose names begin with the same so many parts: 2 for ``django.template``.
        """
        home = {one.name: ".".join(one.module.split(".")[:parts]) for one in self.definitions}
        inside: dict[str, list[Definition]] = {}
        for one in self.definitions:
            inside.setdefault(home[one.name], []).append(one)
        between: dict[tuple[str, str], list[LinkKind]] = {}
        for link in self.links:
            if home[link.caller] != home[link.callee]:
                between.setdefault((home[link.caller], home[link.callee]), []).append(link.kind)
        links = [
            Link(*ends, kinds[0] if len({*kinds}) == 1 else LinkKind.SEVERAL, len(kinds))
            for ends, kinds in sorted(between.items())
        ]
        return replace(
            self,
            definitions=tuple(_module(name, inside[name]) for name in sorted(inside)),
            links=tuple(links),
        )

    @classmethod
    def of(
        cls,
        block: str,
        definitions: Iterable[Definition],
        links: Iterable[Link],
        *,
        against: str = "",
        unreadable: Iterable[str] = (),
    ) -> Graph:
        """Return a graph in its order; without the bodies that use nothing and have not changed."""
        linked = tuple(sorted(set(links), key=lambda one: (one.caller, one.callee, one.kind)))
        callers = {one.caller for one in linked}
        kept = (one for one in definitions if one.kind != "body" or one.change or one.name in callers)
        return cls(block, tuple(sorted(kept, key=lambda one: one.name)), linked, against, tuple(unreadable))

    def in_short(self, most: int) -> Graph:
        """Return the graph of at most `most` modules, or of packages that are as small as that allows."""
        longest = max((one.module.count(".") + 1 for one in self.definitions), default=1)
        graphs = (self.by_module(parts) for parts in range(longest, 1, -1))
        return next((one for one in graphs if len(one.definitions) <= most), self.by_module(1))

    @property
    def title(self) -> str:
        """What the picture shows, in words."""
        return f"{self.block} against {self.against}" if self.against else self.block

    def to_dot(self) -> str:
        """Return the graph in the language of Graphviz."""
        return dot.to_dot(self.title, self.definitions, self.links)

    def to_mermaid(self) -> str:
        """Return the graph as a flowchart of Mermaid."""
        return mermaid.to_mermaid(self.title, self.definitions, self.links)

    def to_svg(self) -> str:
        """Return the graph as a picture.

        Raises:
            ControlError: the extra ``graph``, or Graphviz itself, is not installed.
        """
        return svg.to_svg(self.title, self.to_dot(), [one.name for one in self.definitions])

    def to_json(self) -> dict[str, object]:
        """Return the graph as a dictionary of JSON-serialisable values."""
        return asdict(self)


def _among(kept: Iterable[Definition], links: Iterable[Link]) -> tuple[Link, ...]:
    names = {one.name for one in kept}
    return tuple(one for one in links if one.caller in names and one.callee in names)


def _module(name: str, inside: list[Definition]) -> Definition:
    definitions = [one for one in inside if one.kind != "body"]
    counts = Counter(one.change for one in definitions)
    body = [
        f"body {one.change}"
        for one in inside
        if one.kind == "body" and one.change in (Change.CHANGED, Change.BY_CALLEE)
    ]
    entries = {one.entry for one in inside}
    unbound = sum(bool(one.reasons) for one in definitions)
    return Definition(
        name,
        name,
        "module",
        inside[0].file,
        entry=next((one for one in ("declared", "public") if one in entries), ""),
        reasons=(f"{unbound} of {len(definitions)} definitions",) if unbound else (),
        change=_of_module(inside),
        because=(*(f"{counts[kind]} {kind}" for kind in Change if kind and counts[kind]), *body),
        inside=len(definitions),
    )


def _of_module(inside: list[Definition]) -> Change:
    changes = {one.change for one in inside}
    if len(changes) == 1:
        return changes.pop()
    return Change.BY_CALLEE if changes == {Change.NONE, Change.BY_CALLEE} else Change.CHANGED
