"""Short turns: while a thread does much work at a stretch, the other threads get theirs soon.

CPython lets a running thread go on for `sys.getswitchinterval` seconds, 5 ms if nobody has set another, before one that
waits gets its turn. A server whose requests take less than that feels it at once if a thread beside it computes: each
request waits for a whole turn, and several times if it does input or output in between.

The interval is one for the whole process. So who wants short turns says so for the length of a ``with`` statement: the
first that does sets the interval, the last puts back what was there, in whatever order they end. Somebody who sets
another one meanwhile means it, and it stays.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SHORT: Final = 0.0005
"""The longest turn, in seconds: ten times as many switches as by default, each of some microseconds."""


class ShortTurns:
    """The switch interval of the process, while some threads want it to be short.

    Threads: `__call__` may be used in any, as often as one likes, also nested.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may swap while it is held
        self._wanted: list[int] = []  # the thread of each statement
        self._before = 0.0
        self._set = 0.0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Let no turn of a thread be longer than `SHORT`, for the length of a ``with`` statement."""
        me = threading.get_ident()
        try:
            with self._lock:
                self._wanted.append(me)
                if len(self._wanted) == 1:
                    self._begin()
            yield
        finally:
            with self._lock:
                if me in self._wanted:
                    self._wanted.remove(me)
                    if not self._wanted:
                        self._end()

    def forget(self, thread: threading.Thread) -> None:
        """Let a thread that hangs have no say any more."""
        with self._lock:
            wanted = bool(self._wanted)
            self._wanted = [one for one in self._wanted if one != thread.ident]
            if wanted and not self._wanted:
                self._end()

    def renew(self) -> None:
        """Forget the other threads, in the child of a fork, where they do not exist."""
        self._lock = threading.RLock()
        me, wanted = threading.get_ident(), bool(self._wanted)
        self._wanted = [one for one in self._wanted if one == me]
        if wanted and not self._wanted:
            self._end()

    def _begin(self) -> None:
        self._before = sys.getswitchinterval()
        if self._before > SHORT:
            sys.setswitchinterval(SHORT)
        self._set = sys.getswitchinterval()

    def _end(self) -> None:
        if sys.getswitchinterval() == self._set != self._before:
            # It is cut off to whole microseconds, also 0.006999 to 0.006998: half of one more keeps it what it was.
            sys.setswitchinterval(self._before + 0.5e-6)
