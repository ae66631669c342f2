"""Frames on a stream: four bytes, most significant first, that say how many bytes follow, and those: a JSON object."""

from __future__ import annotations

import json
import socket
import time
from typing import Any, Final

from blockfreeze.core.errors import BlockfreezeError

REQUEST_LIMIT: Final = 64 * 1024
REPLY_LIMIT: Final = 16 * 1024 * 1024
"""The longest frames, in bytes."""

PATIENCE: Final = 5.0
"""In how many seconds a frame must be there completely, from its first byte."""

_HEAD: Final = 4

Message = dict[str, Any]


class FrameError(BlockfreezeError):
    """What came is no frame: too long, too slow, cut off, or not a JSON object. The connection is of no more use."""


class EndOfStreamError(FrameError):
    """The other side has closed the connection, between two frames."""


class IdleError(FrameError):
    """No frame has begun in time."""


def encode(message: Message, limit: int) -> bytes:
    """Return a frame.

    Raises:
        FrameError: it would be longer than the limit.
    """
    content = json.dumps(message, separators=(",", ":")).encode()
    if len(content) > limit:
        raise FrameError(f"the message has {len(content)} bytes, and may have {limit}")
    return len(content).to_bytes(_HEAD, "big") + content


def decode(content: bytes) -> Message:
    """Return the message in a frame's content.

    Raises:
        FrameError: it is not a JSON object.
    """
    try:
        message = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a frame is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise FrameError("a frame is not a JSON object")
    return message


def write(connection: socket.socket, message: Message, limit: int) -> None:
    """Write a frame.

    Raises:
        FrameError: it is too long, or the other side does not take it in `PATIENCE`.
        OSError: the connection is broken.
    """
    frame = encode(message, limit)
    connection.settimeout(PATIENCE)
    try:
        connection.sendall(frame)
    except TimeoutError:
        raise FrameError(f"the other side has not taken a frame in {PATIENCE:g} s") from None


def read(connection: socket.socket, limit: int, idle: float | None) -> Message:
    """Read a frame.

    Args:
        idle: seconds until it must begin; without limit if None.

    Raises:
        IdleError: it has not begun in time.
        EndOfStreamError: the other side has closed the connection.
        FrameError: it is none.
        OSError: the connection is broken.
    """
    connection.settimeout(idle)
    try:
        first = connection.recv(1)
    except TimeoutError:
        raise IdleError(f"no frame has begun in {idle:g} s") from None
    if not first:
        raise EndOfStreamError("the connection was closed")
    until = time.monotonic() + PATIENCE
    head = first + _exactly(connection, _HEAD - 1, until)
    length = int.from_bytes(head, "big")
    if length > limit:
        raise FrameError(f"a frame has {length} bytes, and may have {limit}")
    return decode(_exactly(connection, length, until))


def _exactly(connection: socket.socket, length: int, until: float) -> bytes:
    """Read so many bytes; what is not there yet takes no memory, whatever length was said."""
    content = bytearray()
    while len(content) < length:
        connection.settimeout(max(0.001, until - time.monotonic()))
        try:
            part = connection.recv(min(65536, length - len(content)))
        except TimeoutError:
            part = b""
        if not part or time.monotonic() > until:
            raise FrameError(f"a frame was cut off after {len(content)} of {length} bytes, or took too long")
        content += part
    return bytes(content)
