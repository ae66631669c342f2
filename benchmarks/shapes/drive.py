"""How one thread calls a block again and again, by every route in turn, until it is told to stop.

`call` finishes each call before it starts the next. `park` keeps many calls under way at once and advances each by
one step in turn, so that most of them lie suspended while versions are swapped; coroutines are stepped by hand.
`tasks` does the same with the tasks of an asyncio loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Sequence
from itertools import count, cycle
from typing import Any

from benchmarks.shapes.shape import Drive
from benchmarks.shapes.tally import Tally

__all__ = ["Route", "Running", "call", "park", "tasks"]

Route = tuple[str, Callable[[int], Any]]
Running = Callable[[int], bool]
"""Whether to go on, given the number of calls made so far."""

_DEPTH = 256
_TASKS = 100


def call(routes: Sequence[Route], tally: Tally, running: Running) -> None:
    """Make calls that return their result."""
    floor = tally.floor
    for n, (name, route) in enumerate(cycle(routes)):
        since = tally.since()
        committed = floor.committed
        try:
            tags = route(n)
        except Exception as error:
            tally.fail(name, error)
        else:
            tally.judge(name, tags, since)
        if committed != floor.committed:
            tally.crossed += 1
        if not n % 16 and not running(tally.calls):
            return


def park(routes: Sequence[Route], tally: Tally, running: Running, drive: Drive) -> None:
    """Make calls that are continued later, many of them under way at once; finish them all at the end."""
    supply = _starts(routes, tally, drive)
    parked = [next(supply) for _ in range(_DEPTH)]
    for step in count():
        slot = step % _DEPTH
        if next(parked[slot], _FINISHED) is _FINISHED:
            parked[slot] = next(supply)
        if not step % 64 and not running(tally.calls):
            break
    for one in parked:
        for _ in one:
            pass


def tasks(routes: Sequence[Route], tally: Tally, running: Running, drive: Drive) -> None:
    """Make calls from many tasks of one asyncio loop."""

    async def repeat(turns: Iterable[Route]) -> None:
        for n, (name, route) in enumerate(turns):
            since = tally.since()
            committed = tally.floor.committed
            try:
                tags = await _awaitable(drive, route(n))
            except Exception as error:
                tally.fail(name, error)
            else:
                tally.judge(name, tags, since)
            tally.crossed += committed != tally.floor.committed
            if not running(tally.calls):
                return

    async def everyone() -> None:
        await asyncio.gather(*(repeat(cycle(routes)) for _ in range(_TASKS)))

    asyncio.run(everyone())


_FINISHED = object()


def _starts(routes: Sequence[Route], tally: Tally, drive: Drive) -> Generator[Generator[None, None, None]]:
    for n, (name, route) in enumerate(cycle(routes)):
        yield _one(name, route, n, tally, drive)


def _one(name: str, route: Callable[[int], Any], n: int, tally: Tally, drive: Drive) -> Generator[None, None, None]:
    """Make one call, which begins at the first step, and judge it after the last."""
    since = None if drive is Drive.HELD else tally.since()
    committed = tally.floor.committed
    try:
        tags = yield from _steps(drive, route(n))
    except Exception as error:
        tally.fail(name, error)
    else:
        tally.judge(name, tags, since)
    tally.crossed += committed != tally.floor.committed


def _steps(drive: Drive, started: Any) -> Generator[None, None, Any]:
    if drive is Drive.HELD:
        yield
        return started()
    if drive is Drive.GENERATOR:
        tags: list[int] = []
        for part in started:
            tags.extend(part)
            yield
        return tuple(tags)
    return (yield from _awaitable(drive, started).__await__())


def _awaitable(drive: Drive, started: Any) -> Awaitable[Any]:
    return _consume(started) if drive is Drive.ASYNC_GENERATOR else started


async def _consume(started: AsyncIterator[tuple[int, ...]]) -> tuple[int, ...]:
    tags: list[int] = []
    async for part in started:
        tags.extend(part)
    return tuple(tags)
