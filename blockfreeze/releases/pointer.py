"""The release pointer: one symbolic link or one file that says what a service runs, replaced atomically.

A pointer is a symbolic link to a release, or a file whose one line is the path of a release, absolute or relative to
the pointer's own directory. A directory, a source file, a zip file or an artifact is a release itself: who names one
names that release for ever.
"""

from __future__ import annotations

import os
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Final

_LONGEST: Final = 4096
"""The longest content of a pointer file that is read, in bytes: that of a path on Linux."""


def pointed(place: str | os.PathLike[str]) -> Path:
    """Return the release that `place`, a pointer or a release, leads to now: absolute, and without symbolic links.

    Raises:
        FileNotFoundError: there is no such pointer, or it leads to nothing.
        ValueError: the file is neither a release nor a pointer.
    """
    found = Path(os.path.abspath(place)).resolve(strict=True)
    if not is_pointer_file(found):
        return found
    line = found.read_bytes()[: _LONGEST + 1]
    target = _path_in(line)
    if target is None:
        raise ValueError(f"{str(found)!r} is no pointer: it is to have one line, the path of a release")
    # Relative to where the pointer is, and not to where a link to the pointer file leads: both are one directory then.
    return (found.parent / target).resolve(strict=True)


def is_pointer_file(place: Path) -> bool:
    """Tell whether a file is a pointer, and no release by itself: no source, no zip file, nothing with a null byte."""
    if not place.is_file() or place.suffix in (".py", ".pyc") or zipfile.is_zipfile(place):
        return False
    with place.open("rb") as file:
        return b"\0" not in file.read(_LONGEST)


def _path_in(content: bytes) -> str | None:
    lines = content.splitlines()
    if len(content) > _LONGEST or len(lines) != 1 or not lines[0].strip():
        return None
    return os.fsdecode(lines[0].strip())


def point(pointer: str | os.PathLike[str], release: str | os.PathLike[str]) -> Path:
    """Let a pointer lead to a release from now on, by one atomic replacement, and return the release.

    Whoever reads the pointer finds the release before or this one, also after a power cut. A pointer that is a file
    stays one; any other, and one that does not exist yet, is a symbolic link. The link or line is relative where the
    release lies in the pointer's directory, so that the whole directory can be moved.

    Args:
        pointer: where the pointer is; its directory exists.
        release: an existing release, or a pointer that leads to one.

    Raises:
        OSError: there is no such release, or the pointer's directory cannot be written.
        ValueError: in the pointer's place is a directory or a file that is no pointer.
    """
    place = Path(os.path.abspath(pointer))
    target = pointed(release)
    if place.exists() and not place.is_symlink() and not is_pointer_file(place):
        raise ValueError(f"{str(place)!r} is no pointer: it is a release itself; name the link or the file beside it")
    directory = place.parent.resolve()
    said = target.relative_to(directory) if target.is_relative_to(directory) else target
    fresh = place.with_name(f".{place.name}.{os.urandom(4).hex()}")
    try:
        if place.is_file() and not place.is_symlink():
            _write_durably(fresh, os.fsencode(said) + b"\n")
        else:
            fresh.symlink_to(said)
        fresh.replace(place)
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise
    _keep(directory)
    return target


def _write_durably(place: Path, content: bytes) -> None:
    with place.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _keep(directory: Path) -> None:
    """Have the directory's entries written to the disk: the replacement outlives a power cut from now on."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:  # Windows opens no directories
        return
    try:
        with suppress(OSError):  # some file systems cannot; they order the replacement by themselves
            os.fsync(handle)
    finally:
        os.close(handle)
