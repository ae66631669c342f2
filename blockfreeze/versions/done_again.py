"""What the body of a module does outside of the block each time that it runs, surveyed once for each text."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from blockfreeze.core.forecast import RunsAgain
from blockfreeze.linking.linkage import Linkage
from blockfreeze.versions.effects import Survey
from blockfreeze.versions.module_source import ModuleSource

_PATHS: Final = 4
"""For how many places of one text the answer is kept: of a text without a file each version has one of its own."""


def done_again(
    source: ModuleSource, covers: Callable[[str], bool], linkage: Linkage, made_before: Collection[str]
) -> list[RunsAgain]:
    """Return what the body of a module does outside of the block each time that it runs.

    Args:
        made_before: the functions and classes that are not made known to others again.
    """
    known = source.derived.effects  # two versions may have the same text in two places, and serve by turns
    if source.path not in known:
        if len(known) >= _PATHS:
            known.clear()
        known[source.path] = Survey(source, covers, linkage).again_unless
    return [one for unless, one in known[source.path] if unless not in made_before]
