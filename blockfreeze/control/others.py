"""Telling the other processes of the user something, without waiting for what they make of it."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from blockfreeze.control import frames
from blockfreeze.control.frames import FrameError, Message
from blockfreeze.control.place import process_of, sockets_in
from blockfreeze.control.short_names import short_name


def tell_others(directory: Path, request: Message) -> None:
    """Send a request to every other process whose control socket is in a directory; what cannot be told is left out.

    They read it though the connection is closed by then.
    """
    for path in sockets_in(directory):
        if process_of(path) == os.getpid():
            continue
        with suppress(OSError, FrameError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(frames.PATIENCE)
            with short_name(path) as name:
                connection.connect(name)
            frames.write(connection, request, frames.REQUEST_LIMIT)
