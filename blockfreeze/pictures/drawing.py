"""`graph`: the picture of a block, read off its text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from blockfreeze.api import freeze, registry
from blockfreeze.core.errors import ControlError
from blockfreeze.pictures.graph import Graph
from blockfreeze.releases.artifact import is_artifact
from blockfreeze.releases.version import Version, read
from blockfreeze.versions.snapshot import Snapshot


def graph(module: Any, /, *more: Any, against: str | os.PathLike[str] | None = None) -> Graph:
    """Return the graph of the definitions of a block: how they call each other, and what is bound statically.

    Modules are read, and not run; of a block, what its current generation was read from. Only the packages around them
    are imported, and a loader that makes code in its own way is asked for it.

    Args:
        module: a module or its name; with `more`, the modules that make one block.
        against: another version: a directory, a file, or a release. The graph is that of the other version then, and
            says what it adds, removes and changes.

    Raises:
        FreezeError: a module cannot be a block.
        ControlError: the other version cannot be read.
    """
    from blockfreeze.pictures.differences import compare
    from blockfreeze.pictures.reading import read_version

    names = tuple(one if isinstance(one, str) else one.__name__ for one in (module, *more))
    block = registry.covering(names[0]) if len(names) == 1 else None
    snapshot = freeze.snapshot_of(names) if block is None else block.current.snapshot
    title = "+".join(names) if block is None else block.name
    found = read_version(title, snapshot)
    return (
        found.graph()
        if against is None
        else compare(found, read_version(title, _other(snapshot, against)), str(against))
    )


def _other(snapshot: Snapshot, against: str | os.PathLike[str]) -> Snapshot:
    place = Path(os.path.abspath(against))
    try:
        if is_artifact(place.resolve()):
            return read(snapshot, Version(release=place), 0).snapshot
        return snapshot.given(place, 0)
    except (OSError, ValueError, SyntaxError, ImportError) as error:
        raise ControlError(
            f"{against}: there is no other version to be compared: {error}; name a directory or a file"
        ) from error
