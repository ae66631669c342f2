"""Forks of the process: they wait until no thread is in the middle of changing a block, and the child can import.

The child of a fork has the thread that forked and a copy of everything else as it was at that moment. What another
thread was doing stays half done there, and what it held stays locked: a module that it was importing can never be
imported in the child. Servers that load a program once and fork their workers from it fork at any time.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from blockfreeze.core.imported import is_being_imported

PATIENCE: Final = 2.0
"""For how long a fork waits, in seconds: a body may take any time, or may wait for what the forking thread holds."""


class Forks:
    """Which threads are at work, and which fork. Threads: any; `before`, `after` and `renew` in the one that forks."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())  # a signal handler may fork while it is held
        self._at_work: list[int] = []  # the thread of each statement
        self._in_vain: set[int] = set()  # those that a fork has waited for in vain: the next one does not
        self._forking: list[int] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let other threads' forks wait for the length of a ``with`` statement, which begins when none is under way."""
        self._begin(1)
        try:
            yield
        finally:
            self._end(1)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Let other threads fork for the length of a ``with`` statement inside of one at work: it only waits."""
        count = self._at_work.count(threading.get_ident())
        self._end(count)
        try:
            yield
        finally:
            self._begin(count)

    def before(self) -> None:
        """Wait, before this thread forks, until nobody else is at work; nobody begins until it has forked."""
        me = threading.get_ident()
        with self._changed:
            alive = sys._current_frames().keys()
            self._at_work = [one for one in self._at_work if one in alive]
            self._in_vain.intersection_update(self._at_work)
            self._forking.append(me)
            self._changed.notify_all()  # somebody else who is at work may be about to fork, and wait for this one
            if not self._changed.wait_for(lambda: not self._waited_for(), PATIENCE):
                self._in_vain.update(self._waited_for())

    def after(self) -> None:
        """Go on, in the parent."""
        with self._changed:
            self._forking.remove(threading.get_ident())
            self._changed.notify_all()

    def forget(self, thread: threading.Thread) -> None:
        """Wait no more for a thread that hangs."""
        with self._changed:
            self._at_work = [one for one in self._at_work if one != thread.ident]
            self._changed.notify_all()

    def renew(self) -> None:
        """Forget the other threads, in the child."""
        me = threading.get_ident()
        self._changed = threading.Condition(threading.RLock())
        self._at_work = [one for one in self._at_work if one == me]
        self._in_vain, self._forking = set(), []

    def _waited_for(self) -> set[int]:
        return {*self._at_work}.difference(self._forking, self._in_vain)

    def _begin(self, count: int) -> None:
        me = threading.get_ident()
        with self._changed:
            self._changed.wait_for(lambda: not self._forking or me in self._forking or me in self._at_work)
            self._at_work += [me] * count

    def _end(self, count: int) -> None:
        me = threading.get_ident()
        with self._changed:
            for _ in range(min(count, self._at_work.count(me))):
                self._at_work.remove(me)
            if me not in self._at_work:
                self._in_vain.discard(me)
            self._changed.notify_all()


def let_child_import(is_left: Callable[[str], bool]) -> None:
    """Let the child of a fork import what threads that it does not have were importing, from the beginning.

    CPython keeps a lock for each module that is being imported, which those threads never give back.

    Args:
        is_left: tells of the name of a module that it is left alone.
    """
    bootstrap: Any = importlib._bootstrap
    me = threading.get_ident()
    for name, reference in list(bootstrap._module_locks.items()):
        lock = reference()
        if lock is None or lock.owner in (None, me) or is_left(name):
            continue
        bootstrap._module_locks.pop(name, None)
        module = sys.modules.get(name)
        if is_being_imported(module):
            del sys.modules[name]
