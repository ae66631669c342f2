"""Where the control sockets of a user's processes are: one directory, which is the user's alone.

A socket is named by its process, ``1234.0a1b2c3d.sock``. A process that ends removes it; one that was killed leaves it,
and whoever looks for processes next removes it.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from blockfreeze.core.errors import ControlError

VARIABLE: Final = "BLOCKFREEZE_DIRECTORY"
"""The environment variable that names the directory."""

SUFFIX: Final = ".sock"


def default_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the sockets are if nobody names a place: the user's run-time directory, or one for each user."""
    if environment.get(VARIABLE):
        return Path(os.path.abspath(environment[VARIABLE]))
    if environment.get("XDG_RUNTIME_DIR"):
        return Path(environment["XDG_RUNTIME_DIR"]) / "blockfreeze"
    return Path(tempfile.gettempdir()) / f"blockfreeze-{_user()}"


def own_directory(directory: Path) -> Path:
    """Return the directory, made now if it is not there.

    Raises:
        ControlError: it is not a directory of this user that nobody else can enter.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise ControlError(
            f"{directory}: the control directory cannot be made: {error}; name another one ({VARIABLE})"
        ) from error
    if not stat.S_ISDIR(found.st_mode):
        raise ControlError(f"{directory}: the control directory is not a directory; name another one ({VARIABLE})")
    if found.st_uid != _user() or stat.S_IMODE(found.st_mode) & 0o077:
        raise ControlError(
            f"{directory}: the control directory belongs to user {found.st_uid} and has the mode "
            f"{stat.S_IMODE(found.st_mode):o}; it must be yours, with 700; name another one ({VARIABLE})"
        )
    return directory


def new_socket(directory: Path) -> Path:
    """Return the path of a socket for this process, which nobody has."""
    return directory / f"{os.getpid()}.{os.urandom(4).hex()}{SUFFIX}"


def sockets_in(directory: Path) -> list[Path]:
    """Return the sockets of the user's processes, also of those that were killed; none if there is no directory."""
    try:
        return sorted(path for path in directory.iterdir() if path.name.endswith(SUFFIX) and path.name[0] != ".")
    except FileNotFoundError:
        return []


def process_of(path: Path) -> int:
    """Return the process whose socket has a path; 0 if its name does not say so."""
    number = path.name.partition(".")[0]
    return int(number) if number.isascii() and number.isdigit() else 0


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0
