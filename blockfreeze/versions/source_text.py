"""Source text and the bytes that stand for it, as PEP 263 has it: a file says in a comment how it is encoded."""

from __future__ import annotations

import codecs
import importlib.util
import io
import re
from typing import Any

_COOKIE = re.compile(
    r"\A(\ufeff?(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n?|\n))??[ \t\f]*#[^\r\n]*?coding[:=][ \t]*)([-\w.]+)", re.ASCII
)
"""What stands in front of the name of an encoding in a source's first comment, or its second line, and the name."""


def bytes_of(text: str | bytes) -> bytes:
    """Return the file that would hold a source; bytes are one already.

    Text has been decoded, whatever encoding its comment names. So in the file that comment names UTF-8. An encoding
    that nobody knows is left there: Python refuses it, and says so.

    Raises:
        UnicodeEncodeError: the text has surrogates.
    """
    if not isinstance(text, str):
        return bytes(text)
    found = _COOKIE.match(text)
    if found is not None and _is_known(found[2]):
        text = f"{found[1]}utf-8{text[found.end() :]}"
    return text.encode()


def _is_known(encoding: str) -> bool:
    try:
        return bool(codecs.lookup(encoding))
    except LookupError:
        return False


def lines_of(data: bytes) -> list[str]:
    """Return the lines of a source as Python counts them; what is no source is decoded as well as can be."""
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        text = importlib.util.decode_source(data)
    except (SyntaxError, UnicodeDecodeError):
        text = data.decode(errors="replace")
    return io.StringIO(text).readlines()


def sha256(data: bytes = b"") -> Any:
    """Return the hash object of `hashlib.sha256`.

    `hashlib` is imported when it is needed: up to 3.12.1 to import it in an interpreter that has a lock of its own ends
    the process (OpenSSL is cleaned up twice), and blockfreeze may be imported there, though it freezes nothing.
    """
    import hashlib

    return hashlib.sha256(data)
