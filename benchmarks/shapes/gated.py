"""A module whose definitions answer with their version, and callers that check it while it is swapped behind a gate.

Each answer must come from one version, and from none older than its caller has seen.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
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
