"""Whether two versions of a block say the same: of one name in one module, or with all that a statement reads."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from blockfreeze.versions.module_source import ModuleSource
from blockfreeze.versions.outline import Outline, outline_of
from blockfreeze.versions.skeletons import Skeleton

Find = Callable[[str], ModuleSource | None]
"""Returns a module of a version by its name; None if the version has none."""

Part = Callable[[Outline, str], Skeleton | None]
"""Returns what counts of the statement of a name; None if all of it does."""

_Name = tuple[str, str, bool]
"""A module, a name in it, and whether all of its statement counts, or only its skeleton."""


def skeletons_agree(
    before: Find,
    after: Find,
    module: str,
    name: str,
    covers: Callable[[str], bool],
    part: Part = Outline.skeleton_of,
    stays: Callable[[str, str], bool] = lambda module, name: False,
) -> bool:
    """Tell whether a statement says the same in two versions of a block, and so does everything that it reads.

    Args:
        before: finds a module of the block as it was.
        after: finds it as it is now.
        module: where the statement is.
        name: what it defines.
        covers: tells whether a module belongs to the block.
        part: what counts of that statement; of the others that it reads, their skeleton or all of them.
        stays: tells whether what a star import brings under a name in a module is what it was.
    """
    comparison = _Comparison(before, after, covers, stays)
    found = comparison.reads_of((module, name, False), part)
    seen = {(module, name, False)}
    todo: list[_Name] = []
    while found is not None:
        todo += [one for one in found if one not in seen]
        seen.update(todo)
        if not todo:
            return True
        found = comparison.reads_of(todo.pop(), Outline.skeleton_of)
    return False


@dataclass(frozen=True)
class _Comparison:
    before: Find
    after: Find
    covers: Callable[[str], bool]
    stays: Callable[[str, str], bool]

    def reads_of(self, one: _Name, part: Part) -> Iterable[_Name] | None:
        """Return what the statement of a name reads; None if it does not say the same in both versions."""
        module, name, whole = one
        sources = self.before(module), self.after(module)
        old, new = (None if source is None else outline_of(source) for source in sources)
        if old is None or new is None or old.imports.get(name) != new.imports.get(name):
            return None
        if name in old.rebound | new.rebound:
            return None
        if name in new.imports:
            return self._reads_of_import(new.imports[name], whole)
        skeletons = (None, None) if whole else (part(old, name), part(new, name))
        if not _say_the_same(old, new, name, *skeletons):
            return None
        if skeletons[1] is not None:
            return [(module, read, read in skeletons[1].calls) for read in skeletons[1].reads]
        reads = new.reads_of(name)
        if reads is not None:
            return [(module, read, True) for read in reads]
        # No statement binds it: a built-in, or what a star import brings.
        by_star = new.has_star and not hasattr(builtins, name) and not self.stays(module, name)
        return None if by_star else []

    def _reads_of_import(self, dotted: str, whole: bool) -> Iterable[_Name] | None:
        if not self.covers(dotted):
            return []
        before, after = self.before(dotted), self.after(dotted)
        if after is None:
            parent, _, attribute = dotted.rpartition(".")
            return [(parent, attribute, whole)]
        # A module as a value: anything may be read from it.
        return [] if getattr(before, "data", None) == after.data else None


def _say_the_same(old: Outline, new: Outline, name: str, was: Skeleton | None, now: Skeleton | None) -> bool:
    if was is None and now is None:
        return new.changes_alike(old, name)
    return was is now or (was is not None and now is not None and was.text == now.text)


def says_the_same(before: ModuleSource, after: ModuleSource, name: str) -> bool:
    """Tell whether the statements that bind `name` at the top level of two versions of a module have the same text.

    The name of an attribute that the body of a class binds has that of the class in front, and a dot. Positions and
    comments do not count. Without source, or without such a statement, everything counts as changed.
    """
    was, now = outline_of(before), outline_of(after)
    return was is not None and now is not None and now.binds_alike(was, name)
