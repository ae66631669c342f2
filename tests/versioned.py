"""Texts of two versions in one: a line that ends with ``#v1`` is in version 1 only, one with ``#v2`` in version 2 only.

All other lines are in both. The marker and the blanks before it are no part of the version, so it may also stand on a
blank line and inside a string of several lines. The text itself need not be a Python module.
"""

from __future__ import annotations

import re

_MARKED = re.compile(r"(.*?)[ \t]*#v([12])")


def version_of(text: str, number: int) -> str:
    """Return one version of a text.

    Args:
        text: the lines of both versions.
        number: 1 or 2.
    """
    lines = []
    for line in text.split("\n"):
        marked = _MARKED.fullmatch(line)
        if marked is None:
            lines.append(line)
        elif marked[2] == str(number):
            lines.append(marked[1])
    return "\n".join(lines)


def both_versions(text: str) -> tuple[str, str]:
    """Return the two versions of a text."""
    return version_of(text, 1), version_of(text, 2)
