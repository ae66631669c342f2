"""A block, its generations and their members: the state, without the means to build, publish or replace anything.

Guarantees: a generation's namespaces, cells and local functions are written while it is built and afterwards by its
own code alone. `Block.by_globals` knows exactly the generations that are kept or being built.
Threads: a block's tables are changed only by the thread that holds its claim; readers need no lock. What other threads
may write as well is said where it is declared.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import CellType, FunctionType, ModuleType
from typing import Any, Protocol

from blockfreeze.core.events import Subscriber
from blockfreeze.core.report import Lingering
from blockfreeze.core.safe_access import ABSENT, own_attribute
from blockfreeze.linking.linkage import Linkage
from blockfreeze.model.declared import Variable
from blockfreeze.model.entry import Entry
from blockfreeze.model.frame_note import FrameNote
from blockfreeze.model.overlay import Overlay
from blockfreeze.model.phase import Phase
from blockfreeze.model.records import (
    BuildRecord,
    Claim,
    ClassTables,
    ContentsRecord,
    DrainRecord,
    InstanceTables,
    Locks,
    Options,
    ReportRecord,
    SearchRecord,
    WarningNames,
)
from blockfreeze.model.reference import Reference
from blockfreeze.versions.module_source import ModuleSource, covers
from blockfreeze.versions.snapshot import Snapshot

LoadMember = Callable[["Generation", str], "Member | None"]
"""Loads a member into a generation; returns None if it has no such module."""

OpenCopy = Callable[["Block", ModuleSource], tuple[ModuleType, Callable[[ModuleType], Any]]]
"""Opens a block of its own for a second module of the same source: returns its facade, and what runs the body."""


class Member:
    """One module of one generation: its private namespace, its cells and what it was linked from."""

    __slots__ = (
        "assignment_cells",
        "beneath",
        "cells",
        "finished",
        "foreign",
        "linkage",
        "moved",
        "name",
        "namespace",
        "overlays",
        "own_classes",
        "raws",
        "remade",
        "set_outside",
        "shadows",
        "source",
    )

    def __init__(self, name: str, namespace: dict[str, Any], source: ModuleSource) -> None:
        self.name = name
        self.namespace = namespace
        self.source = source
        self.linkage = Linkage({}, frozenset(), frozenset(), {})
        self.cells: dict[str, CellType] = {}
        self.assignment_cells: list[tuple[CellType, Any, Any]] = []  # each with its hook and what does without
        self.raws: dict[str, FunctionType] = {}  # decorated functions as they were before their decorators
        self.moved: dict[str, dict[str, Any]] = {}  # the homes of state variables that are not of the first version
        self.foreign: dict[int, Any] = {}  # what can be called and came by a star import from outside, by id
        self.beneath: dict[str, Any] = {}  # what its names mean that are patched, see `blockfreeze.state.patches`
        self.set_outside: set[str] = set()  # names that were set from outside, which the next version overwrites
        self.finished = False  # its body has run
        # Until its body has run: the classes that its statements have made, whatever their ``__module__`` says then.
        self.own_classes: dict[int, type] = {}
        # Until its generation is complete: overlays over its homes; what its body has made, and what stands for each.
        self.overlays: list[Overlay] = []
        self.shadows: list[tuple[type, type]] = []
        self.remade: dict[int, tuple[FunctionType, FunctionType]] = {}

    def meaning(self, name: str) -> Any:
        """Return what the member's own code has `name` mean, whatever is set from outside; `ABSENT` if nothing."""
        return self.beneath[name] if name in self.beneath else self.namespace.get(name, ABSENT)

    def home_of(self, block: Block, name: str) -> dict[str, Any]:
        """Return the dictionary that has the state variable `name` for this member's generation."""
        return self.moved[name] if name in self.moved else block.homes[self.name]

    def overlay_of(self, block: Block, name: str) -> dict[str, Any]:
        """Return what its own code takes for the home of the state variable `name` now."""
        home = self.home_of(block, name)
        return next((overlay for overlay in self.overlays if overlay.home is home), home)

    def made(self, value: object) -> bool:
        """Tell whether a function or class says that it comes from this module, which may have renamed itself."""
        return bool(own_attribute(value, "__module__") == self.namespace.get("__name__", self.name))


