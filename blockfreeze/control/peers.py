"""Who is on the other side of a Unix socket, as the kernel says."""

from __future__ import annotations

import os
import socket
import struct
import sys

from blockfreeze.core.errors import ControlError


def user_of(connection: socket.socket) -> int:
    """Return the effective user of the process that has made the other end of a connection, when it did.

    Raises:
        ControlError: this platform does not say.
        OSError: the connection is broken.
    """
    if hasattr(socket, "SO_PEERCRED"):
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[1])
    if sys.platform == "darwin" or "bsd" in sys.platform:
        # LOCAL_PEERCRED at the level SOL_LOCAL (0): a struct xucred, which begins with its version and the user.
        credentials = connection.getsockopt(0, 1, 76)
        return int(struct.unpack_from("=Ii", credentials)[1])
    raise ControlError(f"{sys.platform}: the control socket cannot tell who connects; it is not available here")


def is_own(connection: socket.socket) -> bool:
    """Tell whether the other side is this process's own user. Root may do everything anyway, and is told apart too."""
    return user_of(connection) == os.geteuid()
