"""The fields of a request, each with the type and the limits that it must have."""

from __future__ import annotations

import math
from typing import Final

from blockfreeze.control.frames import Message
from blockfreeze.core.errors import ControlError

_LONGEST_TEXT: Final = 4096


def text(request: Message, name: str) -> str:
    """Return a text that must be there.

    Raises:
        ControlError: it is not there, no text, empty, or too long.
    """
    found = optional_text(request, name)
    if found is None:
        raise ControlError(f"the request has no {name!r}; give one")
    return found


def optional_text(request: Message, name: str) -> str | None:
    """Return a text, or None if it is not there.

    Raises:
        ControlError: it is no text, empty, too long, or cannot be encoded.
    """
    found = request.get(name)
    if found is None:
        return None
    if not isinstance(found, str) or not 0 < len(found) <= _LONGEST_TEXT or "\0" in found or not found.isprintable():
        raise ControlError(
            f"the request's {name!r} is no printable text of 1 to {_LONGEST_TEXT} characters; correct it"
        )
    return found


def seconds(request: Message, name: str, default: float, most: float) -> float:
    """Return a number of seconds.

    Raises:
        ControlError: it is no number from 0 to `most`.
    """
    found = request.get(name, default)
    if (
        isinstance(found, bool)
        or not isinstance(found, int | float)
        or not math.isfinite(found)
        or not 0 <= found <= most
    ):
        raise ControlError(f"the request's {name!r} is no number from 0 to {most:g}; correct it")
    return float(found)


def optional_seconds(request: Message, name: str, most: float) -> float | None:
    """Return a number of seconds, or None if it is not there.

    Raises:
        ControlError: it is no number from 0 to `most`.
    """
    return None if request.get(name) is None else seconds(request, name, 0.0, most)


def optional_code(request: Message, name: str) -> int | None:
    """Return a code by which a websocket may be closed, or None if it is not there.

    Raises:
        ControlError: it is no code that an application may use (RFC 6455, and what is registered with it).
    """
    found = request.get(name)
    if found is None:
        return None
    if type(found) is not int or not (found in (1000, 1001, 1012, 1013) or 3000 <= found <= 4999):
        raise ControlError(f"the request's {name!r} is none of 1000, 1001, 1012, 1013 and 3000 to 4999; correct it")
    return found


def flag(request: Message, name: str) -> bool:
    """Return whether something is asked for.

    Raises:
        ControlError: it is neither true nor false.
    """
    found = request.get(name, False)
    if not isinstance(found, bool):
        raise ControlError(f"the request's {name!r} is neither true nor false; correct it")
    return found
