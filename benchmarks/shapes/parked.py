"""Shapes whose calls are suspended, and lie so across swaps before they go on."""

from __future__ import annotations

from benchmarks.shapes.shape import Drive, Shape, module

__all__ = ["SHAPES"]

_PAIR = """
import OUTSIDE

def frob(n):
    return (VERSION,)
#GAP
def bar(parts):
    return (*parts, VERSION)
"""

_ASYNC_PAIR = """
import OUTSIDE

async def frob(n):
    await OUTSIDE.pause()
    return (VERSION,)
#GAP
async def bar(parts):
    await OUTSIDE.pause()
    return (*parts, VERSION)
"""

SHAPES: tuple[Shape, ...] = (
    module(
        "generator",
        "a generator that calls by name between its yields",
        f"""{_PAIR}
def foo(n):
    yield (VERSION,)
    for step in range(3):
        yield bar(frob(step))
    parts = frob(n)
    yield parts
    yield bar(parts)
""",
        drive=Drive.GENERATOR,
    ),
    module(
        "generator_late",
        "a generator that calls through a table, foreign Python and C",
        f"""{_PAIR}
TABLE = {{"frob": frob, "bar": bar}}

def foo(n):
    parts = TABLE["frob"](n)
    yield parts
    parts = TABLE["bar"](parts)
    yield parts
    yield OUTSIDE.call(bar, parts)
    for one in map(frob, range(2)):
        yield one
""",
        drive=Drive.GENERATOR,
    ),
    module(
        "generator_nested",
        "yield from, generators of methods",
        f"""{_PAIR}
class Till:
    def steps(self, n):
        for step in range(2):
            yield self.total(step)
        yield (VERSION,)

    def total(self, n):
        return bar(frob(n))

def inner(n):
    yield bar(frob(n))
    yield (VERSION,)

def foo(n):
    yield from inner(n)
    till = Till()
    yield from till.steps(n)
    yield till.total(n)
    yield from inner(n)
""",
        drive=Drive.GENERATOR,
    ),
    module(
        "generator_expression",
        "a generator expression that outlives the call that made it",
        f"""{_PAIR}
def foo(n):
    return (bar(frob(step)) for step in range(4))
""",
        drive=Drive.GENERATOR,
    ),
    module(
        "coroutine",
        "coroutines across awaits; asyncio tasks in one thread",
        f"""{_ASYNC_PAIR}
async def foo(n):
    parts = await frob(n)
    await OUTSIDE.pause()
    return (*await bar(parts), VERSION)
""",
        drive=Drive.COROUTINE,
    ),
    module(
        "coroutine_late",
        "coroutines through a table, an asynchronous context manager and a method",
        f"""{_ASYNC_PAIR}
from contextlib import asynccontextmanager

TABLE = {{"frob": frob, "bar": bar}}

@asynccontextmanager
async def opened(n):
    parts = await TABLE["frob"](n)
    yield parts
    await OUTSIDE.pause()

class Till:
    async def __aenter__(self):
        await OUTSIDE.pause()
        return (VERSION,)

    async def __aexit__(self, *error):
        await OUTSIDE.pause()

async def foo(n):
    async with opened(n) as parts, Till() as more:
        await OUTSIDE.pause()
        return (*await TABLE["bar"](parts), *more, VERSION)
""",
        drive=Drive.COROUTINE,
    ),
    module(
        "async_generator",
        "asynchronous generators across awaits and yields",
        f"""{_ASYNC_PAIR}
async def inner(n):
    yield await frob(n)
    yield (VERSION,)

async def foo(n):
    yield (VERSION,)
    async for parts in inner(n):
        yield await bar(parts)
    parts = [part async for part in inner(n)]
    yield await bar(parts[-1])
""",
        drive=Drive.ASYNC_GENERATOR,
    ),
    module(
        "tasks",
        "asyncio tasks that the block itself starts and gathers",
        f"""import asyncio
{_ASYNC_PAIR}
async def both(n):
    return await bar(await frob(n))

async def foo(n):
    first = asyncio.create_task(both(n))
    rest = await asyncio.gather(both(n), frob(n))
    await OUTSIDE.pause()
    return (*await first, *rest[0], *rest[1], VERSION)
""",
        drive=Drive.TASKS,
    ),
    module(
        "escaped_closure",
        "a closure that the outside keeps and calls later",
        f"""{_PAIR}
def foo(n):
    parts = frob(n)
    def later():
        return bar((*parts, *frob(n), VERSION))
    return later
""",
        drive=Drive.HELD,
    ),
    module(
        "escaped_bound_method",
        "a bound method of a fresh instance that the outside keeps and calls later",
        f"""{_PAIR}
class Order:
    def total(self):
        return bar((*self.frob(), VERSION))

    def frob(self):
        return frob(0)

def foo(n):
    return Order().total
""",
        drive=Drive.HELD,
    ),
)
