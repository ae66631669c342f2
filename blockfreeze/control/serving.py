"""`serve_control`: the one line by which a program can be asked from outside."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from blockfreeze.api import registry
from blockfreeze.core.errors import ControlError

if TYPE_CHECKING:
    from blockfreeze.control.listener import ControlSocket

PathGiven = str | os.PathLike[str]


def serve_control(directory: PathGiven | None = None, *, releases: Iterable[PathGiven] = ()) -> ControlSocket:
    """Open the control socket of this process, by which ``blockfreeze swap`` and its kin ask it, and return it.

    A daemon thread waits for the command line; the program never waits for it, and it ends with the program. Each child
    of a fork gets a socket of its own. Only processes of the same user are let in. No code comes over the socket: a
    request names a release, which this process reads by itself. A second call returns the socket that there is.

    Args:
        directory: where the sockets of the user's processes are; ``$BLOCKFREEZE_DIRECTORY``, or ``blockfreeze`` in
            ``$XDG_RUNTIME_DIR``, or a directory for the user among the temporary ones, if None.
        releases: directories in which releases may be, with what their symbolic links lead to. If there are none, that
            of a block's release pointer, and that of the release that it leads to.

    Raises:
        ControlError: the directory is not the user's alone, there is a socket with other settings already, or this
            platform has no Unix sockets.
    """
    if not hasattr(socket, "AF_UNIX") or not hasattr(os, "register_at_fork"):
        raise ControlError(f"{sys.platform}: there is no control socket on this platform; swap from inside the program")
    from blockfreeze.control.listener import ControlSocket
    from blockfreeze.control.place import default_directory

    place = default_directory() if directory is None else Path(os.path.abspath(directory))
    roots = tuple(Path(one).resolve() for one in releases)
    found = registry.control(lambda: ControlSocket(place, roots))
    assert isinstance(found, ControlSocket)
    if (directory is not None and found.path.parent != place) or (roots and found.roots != roots):
        raise ControlError(
            f"{found.path}: this process has a control socket already, with other settings; close it first"
        )
    return found
