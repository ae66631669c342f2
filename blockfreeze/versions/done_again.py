"""What the body of a module does outside of the block each time that it runs, surveyed once for each text."""

from __future__ import annotations

from collections.abc import Callable, Collection

from blockfreeze.core.forecast import RunsAgain
from blockfreeze.linking.linkage import Linkage
from blockfreeze.versions.effects import Survey
from blockfreeze.versions.module_source import ModuleSource


def done_again(
    source: ModuleSource, covers: Callable[[str], bool], linkage: Linkage, made_before: Collection[str]
) -> list[RunsAgain]:
    """Return what the body of a module does outside of the block each time that it runs.

    Args:
        made_before: the functions and classes that are not made known to others again.
    """
    if source.derived.effects is None or source.derived.effects[0] != source.path:
        source.derived.effects = source.path, Survey(source, covers, linkage).again_unless
    return [one for unless, one in source.derived.effects[1] if unless not in made_before]
