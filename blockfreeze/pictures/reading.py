"""Making the graph of a block from its modules as they are read; nothing of them is run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from blockfreeze.linking.analysis import analyse
from blockfreeze.pictures.graph import Graph
from blockfreeze.pictures.parts import Definition, Link, LinkKind
from blockfreeze.pictures.uses import ModuleUses, Use, uses_in
from blockfreeze.versions.module_source import covers
from blockfreeze.versions.snapshot import Snapshot

_DECLARES: Final = frozenset({"blockfreeze.entry", "blockfreeze.freeze_block"})


@dataclass(frozen=True)
class Reading:
    """A version of a block, with the body of every module among its definitions.

    `reads` has, by definition, the variables of the top level, and the names imported from elsewhere, that it reads.
    """

    block: str
    snapshot: Snapshot
    modules: Mapping[str, ModuleUses]
    definitions: Mapping[str, Definition]
    links: Collection[Link]
    reads: Mapping[str, frozenset[str]]
    unreadable: tuple[str, ...]

    def graph(self) -> Graph:
        """Return the graph of this version alone."""
        return Graph.of(self.block, self.definitions.values(), self.links, unreadable=self.unreadable)


def read_version(block: str, snapshot: Snapshot) -> Reading:
    """Read a version; what cannot be compiled is left out, and said."""
    modules: dict[str, ModuleUses] = {}
    unreadable: list[str] = []
    for name, source in sorted(snapshot.modules.items()):
        try:
            code = source.compile()
        except (SyntaxError, ValueError, ImportError) as error:
            unreadable.append(f"{name}: {type(error).__name__}: {error}")
            continue
        linkage = analyse(code, lambda one, level: bool(level) or covers(snapshot.roots, one))
        modules[name] = uses_in(name, source.package, code, linkage)
    names = _Names(modules)
    public = set(_public(names, snapshot.roots))
    definitions: dict[str, Definition] = {}
    links: set[Link] = set()
    reads: dict[str, frozenset[str]] = {}
    for one in modules.values():
        for owner, uses in sorted(one.uses.items()):
            name = f"{one.name}.{owner}" if owner else one.name
            reads[name] = frozenset(read for use in uses for read in names.variables(use))
            links.update(_links_of(name, uses, names))
            definitions[name] = _definition(one, owner, uses, public, names)
    return Reading(block, snapshot, modules, definitions, links, reads, tuple(unreadable))


def _definition(one: ModuleUses, owner: str, uses: Iterable[Use], public: Collection[str], names: _Names) -> Definition:
    file = one.code.co_filename
    if not owner:
        return Definition(one.name, one.name, "body", file, 1)
    name, reasons = f"{one.name}.{owner}", []
    for qualified, reason in one.linkage.reasons.items():
        if qualified == owner:
            reasons.append(reason.value)
        elif qualified.partition(".")[0] == owner:
            reasons.append(f"{qualified.partition('.')[2]}: {reason.value}")
    declared = any(use.at_import and names.whole(use.dotted) in _DECLARES for use in uses)
    entry = "declared" if declared else "public" if name in public else ""
    return Definition(name, one.name, one.kind_of(owner), file, one.lines[owner], entry, tuple(reasons))


def _links_of(caller: str, uses: Iterable[Use], names: _Names) -> Iterator[Link]:
    for use in uses:
        found = names.definition(use.dotted)
        if found is None or found == caller:
            continue
        if use.bound and names.definition(use.first) == found:  # not a module, in which the rest would be looked up
            kind = LinkKind.BOUND
        elif use.at_import:
            kind = LinkKind.AT_IMPORT
        else:
            kind = LinkKind.BY_NAME if use.called or names.is_class(found) else LinkKind.VALUE
        yield Link(caller, found, kind)


def _public(names: _Names, roots: Collection[str]) -> Iterator[str]:
    """Yield what outsiders may use: what modules that are not private list or define, and what roots import."""
    for one in names.modules.values():
        if any(_is_private(part) for part in one.name.split(".")):
            continue
        listed = one.exported
        if listed is None:
            shown = one.lines.keys() | (one.imports.keys() if one.name in roots else set())
            listed = {name for name in shown if not _is_private(name)}
        found = (names.definition(f"{one.name}.{name}") for name in listed)
        yield from (name for name in found if name is not None)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


class _Names:
    """What dotted names mean in a version: definitions, through imports and star imports of the block's own modules."""

    def __init__(self, modules: dict[str, ModuleUses]) -> None:
        self.modules = modules
        self._found: dict[str, str] = {}

    def is_class(self, name: str) -> bool:
        """Tell whether a definition is a class."""
        module, _, own = name.rpartition(".")
        return self.modules[module].kind_of(own) == "class"

    def definition(self, dotted: str) -> str | None:
        """Return the definition that a dotted name means or begins with; None if it is another thing."""
        parent, _, name = self.whole(dotted).rpartition(".")
        while parent:
            if parent in self.modules and name in self.modules[parent].lines:
                return f"{parent}.{name}"
            parent, _, name = parent.rpartition(".")
        return None

    def variables(self, use: Use) -> Iterator[str]:
        """Yield the variable of the top level that is used, and the name that is imported from outside of the block."""
        found = self._variable(use.dotted)
        if found:
            yield found
        module, _, name = use.first.rpartition(".")
        if module in self.modules and name in self.modules[module].imports:
            yield use.first

    def _variable(self, dotted: str) -> str:
        parent, _, name = self.whole(dotted).rpartition(".")
        while parent:
            one = self.modules.get(parent)
            if one is not None:
                return f"{parent}.{name}" if name in one.stored and name not in one.lines else ""
            parent, _, name = parent.rpartition(".")
        return ""

    def whole(self, dotted: str) -> str:
        """Return the name under which what `dotted` means is where it was made; circles lead nowhere."""
        if dotted not in self._found:
            self._found[dotted] = dotted
            self._found[dotted] = self._whole(dotted)
        return self._found[dotted]

    def _whole(self, dotted: str) -> str:
        parent, _, name = dotted.rpartition(".")
        if not parent or dotted in self.modules:
            return dotted
        above = self.whole(parent)
        if above != parent:
            return self.whole(f"{above}.{name}")
        one = self.modules.get(parent)
        if one is None or name in one.lines:
            return dotted
        if name in one.imports:
            return self.whole(one.imports[name])
        for star in reversed(one.stars) if name not in one.stored else ():
            found = self.whole(f"{star}.{name}")
            if self.definition(found) is not None or self._variable(found):
                return found
        return dotted
