"""One thread that ends the overlaps of all blocks, each as soon as its old generation has drained; it ends with them.

It decides when to look, never what runs: that is `converge`'s part. A search of a large heap takes long, and overlaps
may be many, while searching must not be what the process does most of the time. So whatever is to be watched, looking
in vain takes a twentieth of the time at most.

Threads: any thread may ask for a block to be watched. Fork: a child has the schedule and no thread; the next swap in it
starts one.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from blockfreeze.core.events import Lingers, announce
from blockfreeze.core.report import Lingering
from blockfreeze.dispatch.vector import is_overlapping
from blockfreeze.draining.drain import find_lingering
from blockfreeze.model.block import Block
from blockfreeze.model.phase import Phase

_REST: Final = 20
"""For how many times as long as a look in vain took nobody looks again."""


@dataclass(eq=False)
class _Watched:
    """A block, what ends its overlap, when to look next, and how long to wait after that."""

    block: Block
    converge: Callable[[Block], list[Lingering]]
    due: float
    pause: float = 0.001


def drain_in_background(block: Block, converge: Callable[[Block], list[Lingering]]) -> None:
    """Begin to wait for the end of the overlap of a block, as `Watcher.watch` does."""
    if block.watcher is not None:
        block.watcher.watch(block, converge)


class Watcher:
    """Watches the blocks of a process: looks whether their old generations have drained, less and less often."""

    def __init__(self) -> None:
        self._watched: dict[Block, _Watched] = {}
        self.renew()

    def renew(self) -> None:
        """Forget the thread and who holds the lock, in the child of a fork."""
        # Re-entrant: a signal handler, or a finalizer, may swap while it is held.
        self._changed = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None

    def watch(self, block: Block, converge: Callable[[Block], list[Lingering]]) -> None:
        """Begin to wait for the end of the overlap of a block.

        Args:
            converge: ends the overlap if nothing old runs any more, and returns what does.
        """
        with self._changed:
            before = self._watched.get(block)
            # A new object each time: a look that is under way may come to its end without having seen this overlap.
            if before is None:
                self._watched[block] = _Watched(block, converge, time.monotonic() + 0.001)
            else:
                self._watched[block] = _Watched(block, converge, before.due, before.pause)
            self._changed.notify()
            if self._thread is not None and self._thread.is_alive():
                return
            self._thread = threading.Thread(target=self._run, name="blockfreeze drain", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                # No threads here (WebAssembly): `drain`, `status` and the next swap end the overlap.
                self._thread = None
                self._watched.clear()

    def _run(self) -> None:
        rests_until = 0.0
        while (watched := self._next(rests_until)) is not None:
            started = time.monotonic()
            longest = None
            try:
                longest = _look(watched)
            except Exception:
                # Shown as any thread's; what is wrong with one block is nothing to the others.
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
            now = time.monotonic()
            # What ends an overlap is done once for each.
            rests_until = now + (0.0 if longest is None else _REST * (now - started))
            self._looked(watched, longest, rests_until)

    def _next(self, rests_until: float) -> _Watched | None:
        """Wait until it is time to look, and return where to; None, and the thread is to end, if nothing is watched."""
        with self._changed:
            while self._watched:
                first = min(self._watched.values(), key=lambda one: one.due)
                # The time limit is what ends the wait, or a block that is to be looked at sooner.
                pause = max(first.due, rests_until) - time.monotonic()
                if pause <= 0:
                    return first
                self._changed.wait(pause)
            self._thread = None
            return None

    def _looked(self, watched: _Watched, longest: float | None, rests_until: float) -> None:
        """Note when to look the next time, or that there is nothing to be seen any more if `longest` is None."""
        with self._changed:
            block = watched.block
            if longest is not None:
                latest = self._watched.get(block, watched)
                latest.pause = min(longest, 2 * latest.pause)
                latest.due = max(time.monotonic() + latest.pause, rests_until)
            elif self._watched.get(block) is watched:
                del self._watched[block]


def _look(watched: _Watched) -> float | None:
    """End the overlap if that can be; return how long to wait at most for the next try, None if there is none."""
    block = watched.block
    running = watched.converge(block)
    if running:
        _warn_of_long_overlaps(block)
    waits_for_rest = not running and not is_overlapping(block)
    if waits_for_rest and block.instances.unconverted is None:
        return None
    return 5.0 if waits_for_rest else 0.25  # each try for a moment of rest holds up new calls


def _warn_of_long_overlaps(block: Block) -> None:
    """Tell, once for each generation, of what has not ended in the time that the block was frozen with."""
    limit, now = block.options.linger_warning, time.monotonic()
    for one in block.retired() if limit is not None else ():
        since = one.drain.retired_at
        if limit is None or since is None or now - since < limit or one.drain.warned or one.phase is Phase.DRAINED:
            continue
        one.drain.warned = True
        lingering = find_lingering(block, [one])
        if lingering:
            said = tuple(map(str, lingering))
            announce(block.subscribers, Lingers(block.name, block.current.number, one.number, now - since, said))
