"""Names short enough for a Unix socket, which has room for some hundred bytes: directories of users are longer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SHORTEST_LIMIT = 103
"""Bytes: of ``sun_path`` on macOS, without the null at the end; Linux has room for 107."""

_DESCRIPTORS = Path("/proc/self/fd")


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """Let a socket be bound or connected at `path`, by a name for it that holds as long as the context.

    On Linux a directory that is open has a short name, which the kernel follows; elsewhere a long path stays long, and
    whoever uses it is told by the system.
    """
    name = os.fspath(path)
    if len(os.fsencode(name)) <= _SHORTEST_LIMIT or not _DESCRIPTORS.is_dir():
        yield name
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"{_DESCRIPTORS}/{directory}/{path.name}"
    finally:
        os.close(directory)
