"""Whether two versions of a block say the same: of one name in one module, or with all that a statement reads."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from blockfreeze.versions.module_source import ModuleSource
from blockfreeze.versions.outline import Outline, Skeleton, outline_of

Find = Callable[[str], ModuleSource | None]
"""Returns a module of a version by its name; None if the version has none."""

_Part = Callable[[Outline, str], Skeleton | None]

_Name = tuple[str, str, bool]
"""A module, a name in it, and whether all of its statement counts, or only its skeleton."""


def skeletons_agree(
    before: Find,
    after: Find,
    module: str,
    name: str,
    covers: Callable[[str], bool],
    part: _Part = Outline.skeleton_of,
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

    def reads_of(self, one: _Name, part: _Part) -> Iterable[_Name] | None:
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
        was, now = (_said_by(outline, name, None if whole else part) for outline in (old, new))
        if was != now:
            return None
        if now is not None:
            return [(module, read, all_counts) for read, all_counts in now[1]]
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


def _said_by(outline: Outline, name: str, part: _Part | None) -> tuple[str, frozenset[tuple[str, bool]]] | None:
    """Return the text of a name's statement, and what it reads; None if there is no statement."""
    skeleton = None if part is None else part(outline, name)
    if skeleton is not None:
        return skeleton.text, frozenset((read, read in skeleton.calls) for read in skeleton.reads)
    if name in outline.texts:
        return outline.texts[name], frozenset((read, True) for read in outline.reads[name])
    return None


def says_the_same(before: ModuleSource, after: ModuleSource, name: str) -> bool:
    """Tell whether the statements that bind `name` at the top level of two versions of a module have the same text.

    The name of an attribute that the body of a class binds has that of the class in front, and a dot. Positions and
    comments do not count. Without source, or without such a statement, everything counts as changed.
    """
    was, now = outline_of(before), outline_of(after)
    return was is not None and now is not None and name in now.bindings and was.bindings.get(name) == now.bindings[name]
