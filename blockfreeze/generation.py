"""A block and its generations: what is kept, without the means to build, publish or replace it.

Guarantees: a generation's namespaces, cells and local functions are written while it is built and afterwards by its
own code alone. `Block.by_globals` knows exactly the generations that are kept or being built.
Threads: a block's tables are changed only by the thread that holds its `claim`; readers need no lock.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from types import CellType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from blockfreeze.asking import is_a, own_attribute
from blockfreeze.callers import may_warn, warns
from blockfreeze.drafts import Draft
from blockfreeze.entries import Entry, has_another
from blockfreeze.errors import EntryRemovedError
from blockfreeze.events import Subscriber
from blockfreeze.importlib_bootstrap import LoadFacade
from blockfreeze.linker import LinkedCode
from blockfreeze.names import Linkage
from blockfreeze.patches import Patches
from blockfreeze.pins import Hold
from blockfreeze.shapes import set_class
from blockfreeze.source import ModuleSource, Snapshot, covers
from blockfreeze.switch import ABSENT
from blockfreeze.vector import Reference

if TYPE_CHECKING:
    from blockfreeze.assignments import Assignments
    from blockfreeze.conversion import Conversion
    from blockfreeze.forecast import RunsAgain
    from blockfreeze.keeping import Converter, Left
    from blockfreeze.variables import Variable

__all__ = ["Block", "Generation", "LoadMember", "Member", "OpenCopy"]

LoadMember = Callable[["Generation", str], "Member | None"]
"""Loads a member into a generation; returns None if it has no such module."""
OpenCopy = Callable[["Block", ModuleSource], tuple[ModuleType, LoadFacade]]
"""Opens a block of its own for a second module of the same source: returns its facade, and what runs the body."""


class Member:
    """One module of one generation: its private namespace, its cells and what it was linked from."""

    __slots__ = (
        "assignments",
        "beneath",
        "cells",
        "drafts",
        "finished",
        "foreign",
        "linkage",
        "made_again",
        "moved",
        "name",
        "namespace",
        "own_classes",
        "raws",
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
        self.assignments: Assignments | None = None
        self.raws: dict[str, FunctionType] = {}  # decorated functions as they were before their decorators
        # The homes of state variables that are not of the module's first version.
        self.moved: dict[str, dict[str, Any]] = {}
        self.drafts: list[Draft] = []  # of its homes, while its generation is being built
        self.foreign: dict[int, Any] = {}  # what can be called and came by a star import from outside, by id
        self.beneath: dict[str, Any] = {}  # what its names mean that are patched, see `blockfreeze.patches`
        self.set_outside: set[str] = set()  # names that were set from outside, and that the next version does not keep
        # Until its body has run: the classes that its statements have made, whatever their ``__module__`` says then.
        self.own_classes: dict[int, type] = {}
        # Until it is complete: classes and functions as its body has made them, with what stands for each.
        self.shadows: list[tuple[type, type]] = []
        self.made_again: dict[int, tuple[FunctionType, FunctionType]] = {}  # by id
        self.finished = False

    def meaning(self, name: str) -> Any:
        """Return what the member's own code has `name` mean, whatever is set from outside; `ABSENT` if nothing."""
        return self.beneath[name] if name in self.beneath else self.namespace.get(name, ABSENT)

    def home_of(self, block: Block, name: str) -> dict[str, Any]:
        """Return the dictionary that has the state variable `name` for this member's generation."""
        return self.moved[name] if name in self.moved else block.homes[self.name]

    def draft_of(self, block: Block, name: str) -> dict[str, Any]:
        """Return what its own code takes for the home of the state variable `name` now."""
        home = self.home_of(block, name)
        return next((draft for draft in self.drafts if draft.home is home), home)

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
        self.members: dict[str, Member] = {}
        self.locals: dict[Entry, Callable[..., Any]] = {}
        self.classes: dict[tuple[str, str], type] = {}
        self.class_values: dict[type, dict[str, Any]] = {}
        self.class_copies: dict[type, dict[str, Any]] = {}
        self.carried: dict[type, tuple[int, frozenset[str]]] = {}  # since which generation, and what it linked anew
        self.assigned: dict[type, set[str]] = {}  # class attributes that its code has set, where hooks were told
        self.assigns: frozenset[str] = frozenset()  # the names of those that its code may set without them
        # What its bodies have set on members of enumerations, as pairs, by the member's id and the attribute.
        self.member_values: dict[tuple[int, str], list[Any]] = {}
        self.replaced: dict[str, str] = {}
        self.linked: dict[str, LinkedCode] = {}  # kept, so that a version that comes back is not linked again
        # What its bodies do outside again, by member, with the functions and classes that were not told once more.
        self.runs_again: dict[str, tuple[frozenset[str], list[RunsAgain]]] = {}
        self.kept_state: set[str] = set()
        self.variables: dict[tuple[str, str], Variable] = {}  # declared, or found declared by the next generation
        self.introduced: dict[tuple[int, str], dict[str, Any]] = {}  # state that none before had: by home's id and name
        self.caches: list[Any] = []
        self.codes: list[CodeType] = []  # those of which something may outlive a call
        self.idle_counts: list[int] = []  # their reference counts when nothing of this generation was running
        self.sizes: dict[tuple[str, str], int] = {}  # of its containers, when its bodies had run
        self.extra_namespaces: list[dict[str, Any]] = []  # of functions that run inside a candidate
        self.converters: dict[type, Converter] = {}  # how instances of its classes come out of those made before
        self.twins: list[type] = []  # for instances that stay on its methods after it was left
        # Until it serves: what it has made of classes that others have instances of, by id; weakly where possible.
        self.births: dict[int, object] | None = None if predecessor is None else {}
        self.lent: set[int] = set()  # ids of its own functions that closures which outlived it go on with
        self.at_fork: list[tuple[str, dict[str, Any]]] = []  # what its bodies have registered, see `hooks`
        self.compared: dict[str, Generation] = {}  # with which of them a member shares identities that is being loaded
        self.imports: list[str] = []  # modules that the import system is loading into it
        self.opening: set[str] = (
            set()
        )  # modules that some thread has begun to load, and of which there is no member yet
        self.armed_with: frozenset[str] = frozenset()  # the members whose functions have copies, since it was armed
        # For the members that there were: the names of their functions that may warn, and of all.
        self._may_warn: tuple[dict[str, Member], frozenset[str], frozenset[str]] = ({}, frozenset(), frozenset())
        self.finished = False
        self.drained = False  # it was left, and nothing has run in it since

    def __repr__(self) -> str:
        return f"<generation {self.number} of {self.block.name}>"

    def may_warn(self, entry: Entry) -> bool:
        """Tell whether what serves `entry` here may give a warning that is to point at its caller, by what it names."""
        members, found, known = self._may_warn
        if members is not self.members:
            members = self.members
            mentions = [member.linkage.mentions for member in members.values()]
            found, known = may_warn(mentions), frozenset().union(*mentions)
            self._may_warn = members, found, known
        if entry.path.removesuffix("@raw").rpartition(".")[2] in found:
            return True
        local = self.locals.get(entry)  # a wrapper has another name than the function, and may come from outside
        code = local.__code__ if is_a(local, FunctionType) else None
        return code is not None and (code.co_name in found or (code.co_name not in known and warns(code.co_names)))

    def before(self, member: str) -> Generation:
        """Return the generation whose identities `member` of this one is to have: mostly, the one that serves."""
        return self.compared.get(member, self.block.current)

    def complete_members(self) -> frozenset[str]:
        """Return the names of the members whose bodies have run."""
        return frozenset(name for name, member in self.members.items() if member.finished)

    def local(self, entry: Entry) -> Callable[..., Any]:
        """Return this generation's own callable for `entry`, or one that raises `EntryRemovedError`."""
        found = self.locals.get(entry)
        return self._resolve(entry) if found is None else found

    def own(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return what `function`, which this generation has named as a hook, is in it: if it is an entry, the local."""
        entry = self.block.entry_of(function)
        return function if entry is None else self.locals.get(entry, function)

    def note_birth(self, instance: object) -> None:
        """Note that `instance` is being made by a call in this generation.

        While it is being left, or was left, what it makes stays with what it made before; until it comes to serve, it
        is nothing that was made before.
        """
        for twin in reversed(self.twins):
            if twin.__dict__["blockfreeze_twin_of"] is type(instance):
                self.block.replace_class(instance, type(instance), twin)
                return
        births = self.births
        if births is not None and not (self.finished and self.converters.keys().isdisjoint(type(instance).__mro__)):
            key = id(instance)
            try:
                births[key] = weakref.ref(instance, lambda _: births.pop(key, None))
            except TypeError:
                births[key] = instance

    def has_made(self, instance: object) -> bool:
        """Tell whether a call in this generation, which did not serve yet, has made `instance`."""
        return self.births is not None and id(instance) in self.births

    def _resolve(self, entry: Entry) -> Callable[..., Any]:
        member = self.members.get(entry.member)
        value: Any = None
        name = entry.path.removesuffix("@raw")
        if member is not None and name.isidentifier():
            value = member.namespace.get(name)
            other = self.block.entry_of(value)
            if other is not None and other is not entry:
                return self.local(other)
        if not callable(value) or value is entry.function:
            return _removed(entry, self)
        found: Callable[..., Any] = value
        self.locals[entry] = found
        return found


def _removed(entry: Entry, generation: Generation) -> Callable[..., Any]:
    block, number = generation.block.name, generation.number

    def removed(*args: Any, **kwargs: Any) -> Any:
        if entry not in generation.locals:
            generation.block.load_member(generation, entry.member)  # which nothing in it may have imported yet
        found = generation.locals.get(entry)
        if found is not None:
            return found(*args, **kwargs)
        if "." in entry.path and args and has_another(entry, args[0]):
            return getattr(args[0], entry.path.rpartition(".")[2])(*args[1:], **kwargs)
        raise EntryRemovedError(
            f"{block}: the entry {entry.name!r} was called: generation {number} no longer defines it; "
            "call what replaced it, or roll back",
            block=block,
            entry=entry.name,
            generation=number,
        )

    return removed


class Block:
    """One or more modules that are linked together and replaced as one unit through `reference`."""

    def __init__(self, roots: tuple[str, ...], *, patchable: bool, history: int) -> None:
        self.name = "+".join(roots)
        self.roots = roots
        self.patchable = patchable
        self.history = history
        self.reference = Reference()
        self.slots: list[Entry] = []
        self.entries: dict[tuple[str, str], Entry] = {}
        self.facades: dict[str, ModuleType] = {}
        self.homes: dict[str, dict[str, Any]] = {}
        self.variables: dict[tuple[str, str], Variable] = {}  # as the generation declares them that serves, or last did
        self.left: list[Left] = []  # classes that others have taken the place of, as long as they have instances
        self.keepers: weakref.WeakSet[type] = weakref.WeakSet()  # classes whose methods run as they did
        self.unconverted: Conversion | None = None  # what waits for the block to be at rest
        self.patches = Patches()
        self.generations: dict[int, Generation] = {}
        self.by_globals: dict[int, Generation | None] = {}
        self.declared_entries: set[str] = set()
        self.elsewhere: set[str] = set()  # modules inside that have put another object in their place in sys.modules
        self.published: set[str] = set()  # members that sys.modules has had; who takes one out asks for another module
        self.open_copy: OpenCopy | None = None
        self.load_member: LoadMember = lambda generation, name: generation.members.get(name)
        self.claimed_by: threading.Thread | None = None
        self.converging = False  # the claim is held by the end of an overlap, not by a swap
        self.last_number = 0
        self.at_fork: list[tuple[str, dict[str, Any]]] = []  # what versions have registered that came to serve
        self.served: list[int] = []  # numbers of generations in the order in which they last began to serve
        self.armed = False
        self.subscribers: Sequence[Subscriber] = ()  # the registry's, once the block is entered there
        self.draining: threading.Thread | None = None
        self.suspended: list[tuple[weakref.ref[Any], str, str]] = []  # what a search of the heap found: kind and owner
        self.pins: dict[int, weakref.ref[Hold]] = {}  # by the hold's id; one that dies takes itself out
        self._entry_by_id: dict[int, Entry] = {}
        self.renew_locks()

    def renew_locks(self) -> None:
        """Forget who holds the locks: in a child process, which does not have the threads that did."""
        self._joining = threading.Lock()
        self.load_lock = threading.RLock()
        self.claim = threading.Condition(threading.Lock())
        self.arming = threading.RLock()  # held while functions are copied and made to forward
        self.moving = threading.RLock()  # held while an instance is made one of another class
        self.patches.renew_lock()

    @property
    def current(self) -> Generation:
        """The generation that serves new calls: read off the one reference, never kept beside it."""
        current: Generation = self.reference.vector[0].current
        return current

    def covers(self, name: str) -> bool:
        """Tell whether the module `name` is, or would be, a member of this block."""
        return name not in self.elsewhere and covers(self.roots, name)

    def replace_class(self, instance: object, kind: type, cls: type) -> bool:
        """Make `instance` one of `cls` if it still is one of `kind`; tell whether it was.

        A thread that makes an instance and one that moves all of them may meet at the same one.

        Raises:
            TypeError: the layouts differ.
        """
        with self.moving:
            still = type(instance) is kind
            if still:
                set_class(instance, cls)
            return still

    def entry_of(self, value: object) -> Entry | None:
        """Return the entry whose one identity is `value`, if it is an entry's function."""
        entry = self._entry_by_id.get(id(value))
        return entry if entry is not None and entry.function is value else None

    def add_entry(
        self, generation: Generation, member: str, path: str, function: FunctionType, *, wrapper: bool = False
    ) -> Entry:
        """Give `function`, which `generation` has made, a slot; slots are only added, so its number is for ever."""
        with self._joining:
            entry = Entry(member, path, function, len(self.slots) + 1, wrapper=wrapper)
            self.slots.append(entry)
            self.entries[member, path] = entry
            self._entry_by_id[id(function)] = entry
            entry.shown = generation.number
            generation.locals[entry] = function
        return entry

    def hides(self, entry: Entry) -> bool:
        """Tell whether `warnings` and `logging` are to skip the frames of forwarders to `entry`."""
        return any(generation.may_warn(entry) for generation in tuple(self.generations.values()))

    def drop_entries(self, count: int) -> None:
        """Take out the entries after the first `count`: of a generation that nobody has seen.

        A module may have joined another generation meanwhile: its entries stay, and so do the slots before them.
        """
        with self._joining:
            kept = {entry for generation in tuple(self.generations.values()) for entry in tuple(generation.locals)}
            for entry in self.slots[count:]:
                if entry not in kept:
                    self._entry_by_id.pop(id(entry.function), None)
                    self.entries.pop((entry.member, entry.path), None)
            while len(self.slots) > count and self.slots[-1] not in kept:
                self.slots.pop()

    def begins(self, generation: Generation, name: str, patience: float) -> bool:
        """Tell whether the calling thread is to load a member that `generation` does not have, and no other one is.

        Args:
            patience: for how many seconds to wait for another one, which may wait for one that waits for this one.
        """
        deadline = time.monotonic() + patience
        while name not in generation.members:
            with self._joining:
                if name not in generation.opening or time.monotonic() > deadline:
                    generation.opening.add(name)
                    return True
            time.sleep(0.001)
        return False

    def adopt(self, generation: Generation, member: Member) -> None:
        """Enter a member's namespace into the tables by which frames find their generation."""
        with self._joining:
            # A new table each time: a swap in another thread may be walking through the one that there is.
            generation.members = {**generation.members, member.name: member}
            generation.opening.discard(member.name)
        self.by_globals[id(member.namespace)] = generation

    def expel(self, generation: Generation, name: str) -> None:
        """Take a member whose body failed out of the tables again."""
        with self._joining:
            member = generation.members[name]
            generation.members = {key: one for key, one in generation.members.items() if key != name}
        self.by_globals.pop(id(member.namespace), None)

    def forget(self, generation: Generation) -> None:
        """Take a generation out of the tables; what still holds its functions keeps them alive, nothing else does."""
        namespaces = [member.namespace for member in generation.members.values()]
        for namespace in [*namespaces, *generation.extra_namespaces]:
            if self.by_globals.get(id(namespace)) is generation:
                del self.by_globals[id(namespace)]
        self.generations.pop(generation.number, None)
