"""A module that counts the calls made to it and keeps a cache, and threads that count while it is swapped.

The threads count calls in a variable of the module that a function rebinds with ``global``, and each counts its own.
Some of the calls are long: generators that go on to count in the generation in which they began, while later ones
serve. At the end the variable must be the sum, and the cache the same object with the same objects in it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import blockfreeze as bf

__all__ = ["Outcome", "swapped_under_threads", "versioned"]

_TEXT = """
import threading
import blockfreeze as bf

count = 0
lock = bf.defvar("lock", threading.Lock)
cache = bf.defvar("cache", dict)

def increment():
    global count
    with lock:
        count += 1
    return VERSION

def counting(times):
    for _ in range(times):
        yield increment()

def fill(entries):
    for number in range(entries):
        cache[number] = object()

def look_up(number):
    return cache[number]
"""
_LONG = 50
"""How often a long call counts."""

_LIMIT = 60.0


@dataclass(frozen=True)
class Outcome:
    """What was counted: by the threads, by the module, and in calls that had begun in an older generation."""

    swaps: int
    counted: int
    kept: int
    by_old_calls: int
    entries: int
    entries_kept: int
    same_cache: bool
    seconds: float

    @property
    def nothing_is_lost(self) -> bool:
        """Whether every count and every entry is there."""
        return self.counted == self.kept and self.entries == self.entries_kept and self.same_cache


class _Caller(threading.Thread):
    """A thread that counts until it is told to stop; `long` ones by generators, which swaps find suspended."""

    def __init__(self, module: Any, stop: threading.Event, *, long: bool) -> None:
        super().__init__(daemon=True)
        self._module, self._ended, self._long = module, stop, long
        self.counted = self.by_old_calls = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._ended.is_set():
                self._count()
        except BaseException as error:
            self.error = error

    def _count(self) -> None:
        if not self._long:
            self._module.increment()
            self.counted += 1
            return
        for version in self._module.counting(_LONG):
            self.counted += 1
            self.by_old_calls += version != self._module.increment()
            self.counted += 1


def versioned(version: int) -> str:
    """Return the source of a version."""
    return _TEXT.replace("VERSION", str(version))


def swapped_under_threads(module: Any, swaps: int, threads: int, entries: int) -> Outcome:
    """Swap `module`, a block of version 1, while `threads` count in it.

    Raises:
        BaseException: whatever a call or a swap raised.
    """
    module.fill(entries)
    cache, values = module.cache, list(module.cache.values())
    stop = threading.Event()
    callers = [_Caller(module, stop, long=bool(number % 2)) for number in range(threads)]
    began = time.perf_counter()
    for caller in callers:
        caller.start()
    try:
        for version in range(2, swaps + 2):
            bf.swap(module, source=versioned(version))
    finally:
        stop.set()
        for caller in callers:
            caller.join(_LIMIT)
    for caller in callers:
        if caller.error is not None:
            raise caller.error
    kept = sum(module.look_up(number) is value for number, value in enumerate(values))
    return Outcome(
        swaps,
        sum(one.counted for one in callers),
        module.count,
        sum(one.by_old_calls for one in callers),
        entries,
        kept,
        module.cache is cache,
        time.perf_counter() - began,
    )
