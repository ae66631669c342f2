"""Where linked modules lie on disk: in ``__pycache__``, beside the ``.pyc`` of the same source.

What the import system has for its own files holds for these: `sys.pycache_prefix` says where else they lie, nothing is
written with `sys.dont_write_bytecode`, and a directory that cannot be written to is no error. A file is written beside
its place and moved there in one step, so whoever reads meets a whole one, an old or a new one; several may write.

A file is of the version that was linked last. So editing a source again and again leaves no more of them.
"""

from __future__ import annotations

import importlib.util
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_SUFFIX: Final = ".linked"
_NEW_FILE: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)


def linked_file(path: str | None, form: str) -> Path | None:
    """Return where the linked module of the source at `path` lies; None if there is no such place.

    Args:
        form: what tells apart modules that are linked from one source at a time, in characters for file names.
    """
    if path is None or path.startswith("<"):
        return None
    try:
        return Path(importlib.util.cache_from_source(path)).with_suffix(f".{form}{_SUFFIX}")
    except (NotImplementedError, ValueError):
        return None


def read_linked(file: Path) -> bytes | None:
    """Return what is in a file; None if it cannot be read."""
    try:
        return file.read_bytes()
    except (OSError, ValueError):
        return None


def write_linked(file: Path, data: bytes, source: str) -> None:
    """Let a file have `data`, unless it cannot be written. With `sys.dont_write_bytecode` nobody is to ask for it.

    Args:
        source: the path of the source, whose mode the file gets, as a ``.pyc`` does.
    """
    beside = file.with_name(f"{file.name}.{os.urandom(6).hex()}")
    with suppress(OSError, ValueError):
        _make_directory(file.parent)
        descriptor = os.open(beside, _NEW_FILE, _mode_of(source))
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(data)
            beside.replace(file)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def _make_directory(directory: Path) -> None:
    if sys.pycache_prefix is not None:
        directory.mkdir(parents=True, exist_ok=True)
    else:
        directory.mkdir(exist_ok=True)  # where there is no source, no directory is made


def _mode_of(source: str) -> int:
    try:
        return stat.S_IMODE(Path(source).stat().st_mode) & 0o666 | stat.S_IWUSR
    except OSError:
        return 0o666
