"""Coroutine functions, awaitable classes and async context managers, driven by hand."""

import types


@types.coroutine
def pause():
    yield "paused"


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


async def fetch(n):
    await pause()
    return ["v1", scale(n)]  #v1
    return ["v2", scale(n)]  #v2


async def gather(*numbers):
    fetched = [await fetch(n) for n in numbers]
    await pause()
    return [*fetched, scale(len(numbers))]


class Deferred:
    def __init__(self, n):
        self.n = n

    def __await__(self):
        yield from fetch(self.n).__await__()
        return scale(self.n)


class Session:
    async def __aenter__(self):
        await pause()
        return await fetch(1)

    async def __aexit__(self, kind, error, traceback):
        await pause()
        return False  #v1
        return True  #v2

    async def load(self, n):
        async with self as first:
            await pause()
            return [first, await Deferred(n), await gather(n)]


async def swallow():
    try:
        async with Session():
            raise ValueError(scale(1))
    except ValueError as error:
        return f"raised {error}"
    return "swallowed"


def drive(coroutine):
    """Run a coroutine to its end; return its result and how often it paused."""
    pauses = 0
    try:
        while True:
            coroutine.send(None)
            pauses += 1
    except StopIteration as done:
        return done.value, pauses


def make():
    return {"session": Session(), "fetch": fetch}


def use(held):
    answers = [drive(gather(1, 2)), drive(held["session"].load(3)), drive(held["fetch"](4)), drive(swallow())]
    return [*answers, drive(Deferred(5).__await__())]
