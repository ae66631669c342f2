"""Those who linger are asked to leave, if that is wanted: websockets by a close code, tasks by a cancellation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conftest import Workshop
from test_servers import ASGI, Client, asite, swap  # noqa: F401 - a fixture

import blockfreeze as bf

pytestmark = [pytest.mark.needs_event_loop, pytest.mark.needs_threads]

SOCKETS = """
NUMBER = {version}
LOG = []

async def app(scope, receive, send):
    await receive()
    await send(dict(type="websocket.accept"))
    while True:
        told = await receive()
        if told["type"] == "websocket.disconnect":
            LOG.append((NUMBER, told["code"]))
            await send(dict(type="websocket.close"))
            return
        await send(dict(type="websocket.send", text=str(NUMBER)))

async def pushing(scope, receive, send):
    await receive()
    await send(dict(type="websocket.accept"))
    while True:
        await send(dict(type="websocket.send", text=str(NUMBER)))
        await PAUSE()

async def PAUSE():
    import asyncio
    await asyncio.sleep(0)
"""


@pytest.fixture
def sockets(workshop: Workshop) -> Any:
    return workshop.freeze("site_ws", SOCKETS.format(version=1))


async def opened(app: Any) -> Client:
    """Open a websocket, and return it when it is accepted."""
    client = Client(app, "websocket")
    client.tell("websocket.connect")
    assert (await client.hear())["type"] == "websocket.accept"
    return client


async def drained(module: Any, **how: Any) -> None:
    await asyncio.get_running_loop().run_in_executor(None, lambda: bf.drain(module, timeout=20, **how))


@pytest.mark.parametrize("code", [1012, 4001])
def test_websockets_get_the_close_code_and_their_application_is_told(sockets: Any, code: int) -> None:
    app, log = bf.asgi_entry("site_ws:app"), sockets.LOG

    async def main() -> list[Any]:
        old = await opened(app)
        swap(sockets, 2, SOCKETS)
        new = await opened(app)
        await drained(sockets, ask_to_leave=bf.AskToLeave(code))
        closed = await old.hear()
        await old.task
        new.tell("websocket.receive")
        answered = await new.hear()
        new.tell("websocket.disconnect")
        new.inbox._queue[-1]["code"] = 1000  # type: ignore[attr-defined]
        await new.task
        return [closed["type"], closed["code"], answered["text"], old.outbox.qsize()]

    assert asyncio.run(main()) == ["websocket.close", code, "2", 0]
    assert log == [(1, code), (2, 1000)]


def test_one_that_only_sends_is_closed_and_its_next_message_fails(sockets: Any) -> None:
    app = bf.asgi_entry("site_ws:pushing")

    async def main() -> str:
        old = await opened(app)
        bf.swap(sockets, source=SOCKETS.format(version=2), ask_to_leave=bf.AskToLeave())
        with pytest.raises(ConnectionResetError):
            await old.task
        *_, last = old.outbox._queue  # type: ignore[attr-defined]
        return str(last["type"])

    assert asyncio.run(main()) == "websocket.close"
    bf.drain(sockets, timeout=20)


def test_one_that_is_not_accepted_yet_is_closed_when_it_is(sockets: Any) -> None:
    app = bf.asgi_entry("site_ws:app")

    async def main() -> list[str]:
        old = Client(app, "websocket")
        await asyncio.sleep(0)
        bf.swap(sockets, source=SOCKETS.format(version=2), ask_to_leave=bf.AskToLeave())
        await asyncio.sleep(0)
        old.tell("websocket.connect")
        await old.task
        return [one["type"] for one in old.outbox._queue]  # type: ignore[attr-defined]

    assert asyncio.run(main()) == ["websocket.accept", "websocket.close"]
    bf.drain(sockets, timeout=20)


def test_a_pinned_application_is_asked_too(sockets: Any) -> None:
    async def main() -> int:
        old = await opened(bf.asgi_pin(sockets.app, "site_ws"))
        bf.swap(sockets, source=SOCKETS.format(version=2), ask_to_leave=bf.AskToLeave(3000))
        await old.task
        return int((await old.hear())["code"])

    assert asyncio.run(main()) == 3000


WAITING = """
import asyncio
LOG = []

async def wait(event):
    try:
        await event.wait()
    except asyncio.CancelledError:
        LOG.append({version})
        await asyncio.sleep(0.05)
        LOG.append("cleared up")
        raise

async def deep(event):
    await foreign(wait, event)
"""


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("name", ["wait", "deep", "pinned"])
def test_tasks_are_cancelled_only_if_that_is_wanted(workshop: Workshop, name: str, *, cancelled: bool) -> None:
    workshop.write("outside.py", "async def foreign(call, *given):\n    await call(*given)\n")
    shop = workshop.freeze("shop", "from outside import foreign\n" + WAITING.format(version=1))
    log = shop.LOG

    async def pinned(event: asyncio.Event) -> None:
        async with bf.pin(shop):
            await event.wait()

    async def main() -> None:
        event = asyncio.Event()
        old = asyncio.create_task(pinned(event) if name == "pinned" else getattr(shop, name)(event))
        other = asyncio.create_task(event.wait())
        await asyncio.sleep(0)
        bf.swap(shop, source="from outside import foreign\n" + WAITING.format(version=2))
        new = asyncio.create_task(shop.wait(event))
        await asyncio.sleep(0)
        asked = bf.AskToLeave(cancel_tasks=cancelled)
        if cancelled:
            await drained(shop, ask_to_leave=asked)
            assert old.cancelled()
            assert log == ([] if name == "pinned" else [1, "cleared up"])
        else:
            with pytest.raises(bf.DrainTimeoutError):
                bf.drain(shop, timeout=0.05, ask_to_leave=asked)
            assert not old.done()
        assert not other.done()
        assert not new.done()
        event.set()
        await asyncio.gather(old, other, new, return_exceptions=True)

    asyncio.run(main())
    bf.drain(shop, timeout=20)


def test_the_lifespan_of_a_generation_is_not_cancelled(asite: Any) -> None:  # noqa: F811
    app = bf.asgi_entry("site_asgi:app")
    log = asite.LOG

    async def main() -> None:
        server = Client(app, "lifespan", state={})
        server.tell("lifespan.startup")
        await server.hear()
        swap(asite, 2, ASGI)
        with pytest.raises(bf.DrainTimeoutError):
            bf.drain(asite, timeout=0.01, ask_to_leave=bf.AskToLeave(cancel_tasks=True))
        await asyncio.sleep(0)
        assert not server.task.done()
        await Client(app, state={}).whole_body()
        assert ("stop", 1) in log
        server.tell("lifespan.shutdown")
        await server.task

    asyncio.run(main())
