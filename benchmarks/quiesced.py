"""Does any call fail, and how long does one wait, while a block is swapped behind a gate again and again?

`python -m benchmarks.quiesced` makes 1,000 quiesced swaps under 8 threads, and as many under an event loop with 1,000
tasks. Every call's answer is checked: it must come from one version, and from none older than the caller has seen. At
each conversion nothing of the block may be running. The longest call says what the program's callers noticed.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import blockfreeze as bf

__all__ = ["Outcome", "under_tasks", "under_threads", "versioned"]

_TEXT = """
def foo():
    before = bar()
    return (VERSION, before, TABLE["bar"](), Till().total())

def bar():
    return VERSION

def numbers():
    for _ in range(2):
        yield VERSION
        yield TABLE["bar"]()

async def later(pause):
    before = bar()
    await pause()
    return (VERSION, before, TABLE["bar"]())

async def stream(pause):
    yield VERSION
    await pause()
    yield TABLE["bar"]()

class Till:
    def total(self):
        return VERSION

TABLE = {"bar": bar}
"""
_LIMIT = 60.0


@dataclass
class Outcome:
    """How many swaps and calls there were, and in seconds how long the whole and the longest call took."""

    swaps: int
    calls: int
    seconds: float
    longest: float


class _Caller:
    """What one thread or task has seen."""

    def __init__(self) -> None:
        self.newest = self.calls = 0
        self.longest = 0.0

    def note(self, answer: Any, began: float) -> None:
        (version,) = set(answer)
        if version < self.newest:
            raise AssertionError(f"version {version} after {self.newest}")
        self.newest = version
        self.calls += 1
        self.longest = max(self.longest, time.perf_counter() - began)


def versioned(version: int) -> str:
    """Return the source of a version, every definition of which answers with its number."""
    return _TEXT.replace("VERSION", str(version))


def _outcome(callers: list[_Caller], swaps: int, began: float) -> Outcome:
    longest = max(one.longest for one in callers)
    return Outcome(swaps, sum(one.calls for one in callers), time.perf_counter() - began, longest)


def under_threads(module: Any, swaps: int, threads: int) -> Outcome:
    """Swap `module`, a block of version 1, behind a gate while `threads` call it.

    Raises:
        AssertionError: an answer was torn or too old.
        Exception: whatever a call or a swap raised.
    """
    stop = threading.Event()
    callers = [_Caller() for _ in range(threads)]
    failures: list[BaseException] = []

    def call(caller: _Caller) -> None:
        try:
            while not stop.is_set():
                began = time.perf_counter()
                caller.note(module.numbers() if caller.calls % 2 else module.foo(), began)
        except BaseException as error:
            failures.append(error)

    running = [threading.Thread(target=call, args=(caller,), daemon=True) for caller in callers]
    for thread in running:
        thread.start()
    began = time.perf_counter()
    try:
        for version in range(2, swaps + 2):
            bf.swap(module, source=versioned(version), quiesce=_LIMIT)
    finally:
        stop.set()
        for thread in running:
            thread.join(_LIMIT)
    if failures:
        raise failures.pop()
    if any(thread.is_alive() for thread in running):
        raise AssertionError("a call did not end")
    return _outcome(callers, swaps, began)


async def under_tasks(module: Any, swaps: int, tasks: int) -> Outcome:
    """Swap `module`, a block of version 1, behind a gate while `tasks` call it.

    Raises:
        AssertionError: an answer was torn or too old.
        Exception: whatever a call or a swap raised.
    """
    stop = False
    callers = [_Caller() for _ in range(tasks)]

    async def pause() -> None:
        await asyncio.sleep(0)

    async def call(caller: _Caller) -> None:
        while not stop:
            began = time.perf_counter()
            caller.note(await module.later(pause), began)
            began = time.perf_counter()
            caller.note([one async for one in module.stream(pause)], began)

    running = [asyncio.create_task(call(caller)) for caller in callers]
    began = time.perf_counter()
    for version in range(2, swaps + 2):
        await bf.aswap(module, source=versioned(version), quiesce=_LIMIT)
    stop = True
    await asyncio.gather(*running)
    return _outcome(callers, swaps, began)


def _fresh(directory: str, name: str) -> Any:
    Path(directory, f"{name}.py").write_text(versioned(1), encoding="utf-8")
    importlib.invalidate_caches()
    return bf.freeze_block(name)


def main() -> None:
    """Run both, and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quiesced", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--swaps", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--tasks", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        sys.path.insert(0, directory)
        found = [
            (f"{given.threads} threads", under_threads(_fresh(directory, "threaded"), given.swaps, given.threads)),
            (f"{given.tasks} tasks", asyncio.run(under_tasks(_fresh(directory, "tasked"), given.swaps, given.tasks))),
        ]
    for under, one in found:
        longest = 1000 * one.longest
        print(
            f"{one.swaps} swaps under {under}: {one.calls:,} calls, {one.seconds:.1f} s, longest call {longest:.0f} ms"
        )


if __name__ == "__main__":
    main()
