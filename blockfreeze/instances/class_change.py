"""What has happened to a class between two generations, and what that means for instances made before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from blockfreeze.instances.attributes import assigned_by_constructors, assigned_in
from blockfreeze.instances.kinds import converter_of, full_name, version_of
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.declared import SupersededClass
from blockfreeze.model.legacy_attributes import LEGACY_ASSIGNED, LEGACY_VERSION


class ClassChange:
    """One class has changed: `target` has the name in `after` that `source` had in `before`, or in an older generation.

    `hook` makes an instance of the source's version one of the target's. In a rollback that is an inverse. Instances
    that were never converted to the version that is left are brought on from their older one, by `onward`.

    Args:
        old: the class that has the name in `before`.
        superseded: what is known of `source`, if it is not the class of `before`.
    """

    def __init__(
        self,
        before: Generation,
        after: Generation,
        source: type,
        target: type,
        old: type | None,
        superseded: SupersededClass | None,
    ) -> None:
        self.source = source
        self.target = target
        self.is_second = source is not target
        self.version = version_of(before, source) if superseded is None else superseded.version  # of the source
        self.version_now = version_of(after, target)
        self.assigned = assigned_in(before, source) if superseded is None else superseded.assigned
        self.assigned_now = assigned_in(after, target)
        self.by_constructors = assigned_by_constructors(after, target)  # what a new instance has from the beginning
        # Declarations tell both versions apart: what differs need not be attributes.
        self.is_declared = self.version != self.version_now or version_of(before, source) != 1
        found = converter_of(after, target)
        self.onward = None if found is None else partial(_as_own, after, found.hook)
        self.hook = self.onward
        if after.number < before.number and superseded is None:
            converter = None if old is None else converter_of(before, old)
            inverse = None if converter is None else converter.inverse
            self.hook = None if inverse is None else partial(_as_own, before, inverse)
        self._is_given = found is not None and found.given and self.hook is not None
        if after.number < before.number and superseded is None and old is not None:
            left = converter_of(before, old)
            self._is_given = left is not None and left.given and self.hook is not None
        self._has_inverse = found is not None and found.inverse is not None

    def problem(self) -> str:
        """Return that the versions differ and nothing converts, or an empty text."""
        if self.version == self.version_now or self.hook is not None:
            return ""
        versions = f"of version {self.version!r}, and nothing converts it to {self.version_now!r}"
        return f"{full_name(self.target)} is {versions}"

    def one_way(self) -> str:
        """Return that the versions differ and nothing could convert back, or an empty text."""
        if self.version == self.version_now or self._has_inverse:
            return ""
        return f"{full_name(self.target)}: {self.version!r} -> {self.version_now!r} has no inverse"

    def hook_for(self, kind: type) -> Callable[..., object] | None:
        """Return what converts an instance of `kind`, a sub-class or a legacy class; None if it stays as it is."""
        version = kind.__dict__.get(LEGACY_VERSION, self.version)
        assigned = kind.__dict__.get(LEGACY_ASSIGNED, self.assigned)
        differs = version != self.version_now or (
            not self.is_declared and (self.is_second or assigned != self.assigned_now)
        )
        if not differs and not self._is_given:
            return None
        return self.hook if version == self.version else self.onward


def _as_own(generation: Generation, hook: Callable[..., object], *given: object) -> object:
    """Call a hook as what it is in the generation that names it, whichever serves by now."""
    return generation.own(hook)(*given)


def class_changes(block: Block, before: Generation, after: Generation) -> Iterator[ClassChange]:
    """Yield what has happened to the classes of `after` that are second classes, or have a converter."""
    for key, target in list(after.classes.named.items()):
        if target not in after.classes.values:
            continue
        old = before.classes.named.get(key)
        for source, superseded in _sources(block, before, key):
            if source is not target or converter_of(before, source) or converter_of(after, target):
                yield ClassChange(before, after, source, target, old, superseded)


def _sources(block: Block, before: Generation, key: tuple[str, str]) -> Iterator[tuple[type, SupersededClass | None]]:
    """Yield the classes that have, or had, a name: that of `before`, and those that it has superseded and that live."""
    old = before.classes.named.get(key)
    if old is not None and old in before.classes.values:
        yield old, None
    for superseded in block.instances.superseded:
        cls = superseded.reference()
        if superseded.key == key and cls is not None and cls is not old:
            yield cls, superseded
