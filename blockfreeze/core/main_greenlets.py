"""The main greenlets of the process's threads: by them it is known that there are no others, without a search.

``greenlet`` makes one for a thread that uses it, and counts those that exist. A thread refers to its main greenlet
twice: as to that one, and as to the greenlet that runs. Every other greenlet has parents that lead to a main one, and
refers to one of them. So where each main greenlet is known and has two references, there is no other greenlet
(``TThreadState.hpp`` and ``TUserGreenlet.cpp``, of versions 2 and 3 alike).
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import Any, Final

OF_ITS_THREAD: Final = 2
"""The references that a thread has to its main greenlet while it runs in it."""


class MainGreenlets:
    """The main greenlets that searches have found. Threads: any; the list is replaced whole."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: Sequence[weakref.ref[Any]] = ()

    def known(self) -> list[weakref.ref[Any]]:
        """Return those that are still there."""
        return [one for one in self._found if one() is not None]

    def note(self, found: Iterable[weakref.ref[Any]]) -> None:
        """Remember those that a search of the whole heap has found."""
        self._found = tuple(found)
