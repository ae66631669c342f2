"""Conversion: instances made before become instances of the class as it is now, in the manner of CLOS.

Common Lisp calls ``update-instance-for-redefined-class`` when a class is redefined; `blockfreeze.converts` declares the
same for a class of a block. What becomes of an instance that was made before, depending on what has changed:

==========================  =========================  =============================================================
the class                   a converter applies        none applies
==========================  =========================  =============================================================
keeps its identity          converted                  as it is; on its old methods if the new ones assign
                                                       attributes that it lacks (`legacy_classes`)
is a second class, and the  moved to it and converted  moved to it, if it has every attribute that the new methods
layout of instances fits                               assign
is one whose construction   as it is, on its old       the same
settles what an instance    class and its old methods
is (`broken_contract`)
has another layout          as it is, on its old       the same
                            class and its old methods
==========================  =========================  =============================================================

A sub-class that others have derived from a superseded class gets the second class as its base.

All of it is done while the block is at rest behind a shut gate, so that no call of any generation is under way. An
instance is changed completely or not at all, and `undo` gives every one back what it had. Where a swap does not
quiesce, instances that a converter waits for stay on their old methods until the block is at rest for a moment.

Threads: by the thread that holds the claim.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from blockfreeze.core.collector import collector_at_rest
from blockfreeze.core.report import Converted, Unreached
from blockfreeze.core.safe_access import module_of
from blockfreeze.identity.layout import is_made_in_c
from blockfreeze.identity.new_instances import is_new_instance
from blockfreeze.instances.class_change import ClassChange, class_changes
from blockfreeze.instances.kinds import full_name, instances_of, is_legacy_class, with_subclasses
from blockfreeze.instances.passage import Passage, broken_contract, refuse_broken_contract
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.legacy_attributes import LEGACY_OF


class Conversion:
    """The conversion that goes with one commit, from `before` to `after`."""

    def __init__(self, block: Block, before: Generation, after: Generation) -> None:
        self.block = block
        self.before = before
        self.after = after
        self.changes = {one.source: one for one in class_changes(block, before, after)}
        self.converted: Counter[str] = Counter()
        self.unconverted: Counter[tuple[str, str]] = Counter()  # by class and reason
        self._changes_of: dict[type, list[ClassChange]] = {}
        self._undo: list[Callable[[], object]] = []

    def problems(self) -> list[str]:
        """Return which classes have instances of another version that nothing converts."""
        return list(filter(None, (one.problem() for one in self.changes.values())))

    def one_way(self) -> list[str]:
        """Return which classes are of another version now, and have no inverse for a rollback."""
        return list(filter(None, (one.one_way() for one in self.changes.values())))

    @property
    def waiting(self) -> list[type]:
        """The classes that keep their identity, all of whose instances are to be converted."""
        changes = self.changes.values()
        return [one.source for one in changes if not one.is_second and one.hook_for(one.source) is not None]

    @property
    def is_needed(self) -> bool:
        """Whether anything is to be done once the block is at rest."""
        legacy_classes = (kind for cls in self.changes for kind in with_subclasses(cls) if is_legacy_class(kind))
        return any(one.is_second or one.hook_for(one.source) is not None for one in self.changes.values()) or any(
            self._hook_for(kind) is not None for kind in legacy_classes
        )

    def run(self, *, committed: bool) -> None:
        """Convert, move and rebase, with the block at rest.

        Args:
            committed: `after` serves already, and may have made instances of classes that keep their identity.

        Raises:
            BaseException: what a hook raises; a `TypeError` if it leaves an attribute out. Everything is as it was.
        """
        try:
            kinds = {kind for one in self.changes.values() if one.is_second for kind in with_subclasses(one.source)}
            kinds |= {kind for cls in self.changes for kind in with_subclasses(cls) if self._hook_for(kind) is not None}
            self._changes_of = {kind: list(self._relevant(kind)) for kind in kinds}  # as long as they have those bases
            passages = {kind: self._passage(kind) for kind in kinds.difference(self._rebase())}
            # What is put aside for every instance, to be given back, would be looked at again and again.
            with collector_at_rest():
                for one in instances_of(list(passages)):
                    passage = passages[type(one)]
                    if passage.is_open_to(one) if committed else not is_new_instance(self.after, one):
                        self._convert(one, passage)
        except BaseException:
            self.undo()
            raise

    def _relevant(self, kind: type) -> Iterable[ClassChange]:
        found = self._changes_of.get(kind)
        return (self.changes[base] for base in kind.__mro__ if base in self.changes) if found is None else found

    def _hook_for(self, kind: type) -> Callable[..., object] | None:
        hooks = (one.hook_for(kind) for one in self._relevant(kind))
        return next((hook for hook in hooks if hook is not None), None)

    def _rebase(self) -> Iterator[type]:
        """Give the sub-classes that others have defined their new base; yield those for which Python refuses."""
        for change in self.changes.values():
            direct: list[type] = type.__subclasses__(change.source) if change.is_second else []
            for one in direct:
                ours = one in self.changes or one in self.after.classes.values or is_legacy_class(one)
                if ours or one is change.target or self.block.covers(module_of(one)):
                    continue
                before = one.__bases__
                try:
                    refuse_broken_contract(change.source, change.target)
                    one.__bases__ = tuple(change.target if base is change.source else base for base in before)
                except TypeError as error:
                    self.unconverted[full_name(one), f"the sub-class stays on the old class: {error}"] += 1
                    yield from with_subclasses(one)
                else:
                    self._undo.append(partial(setattr, one, "__bases__", before))

    def _passage(self, kind: type) -> Passage:
        """Return what becomes of instances of `kind`: the same for all of them."""
        cls: type = kind.__dict__.get(LEGACY_OF, kind)
        final = self.changes[cls].target if cls in self.changes else cls
        metaclass, hook = type(final), self._hook_for(kind)
        # A metaclass that is made in C (that of ctypes) may have laid instances out in a way that Python does not see.
        knows_more = is_made_in_c(metaclass) or (hook is None and self.block.is_foreign(module_of(metaclass)))
        known = f"what they have is known to the metaclass {metaclass.__name__} alone" if knows_more else ""
        obstacle = known or broken_contract(kind, final)
        return Passage(kind, final, list(self._relevant(kind)), hook, obstacle if final is not kind else "")

    def _convert(self, instance: Any, passage: Passage) -> None:
        if passage.leads_nowhere:
            return
        why_not = passage.bring(instance, self._undo)
        if why_not:
            self.unconverted[full_name(passage.kind), why_not] += 1
        else:
            self.converted[passage.name] += 1

    def undo(self) -> None:
        """Give every instance and every sub-class back what it had."""
        while self._undo:
            self._undo.pop()()
        self.converted.clear()
        self.unconverted.clear()

    def forget_undo(self) -> None:
        """Let go of what `undo` would need: the commit was made."""
        self._undo.clear()

    def counted(self) -> tuple[Converted, ...]:
        """Return how many instances of each class were converted."""
        return tuple(Converted(name, count) for name, count in sorted(self.converted.items()))

    def not_converted(self, lacking: Mapping[str, int]) -> list[Unreached]:
        """Return which instances stay as they were, and why.

        Args:
            lacking: how many instances of each class have become those of legacy classes.
        """
        waiting = {full_name(kind) for cls in self.waiting for kind in with_subclasses(cls)}
        found = [
            Unreached(name, f"{count} instances made before stay as they were: {why}")
            for (name, why), count in sorted(self.unconverted.items())
        ]
        for name, count in sorted(lacking.items()):
            why = "they stay as they were until the block is at rest, and are converted then"
            if name not in waiting:
                why = "they lack attributes that its methods assign now; they stay as they were"
            found.append(Unreached(name, f"{count} instances made before: {why}"))
        return found
