"""Rest: a candidate that waits for its commit costs callers nothing.

While its bodies run, and from its commit until the drain, accesses have to look at their callers. In between nothing of
the candidate runs, so the vector of the steady state is in place, and class attributes are what they were. The moment
that code of the candidate is about to run, by whatever way somebody has come to it, everything is armed again: its code
objects are watched. Where that cannot be done (CPython 3.11), a candidate does not rest.

On CPython 3.12 methods go on forwarding meanwhile, see `VERSIONS_COLLIDE`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import CodeType, FunctionType

from blockfreeze.core.safe_access import is_a
from blockfreeze.draining.drain import search
from blockfreeze.identity.methods import method_function
from blockfreeze.linking.analysis import walk_codes
from blockfreeze.model.block import Generation
from blockfreeze.swapping.arming import Arming


class Rest:
    """The rest of one candidate, which begins when nothing of it runs and ends when something is about to.

    Threads: any may end it.
    """

    def __init__(self, arming: Arming, candidate: Generation) -> None:
        self._arming = arming
        self._candidate = candidate
        self._starts = arming.block.claim.starts
        self._lock = threading.RLock()
        self._users = 0
        self._told = self._wake  # one object: the watch is known by it
        self._resting = False
        self._allowed = False

    def allow(self) -> None:
        """Let the candidate rest from now on, whenever nothing of it runs."""
        with self._lock:
            self._allowed = True
            self._begin()

    def enter(self) -> None:
        """Keep it awake until `leave` is called as often: somebody is in the candidate."""
        with self._lock:
            self._users += 1
            self._wake()

    def leave(self) -> None:
        """Let it rest again, unless somebody else is in it, or something has begun there and not ended."""
        with self._lock:
            self._users -= 1
            self._begin()

    def end(self) -> None:
        """Wake it for good: it is about to be committed, or something of it is handed out that cannot be watched."""
        with self._lock:
            self._allowed = False
            self._wake()

    def abandon(self) -> None:
        """Let it go as it is: it is discarded."""
        with self._lock:
            self._allowed = self._resting = False
            self._starts.forget(self._told)

    def _begin(self) -> None:
        block = self._arming.block
        if not self._allowed or self._users or self._resting:
            return
        # First the watch, then the look at what runs: what begins in between is seen by one of the two.
        if not self._starts.watch(_codes_of(self._candidate), self._told):
            return
        running, held = search(block, [*block.retired(), self._candidate])
        if running or held:
            self._starts.forget(self._told)
            return
        self._arming.rest()
        self._resting = True

    def _wake(self) -> None:
        with self._lock:
            if self._resting:
                self._resting = False
                self._starts.forget(self._told)
                self._arming.resume(self._candidate)


def _codes_of(generation: Generation) -> Iterator[CodeType]:
    """Yield the code objects of a generation's functions, also of those that its bodies have made by `exec`."""
    for linked in list(generation.build.linked.values()):
        yield from walk_codes(linked.code)
    tables = [member.namespace for member in generation.members.values()] + list(generation.classes.values.values())
    values = [method_function(value) for table in tables for value in list(table.values())]
    for value in (*values, *generation.locals.values()):
        if is_a(value, FunctionType) and generation.block.by_globals.get(id(value.__globals__)) is generation:
            yield value.__code__
