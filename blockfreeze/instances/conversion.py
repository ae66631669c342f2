"""Conversion: instances made before become instances of the class as it is now, in the manner of CLOS.

Common Lisp calls ``update-instance-for-redefined-class`` when a class is redefined; `blockfreeze.converts` declares the
same for a class of a block. What becomes of an instance that was made before, by what has changed:

==========================  ===========================================  ==========================================
the class                   with a converter that applies                without
==========================  ===========================================  ==========================================
keeps its identity          converted                                    as it is; on its old methods if the new ones
                                                                         assign attributes that it lacks (`legacy_classes`)
is a second class, and the  moved to it and converted                    moved to it, if it has every attribute that
layout of instances fits                                                 the new methods assign
another layout              stays, whole and working, on its old class   the same
==========================  ===========================================  ==========================================

A sub-class that others have defined of a class that another one has taken the place of gets the new one as its base.

All of it is done while the block is at rest behind a shut gate, so that no call of any generation is under way. An
instance is changed completely or not at all, and `undo` gives every one back what it had. Where a swap does not
quiesce, instances that a converter waits for stay on their old methods until the block is at rest for a moment.

Threads: by the thread that holds the claim.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from blockfreeze.core.collector import collector_at_rest
from blockfreeze.core.report import Converted, Unreached
from blockfreeze.identity.carry_over import is_foreign
from blockfreeze.identity.layout import is_made_in_c
from blockfreeze.identity.new_instances import LEGACY_OF, is_new_instance
from blockfreeze.instances.attributes import assigned_by_constructors, assigned_in, instances_of, with_subclasses
from blockfreeze.instances.converter import converter_of, version_of
from blockfreeze.instances.legacy_classes import is_legacy_class
from blockfreeze.instances.legacy_methods import (
    make_methods_legacy,
    offer_legacy_methods,
    release_legacy_methods,
    serve_superseded,
)
from blockfreeze.instances.passage import Passage, full_name
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.declared import SupersededClass
from blockfreeze.versions.outline import Version

if TYPE_CHECKING:
    from collections.abc import Callable


class _Change:
    """What has happened to one class: `target` stands where `source` did.

    `hook` makes an instance of the source's version one of the target's. In a rollback that is an inverse; what was
    never converted to the version that is left is brought on from its older one, by `onward`.
    """

    def __init__(self, source: type, target: type, version: Version, assigned: set[str]) -> None:
        self.source = source
        self.target = target
        self.version = version  # of the source
        self.assigned = assigned
        self.assigned_now: set[str] = set()
        self.by_constructors: set[str] = set()  # what of it a new instance has from the beginning
        self.hook: Callable[..., object] | None = None
        self.onward: Callable[..., object] | None = None
        self.version_now: Version = version
        self.marked = False  # both versions are told by declarations: what differs need not be attributes
        self.no_way = False  # the versions differ, and nothing converts

    @property
    def second(self) -> bool:
        """Whether the target is another class."""
        return self.source is not self.target

    def hook_for(self, kind: type) -> Callable[..., object] | None:
        """Return what converts an instance of `kind`, a sub-class or a twin; None if it stays as it is."""
        version = kind.__dict__.get("blockfreeze_version", self.version)
        assigned = kind.__dict__.get("blockfreeze_assigned", self.assigned)
        differs = version != self.version_now or (not self.marked and (self.second or assigned != self.assigned_now))
        if not differs:
            return None
        return self.hook if version == self.version else self.onward


class Conversion:
    """The conversion that goes with one commit, from `before` to `after`."""

    def __init__(self, block: Block, before: Generation, after: Generation) -> None:
        self.block = block
        self.before = before
        self.after = after
        self.changes: dict[type, _Change] = {}
        self.converted: dict[str, int] = {}
        self.stayed: dict[tuple[str, str], int] = {}
        self._changes_of: dict[type, list[_Change]] = {}
        self._undo: list[Callable[[], object]] = []
        for key, target in list(after.classes.named.items()):
            if target in after.classes.values:
                for source, left in _sources(block, before, key):
                    if source is not target or converter_of(before, source) or converter_of(after, target):
                        self.changes[source] = self._change(before.classes.named.get(key), source, target, left)

    def _change(self, old: type | None, source: type, target: type, left: SupersededClass | None) -> _Change:
        version = version_of(self.before, source) if left is None else left.version
        change = _Change(source, target, version, assigned_in(self.before, source) if left is None else left.assigned)
        change.assigned_now = assigned_in(self.after, target)
        change.by_constructors = assigned_by_constructors(self.after, target)
        change.version_now = version_of(self.after, target)
        found, left_behind = converter_of(self.after, target), None if old is None else converter_of(self.before, old)
        change.hook = change.onward = None if found is None else partial(_as_own, self.after, found.hook)
        if self.after.number < self.before.number and left is None:
            inverse = None if left_behind is None else left_behind.inverse
            change.hook = None if inverse is None else partial(_as_own, self.before, inverse)
        change.marked = version != change.version_now or version_of(self.before, source) != 1
        change.no_way = change.hook is None and version != change.version_now
        return change

    def problems(self) -> list[str]:
        """Return which classes have instances of another version that nothing converts."""
        return [
            f"{full_name(one.target)} is of version {one.version!r}, and nothing converts it to {one.version_now!r}"
            for one in self.changes.values()
            if one.no_way
        ]

    def one_way(self) -> list[str]:
        """Return which classes are of another version now, and have no inverse for a rollback."""
        found = []
        for one in self.changes.values():
            converter = converter_of(self.after, one.target)
            if one.version != one.version_now and (converter is None or converter.inverse is None):
                found.append(f"{full_name(one.target)}: {one.version!r} -> {one.version_now!r} has no inverse")
        return found

    @property
    def waiting(self) -> list[type]:
        """The classes that keep their identity, all of whose instances are to be converted."""
        return [one.source for one in self.changes.values() if not one.second and one.hook_for(one.source) is not None]

    @property
    def is_needed(self) -> bool:
        """Whether anything is to be done once the block is at rest."""
        legacy_classes = (kind for cls in self.changes for kind in with_subclasses(cls) if is_legacy_class(kind))
        return any(one.second or one.hook_for(one.source) is not None for one in self.changes.values()) or any(
            self._hook_for(kind) is not None for kind in legacy_classes
        )

    def run(self, *, committed: bool) -> None:
        """Convert, move and rebase, with the block at rest.

        Args:
            committed: `after` serves already: what is of a class that keeps its identity may be its own.

        Raises:
            BaseException: what a hook raises; a `TypeError` if it leaves an attribute out. Everything is as it was.
        """
        try:
            kinds = {kind for one in self.changes.values() if one.second for kind in with_subclasses(one.source)}
            kinds |= {kind for cls in self.changes for kind in with_subclasses(cls) if self._hook_for(kind) is not None}
            self._changes_of = {kind: list(self._relevant(kind)) for kind in kinds}  # as long as they have those bases
            passages = {kind: self._passage(kind) for kind in kinds.difference(self._rebase())}
            # What is put aside for every instance, to be given back, would be looked at again and again.
            with collector_at_rest():
                for one in instances_of(list(passages)):
                    passage = passages[type(one)]
                    if passage.is_open_to(one) if committed else not is_new_instance(self.after, one):
                        self._bring(one, passage)
        except BaseException:
            self.undo()
            raise

    def _relevant(self, kind: type) -> Iterable[_Change]:
        found = self._changes_of.get(kind)
        return (self.changes[base] for base in kind.__mro__ if base in self.changes) if found is None else found

    def _hook_for(self, kind: type) -> Callable[..., object] | None:
        hooks = (one.hook_for(kind) for one in self._relevant(kind))
        return next((hook for hook in hooks if hook is not None), None)

    def _rebase(self) -> Iterator[type]:
        """Give the sub-classes that others have defined their new base; yield those for which Python refuses."""
        for change in self.changes.values():
            direct: list[type] = type.__subclasses__(change.source) if change.second else []
            for one in direct:
                ours = one in self.changes or one in self.after.classes.values or is_legacy_class(one)
                if ours or one is change.target or self.block.covers(one.__module__):
                    continue
                before = one.__bases__
                try:
                    one.__bases__ = tuple(change.target if base is change.source else base for base in before)
                except TypeError as error:
                    self._stay(one, f"the sub-class stays on the old class: {error}")
                    yield from with_subclasses(one)
                else:
                    self._undo.append(partial(setattr, one, "__bases__", before))

    def _final(self, kind: type) -> type:
        cls: type = kind.__dict__.get(LEGACY_OF, kind)
        change = self.changes.get(cls)
        return cls if change is None else change.target

    def _passage(self, kind: type) -> Passage:
        """Return what becomes of instances of `kind`: the same for all of them."""
        changes = list(self._relevant(kind))
        had: Collection[str] = kind.__dict__.get("blockfreeze_assigned", ())
        had = had or {name for one in changes for name in one.assigned}
        wanted = {name for one in changes for name in one.assigned_now}
        final = self._final(kind)
        passage = Passage(kind, final, self._hook_for(kind), tuple(sorted(wanted.difference(had))))
        passage.discarded = tuple(sorted(set(had) - wanted))
        passage.by_constructors = {name for one in changes for name in one.by_constructors}
        passage.is_old = is_legacy_class(kind) or any(one.second for one in changes)
        passage.telling = {name for one in changes for name in one.by_constructors - one.assigned}
        # A metaclass that is made in C (that of ctypes) may have laid instances out in a way that Python does not see.
        opaque = is_made_in_c(type(final)) or (passage.hook is None and is_foreign(self.block, type(final).__module__))
        if opaque and final is not kind:
            passage.stays = f"what they have is known to the metaclass {type(final).__name__} alone"
        return passage

    def _bring(self, instance: Any, passage: Passage) -> None:
        if passage.leads_nowhere:
            return
        why = passage.bring(instance, self._undo)
        if why:
            self._stay(passage.kind, why)
        else:
            name = passage.name
            self.converted[name] = self.converted.get(name, 0) + 1

    def _stay(self, kind: type, why: str) -> None:
        self.stayed[full_name(kind), why] = self.stayed.get((full_name(kind), why), 0) + 1

    def undo(self) -> None:
        """Give every instance and every sub-class back what it had."""
        while self._undo:
            self._undo.pop()()
        self.converted.clear()
        self.stayed.clear()

    def forget_undo(self) -> None:
        """Let go of what `undo` would need: the commit was made."""
        self._undo.clear()

    def counted(self) -> tuple[Converted, ...]:
        """Return how many instances of each class were converted."""
        return tuple(Converted(name, count) for name, count in sorted(self.converted.items()))

    def not_converted(self, lacking: Mapping[str, int]) -> list[Unreached]:
        """Return which instances stay as they were, and why.

        Args:
            lacking: how many instances of each class stay on old methods.
        """
        waiting = {full_name(kind) for cls in self.waiting for kind in with_subclasses(cls)}
        found = [
            Unreached(name, f"{count} instances made before stay as they were: {why}")
            for (name, why), count in sorted(self.stayed.items())
        ]
        for name, count in sorted(lacking.items()):
            why = "they stay as they were until the block is at rest, and are converted then"
            if name not in waiting:
                why = "they lack attributes that its methods assign now; they stay as they were"
            found.append(Unreached(name, f"{count} instances made before: {why}"))
        return found


def _as_own(generation: Generation, hook: Callable[..., object], *given: object) -> object:
    """Call a hook as what it is in the generation that names it, whichever serves by now."""
    return generation.own(hook)(*given)


def _sources(block: Block, before: Generation, key: tuple[str, str]) -> Iterator[tuple[type, SupersededClass | None]]:
    old = before.classes.named.get(key)
    if old is not None and old in before.classes.values:
        yield old, None
    for left in block.instances.superseded:
        cls = left.reference()
        if left.key == key and cls is not None and cls is not old:
            yield cls, left


def supersede_classes(block: Block, before: Generation, after: Generation) -> None:
    """As part of a commit: note the classes that others take the place of, and let their methods run as they did."""
    block.instances.superseded = [
        one for one in block.instances.superseded if one.reference() not in (None, *after.classes.values)
    ]
    for key, cls in list(before.classes.named.items()):
        if cls not in before.classes.values or cls in after.classes.values:
            continue
        if key in after.classes.named:
            block.instances.superseded.append(
                SupersededClass(cls, key, version_of(before, cls), assigned_in(before, cls))
            )
            serve_superseded(block, after, key, after.classes.named[key])
        make_methods_legacy(block, before, after, cls)
    offer_legacy_methods(block, after)


def release_classes(block: Block, generation: Generation) -> None:
    """Once nothing older or newer than `generation` runs: its classes are classes like any other, if they were left."""
    for cls in list(generation.classes.values):
        release_legacy_methods(block, generation, cls)
