"""Async generators and async comprehensions, driven by hand."""

import types


@types.coroutine
def pause():
    yield "paused"


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


async def ticks(n):
    for i in range(n):
        await pause()
        yield "v1", scale(i)  #v1
        yield "v2", scale(i)  #v2


async def filtered(n):
    async for mark, value in ticks(n):
        if value:
            yield [mark, scale(value)]


async def collected(n):
    listed = [item async for item in ticks(n)]
    mapped = {value: mark async for mark, value in ticks(n)}
    return listed, mapped, [item async for item in filtered(n)]


class Stream:
    def __init__(self, n):
        self.n = n

    async def __aiter__(self):
        async for item in filtered(self.n):
            yield item, scale(1)


async def streamed(stream):
    return [item async for item in stream]


def drive(coroutine):
    try:
        while True:
            coroutine.send(None)
    except StopIteration as done:
        return done.value


def make():
    return {"stream": Stream(3), "ticks": ticks}


def use(held):
    return [drive(collected(2)), drive(streamed(held["stream"])), drive(streamed(held["ticks"](2)))]
