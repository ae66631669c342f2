"""Is state lost while a module is swapped a thousand times under threads?

Threads count calls in a variable of the module that a function rebinds with ``global``, and each counts its own. Some
of the calls are long: generators that go on to count in the generation in which they began, while later ones serve. At
the end the variable must be the sum. A cache by `defvar` with a hundred thousand entries must be the same object, with
the same objects in it.

    python -m benchmarks.state
    python -m benchmarks.state --swaps 100 --threads 4 --entries 1000
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
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


def main() -> int:
    """Run it once and tell; return 1 if something was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.state", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--swaps", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--entries", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        sys.path.insert(0, directory)
        Path(directory, "counted.py").write_text(versioned(1), encoding="utf-8")
        importlib.invalidate_caches()
        found = swapped_under_threads(bf.freeze_block("counted"), given.swaps, given.threads, given.entries)
    print(
        f"{found.swaps:,} swaps under {given.threads} threads, {found.seconds:.1f} s: {found.counted:,} calls counted, "
        f"{found.kept:,} in the variable, {found.by_old_calls:,} of them by calls of an older generation"
    )
    same = "the same" if found.same_cache else "another"
    print(f"the cache is {same} object; {found.entries_kept:,} of {found.entries:,} entries are the same objects")
    return 0 if found.nothing_is_lost else 1


if __name__ == "__main__":
    sys.exit(main())