class Generation:
    """One version of a block, whole: numbered from 1; 0 is a world that was imported before it was frozen."""

    def __init__(self, block: Block, number: int, snapshot: Snapshot, predecessor: int | None) -> None:
        self.block = block
        self.number = number
        self.snapshot = snapshot
        self.predecessor = predecessor
        self.release = self.label = ""  # where it was read from, if that is a release, and what it is called
        self.phase = Phase.OPENING if predecessor is None else Phase.BUILDING
        self.members: dict[str, Member] = {}
        self.locals: dict[Entry, Callable[..., Any]] = {}
        self.variables: dict[tuple[str, str], Variable] = {}  # declared, or found declared by the next generation
        self.compared: dict[str, Generation] = {}  # with which of them a member shares identities that is being loaded
        self.warning_names = WarningNames({}, (), frozenset(), frozenset(), {})
        self.classes = ClassTables()
        self.build = BuildRecord()
        self.contents = ContentsRecord()
        self.drain = DrainRecord()
        self.report = ReportRecord()
        self.note = FrameNote({block: self})  # on frames that run in it, or that such a frame has called

    def __repr__(self) -> str:
        return f"<generation {self.number} of {self.block.name}>"

    def before(self, member: str) -> Generation:
        """Return the generation whose identities `member` of this one is to have: mostly, the one that serves."""
        return self.compared.get(member, self.block.current)

    def complete_members(self) -> frozenset[str]:
        """Return the names of the members whose bodies have run."""
        return frozenset(name for name, member in self.members.items() if member.finished)

    def own(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return what `function`, which this generation has named as a hook, is in it: if it is an entry, the local."""
        entry = self.block.entry_of(function)
        return function if entry is None else self.locals.get(entry, function)

    def own_value(self, value: Any) -> Any:
        """Return what a cell of this generation holds for a name that means `value`: for an entry, the local."""
        entry = self.block.entry_of(value)
        return value if entry is None else self.locals.get(entry, value)


class PatchTable(Protocol):
    """What is set from outside for a test, in every generation; see `blockfreeze.state.patches`."""

    def renew_lock(self) -> None:
        """Forget who holds its lock, in the child of a fork."""

    def put(self, block: Block, generation: Generation, module: str, name: str, value: Any) -> None:
        """Set a name in every generation; to set what it meant takes the patch back."""

    def apply(self, block: Block, generation: Generation) -> None:
        """Let a generation that is new, or has new members, have what is patched."""

    def is_patch(self, holder: Any, name: str, value: Any, own: Any) -> bool:
        """Tell whether an attribute of a class or function is a patch."""


class OverlapWatcher(Protocol):
    """What ends overlaps in the background; see `blockfreeze.draining.background`."""

    def watch(self, block: Block, converge: Callable[[Block], list[Lingering]]) -> None:
        """Begin to wait for the end of the overlap of a block."""


class Block:
    """One or more modules that are linked together and replaced as one unit through `reference`."""

    def __init__(self, roots: tuple[str, ...], patches: PatchTable, options: Options) -> None:
        self.name = "+".join(roots)
        self.roots = roots
        self.options = options
        self.patchable = options.patchable
        self.history = options.history
        self.pointer: str | None = None  # what says which release the block is to be, for those who start later
        self.reference = Reference()
        self.outside = FrameNote({self: None})  # on frames that no frame of this block has called
        self.claim = Claim()
        self.locks = Locks()
        # Entries.
        self.slots: list[Entry] = []
        self.entries: dict[tuple[str, str], Entry] = {}
        self._entry_by_id: dict[int, Entry] = {}
        self.declared_entries: set[str] = set()
        self.armed = False
        # Generations.
        self.generations: dict[int, Generation] = {}
        self.by_globals: dict[int, Generation] = {}
        self.last_number = 0
        self.served: list[int] = []  # numbers of generations in the order in which they last began to serve
        # Modules.
        self.facades: dict[str, ModuleType] = {}
        self.elsewhere: set[str] = set()  # modules inside that have put another object in their place in sys.modules
        self.published: set[str] = set()  # members that sys.modules has had; who takes one out asks for another module
        self.open_copy: OpenCopy | None = None
        self.load_member: LoadMember = lambda generation, name: generation.members.get(name)
        # State.
        self.homes: dict[str, dict[str, Any]] = {}
        self.variables: dict[tuple[str, str], Variable] = {}  # as the generation declares them that serves, or last did
        self.patches = patches
        self.at_fork: list[tuple[str, dict[str, Any]]] = []  # what versions have registered that came to serve
        # What bodies have replaced outside, by the target's id and the name: the target, the original, what is there.
        self.replaced_outside: dict[tuple[int, str], tuple[Any, Any, Any]] = {}
        self.instances = InstanceTables()
        self.search = SearchRecord()
        self.subscribers: Sequence[Subscriber] = ()  # the registry's, once the block is entered there, as the watcher
        self.watcher: OverlapWatcher | None = None

    def renew_locks(self) -> None:
        """Forget who holds the locks: in a child process, which does not have the threads that did."""
        self.locks = Locks()
        self.claim.renew_lock()
        self.patches.renew_lock()

    @property
    def current(self) -> Generation:
        """The generation that serves new calls: read off the one reference, and stored nowhere beside it."""
        current: Generation = self.reference.vector[0].current
        return current

    def retired(self) -> list[Generation]:
        """Return every generation that is known and does not serve."""
        current = self.current
        return [one for one in tuple(self.generations.values()) if one is not current]

    def covers(self, name: str) -> bool:
        """Tell whether the module `name` is, or would be, a member of this block."""
        return name not in self.elsewhere and covers(self.roots, name)

    def is_foreign(self, module: str) -> bool:
        """Tell whether a module is somebody else's: neither the block's own nor of the standard library."""
        return module.partition(".")[0] not in sys.stdlib_module_names and not self.covers(module)

    def entry_of(self, value: object) -> Entry | None:
        """Return the entry whose one identity is `value`, if it is an entry's function."""
        entry = self._entry_by_id.get(id(value))
        return entry if entry is not None and entry.function is value else None

    def add_entry(
        self, generation: Generation, member: str, path: str, function: FunctionType, *, wrapper: bool = False
    ) -> Entry:
        """Give `function`, which `generation` has made, a slot; slots are only added, so its number is for ever."""
        with self.locks.tables:
            entry = Entry(member, path, function, len(self.slots) + 1, wrapper=wrapper)
            self.slots.append(entry)
            self.entries[member, path] = entry
            self._entry_by_id[id(function)] = entry
            entry.shown = generation.number
            generation.locals[entry] = function
        return entry

    def drop_entries(self, count: int) -> None:
        """Take out the entries after the first `count`: of a generation that nobody has seen.

        A module may have joined another generation meanwhile: its entries stay, and so do the slots before them.
        """
        with self.locks.tables:
            used = {entry for generation in tuple(self.generations.values()) for entry in tuple(generation.locals)}
            for entry in self.slots[count:]:
                if entry not in used:
                    self._entry_by_id.pop(id(entry.function), None)
                    self.entries.pop((entry.member, entry.path), None)
            while len(self.slots) > count and self.slots[-1] not in used:
                self.slots.pop()

    def enter_member(self, generation: Generation, member: Member) -> None:
        """Enter a member's namespace into the tables by which frames find their generation."""
        with self.locks.tables:
            # A new table each time: a swap in another thread may be walking through the one that there is.
            generation.members = {**generation.members, member.name: member}
            generation.build.opening.discard(member.name)
        self.by_globals[id(member.namespace)] = generation

    def expel_member(self, generation: Generation, name: str) -> None:
        """Take a member whose body failed out of the tables again."""
        with self.locks.tables:
            member = generation.members[name]
            generation.members = {key: one for key, one in generation.members.items() if key != name}
        self.by_globals.pop(id(member.namespace), None)

    def forget(self, generation: Generation) -> None:
        """Take a generation out of the tables; what still holds its functions keeps them alive, nothing else does."""
        for member in generation.members.values():
            if self.by_globals.get(id(member.namespace)) is generation:
                del self.by_globals[id(member.namespace)]
        self.generations.pop(generation.number, None)
        for other in tuple(self.generations.values()):
            other.contents.taken.pop(generation.number, None)
        generation.note.forget()
