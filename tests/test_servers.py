"""WSGI and ASGI: the server keeps one object, and each request, to its very end, is served by one generation."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from living import Watch, only
from threads import LIMIT, ParkedCall, ThreadedCall

import blockfreeze as bf

WSGI = """
NUMBER = {version}
CLOSED = []

def number():
    return b"%d" % NUMBER

TABLE = dict(number=number)

class Body:
    def __iter__(self):
        for _ in range(3):
            yield TABLE["number"]()

    def close(self):
        CLOSED.append(TABLE["number"]())

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    kind = environ.get("PATH_INFO")
    if kind == "/list":
        return [number()]
    if kind == "/file":
        return environ["wsgi.file_wrapper"](environ["file"])
    if kind == "/fails":
        raise LookupError(number())
    if kind == "/breaks":
        return breaks()
    return Body()

def breaks():
    yield number()
    raise LookupError(number())
"""


@pytest.fixture
def site(workshop: Any) -> Any:
    return workshop.freeze("site_wsgi", WSGI.format(version=1))


def request(app: Any, path: str, **more: Any) -> Any:
    environ: dict[str, Any] = {"PATH_INFO": path, **more}
    setup_testing_defaults(environ)
    return app(environ, lambda status, headers, exc_info=None: lambda data: None)


def swap(module: Any, version: int, source: str) -> None:
    bf.swap(module, source=source.format(version=version))


def test_a_streamed_body_is_produced_and_closed_in_the_generation_of_its_request(site: Any) -> None:
    app = bf.wsgi_entry("site_wsgi:app")
    closed = site.CLOSED
    body = request(app, "/stream")
    steps = iter(body)
    assert next(steps) == b"1"
    swap(site, 2, WSGI)
    assert list(request(app, "/stream")) == [b"2"] * 3
    (pin,) = [one for one in bf.status(site).lingering if one.kind == "pin"]
    assert (pin.generation, pin.function) == (1, "GET /stream")
    assert list(steps) == [b"1", b"1"]
    body.close()
    assert closed == [b"1"]
    gc.collect()
    bf.drain(site, timeout=10)


def test_a_body_that_has_not_begun_belongs_to_its_request(site: Any) -> None:
    app = bf.wsgi_entry("site_wsgi:app")
    body = request(app, "/stream")
    swap(site, 2, WSGI)
    assert list(body) == [b"1"] * 3
    body.close()
    bf.drain(site, timeout=10)


def test_a_body_that_a_server_drops_unclosed_holds_nothing(site: Any) -> None:
    body = request(bf.wsgi_entry("site_wsgi:app"), "/stream")
    assert next(body) == b"1"
    swap(site, 2, WSGI)
    del body
    gc.collect()
    bf.drain(site, timeout=10)


def test_what_is_not_streamed_is_handed_out_as_it_is(site: Any, tmp_path: Any) -> None:
    app = bf.wsgi_entry("site_wsgi:app")
    assert request(app, "/list") == [b"1"]
    path = tmp_path / "file"
    path.write_bytes(b"content")
    with path.open("rb") as file:
        wrapped = request(app, "/file", **{"wsgi.file_wrapper": FileWrapper, "file": file})
        assert type(wrapped) is FileWrapper
    swap(site, 2, WSGI)
    assert bf.status(site).lingering == ()


@pytest.mark.parametrize("path", ["/fails", "/breaks"])
def test_a_request_that_fails_is_not_pinned_any_more(site: Any, path: str) -> None:
    app = bf.wsgi_entry("site_wsgi:app")

    def whole() -> None:
        with contextlib.closing(request(app, path)) as body:
            swap(site, 2, WSGI)
            list(body)

    with pytest.raises(LookupError):
        whole()
    bf.drain(site, timeout=10)


def test_the_entry_is_a_valid_application(site: Any) -> None:
    app = validator(bf.wsgi_entry("site_wsgi:app"))
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "QUERY_STRING": ""}
    setup_testing_defaults(environ)
    body = app(environ, lambda status, headers, exc_info=None: lambda data: None)
    assert b"".join(body) == b"111"
    body.close()  # type: ignore[attr-defined]


@pytest.mark.needs_threads
def test_a_request_waits_at_the_gate_and_a_body_in_flight_is_waited_for(site: Any, watch: Watch) -> None:
    app = bf.wsgi_entry("site_wsgi:app")
    with ParkedCall(lambda gate: list(_slow(request(app, "/stream"), gate))) as parked:
        quiesced = ThreadedCall(lambda: bf.swap(site, source=WSGI.format(version=2), quiesce=LIMIT))
        watch.wait_until_shut()
        new = ThreadedCall(lambda: request(app, "/list"))
        watch.wait_for_waiting()
        assert parked.finish() == [b"1"] * 3
        quiesced.result()
        assert new.result() == [b"2"]


def _slow(body: Any, gate: Callable[[], None]) -> Iterator[bytes]:
    steps = iter(body)
    yield next(steps)
    gate()
    yield from steps
    body.close()


@pytest.mark.parametrize("make", [bf.wsgi_entry, bf.asgi_entry])
def test_an_entry_is_made_only_for_what_exists_in_a_block(site: Any, make: Callable[[str], object]) -> None:
    with pytest.raises(bf.BlockfreezeError, match="module:attribute"):
        make("site_wsgi")
    with pytest.raises(bf.BlockfreezeError, match="freeze it first"):
        make("json:loads")
    with pytest.raises(AttributeError):
        make("site_wsgi:nothing")
    with pytest.raises(ImportError):
        make("site_wsgi.nothing:app")
    assert "site_wsgi:app" in repr(make("site_wsgi:app"))


ASGI = """
import asyncio
NUMBER = {version}
LOG = []
DONE = []

def number():
    return NUMBER

TABLE = dict(number=number)

async def background(wait):
    await wait()
    DONE.append(TABLE["number"]())

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    elif scope["type"] == "websocket":
        while (await receive())["type"] != "websocket.disconnect":
            await send(dict(type="websocket.send", text=str(TABLE["number"]())))
    else:
        await send(dict(type="http.response.start", status=200, headers=[]))
        await send(dict(type="http.response.body", body=b"%d" % number(), more_body=True))
        await receive()
        if "wait" in scope:
            scope["task"].append(asyncio.get_running_loop().create_task(scope["background"](scope["wait"])))
        await send(dict(type="http.response.body", body=b"%d" % TABLE["number"]()))

async def lifespan(scope, receive, send):
    await receive()
    if FAILS:
        await send(dict(type="lifespan.startup.failed", message="no"))
        return
    scope["state"]["started"] = NUMBER
    LOG.append(("start", number()))
    await send(dict(type="lifespan.startup.complete"))
    await receive()
    LOG.append(("stop", TABLE["number"]()))
    await send(dict(type="lifespan.shutdown.complete"))

FAILS = False
"""


@pytest.fixture
def asite(workshop: Any) -> Any:
    return workshop.freeze("site_asgi", ASGI.format(version=1))


class Client:
    """One connection, driven by hand."""

    def __init__(self, app: Any, kind: str = "http", **more: Any) -> None:
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self.outbox: asyncio.Queue[Any] = asyncio.Queue()
        self.scope = {"type": kind, "method": "GET", "path": "/", **more}
        self.task = asyncio.create_task(app(self.scope, self.inbox.get, self.outbox.put))

    def tell(self, kind: str) -> None:
        self.inbox.put_nowait({"type": kind})

    async def hear(self) -> Any:
        return await self.outbox.get()

    async def whole_body(self) -> bytes:
        self.tell("http.request")
        await self.task
        return b"".join(one.get("body", b"") for one in self.outbox._queue)  # type: ignore[attr-defined]


async def started(app: Any) -> tuple[Client, Any]:
    """Start an application as a server does; return the connection and what was answered."""
    server = Client(app, "lifespan", state={})
    server.tell("lifespan.startup")
    return server, await server.hear()


@pytest.mark.needs_event_loop
def test_a_request_its_body_and_its_background_task_are_of_one_generation(asite: Any) -> None:
    app = bf.asgi_entry("site_asgi:app")

    async def background(wait: Callable[[], Any]) -> None:
        await wait()
        done.append(asite.number())  # foreign code, that calls back

    done: list[int] = []

    async def main() -> None:
        go, tasks = asyncio.Event(), []
        first = Client(app, wait=go.wait, task=tasks, background=background)
        await first.hear()
        await first.hear()
        swap(asite, 2, ASGI)
        assert await Client(app).whole_body() == b"22"
        assert await first.whole_body() == b"1"
        (pin,) = [one for one in bf.status(asite).lingering if one.kind == "pin"]
        assert (pin.generation, pin.function) == (1, "GET /")
        go.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert done == [1]
    bf.drain(asite, timeout=10)


@pytest.mark.needs_event_loop
def test_the_messages_of_a_websocket_are_of_one_generation(asite: Any) -> None:
    app = bf.asgi_entry("site_asgi:app")

    async def main() -> list[str]:
        socket, texts = Client(app, "websocket"), []
        for version in (2, 3, 4):
            socket.tell("websocket.receive")
            texts.append((await socket.hear())["text"])
            swap(asite, version, ASGI)
        socket.tell("websocket.receive")
        texts.append((await socket.hear())["text"])
        socket.tell("websocket.disconnect")
        await socket.task
        return texts

    assert asyncio.run(main()) == ["1"] * 4
    bf.drain(asite, timeout=10)


@pytest.mark.needs_event_loop
def test_each_generation_is_started_once_before_its_first_request_and_stopped_after_its_last(asite: Any) -> None:
    app = bf.asgi_entry("site_asgi:app")
    log = asite.LOG  # which survives, for the statement that makes it is the same in every version

    async def main() -> None:
        server, heard = await started(app)
        assert heard == {"type": "lifespan.startup.complete"}
        assert log == [("start", 1)]
        old = Client(app, state={})
        await old.hear()
        swap(asite, 2, ASGI)
        assert log == [("start", 1)]
        assert [await one.whole_body() for one in [Client(app, state={}) for _ in range(3)]] == [b"22"] * 3
        assert log == [("start", 1), ("start", 2)]  # the old one has a request in flight
        assert await old.whole_body() == b"11"[0:1] + b"1"
        assert log == [("start", 1), ("start", 2), ("stop", 1)]
        server.tell("lifespan.shutdown")
        assert await server.hear() == {"type": "lifespan.shutdown.complete"}
        await server.task
        assert log[2:] == [("stop", 1), ("stop", 2)]

    asyncio.run(main())
    bf.drain(asite, timeout=10)


@pytest.mark.needs_event_loop
def test_a_generation_that_does_not_start_fails_its_requests_and_a_rollback_helps(asite: Any) -> None:
    app = bf.asgi_entry("site_asgi:app")

    async def main() -> None:
        server, _ = await started(app)
        bf.swap(asite, source=ASGI.format(version=2).replace("FAILS = False", "FAILS = True"))
        for _ in range(2):
            with pytest.raises(RuntimeError, match="did not start: no"):
                await Client(app, state={}).whole_body()
        bf.rollback(asite)
        assert await Client(app, state={}).whole_body() == b"11"
        server.tell("lifespan.shutdown")
        await server.task

    asyncio.run(main())
    bf.drain(asite, timeout=10)


@pytest.mark.needs_event_loop
def test_a_server_hears_that_the_start_failed_and_that_there_is_no_lifespan(workshop: Any) -> None:
    module = workshop.freeze("site_asgi", ASGI.format(version=1).replace("FAILS = False", "FAILS = True"))
    app = bf.asgi_entry("site_asgi:app")

    async def start() -> Any:
        server = Client(app, "lifespan", state={})
        server.tell("lifespan.startup")
        await server.task
        return await server.hear()

    assert asyncio.run(start()) == {"type": "lifespan.startup.failed", "message": "no"}
    bf.swap(module, source="async def app(scope, receive, send):\n    assert scope['type'] == 'http'\n")
    with pytest.raises(AssertionError):
        asyncio.run(start())
    asyncio.run(app({"type": "http"}, None, None))
    bf.drain(module, timeout=10)


@pytest.mark.needs_event_loop
def test_a_server_that_is_cancelled_leaves_nothing_running(asite: Any) -> None:
    app = bf.asgi_entry("site_asgi:app")

    async def main() -> None:
        server, _ = await started(app)
        swap(asite, 2, ASGI)
        assert await Client(app, state={}).whole_body() == b"22"
        server.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await server.task
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    bf.drain(asite, timeout=10)


@pytest.mark.needs_event_loop
def test_a_request_that_is_cancelled_is_not_pinned_any_more(asite: Any) -> None:
    app = bf.asgi_entry("site_asgi:app")

    async def main() -> None:
        request = Client(app)
        await request.hear()
        swap(asite, 2, ASGI)
        request.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request.task

    asyncio.run(main())
    bf.drain(asite, timeout=10)


@pytest.mark.needs_event_loop
@pytest.mark.needs_threads
def test_a_request_awaits_the_gate(asite: Any, watch: Watch) -> None:
    app = bf.asgi_entry("site_asgi:app")

    async def main() -> None:
        old = Client(app)
        await old.hear()
        quiesced = asyncio.create_task(bf.aswap(asite, source=ASGI.format(version=2), quiesce=LIMIT))
        await asyncio.to_thread(watch.wait_until_shut)
        new = Client(app)
        await asyncio.to_thread(watch.wait_for_waiting)
        assert new.outbox.empty()
        assert await old.whole_body() == b"11"
        await quiesced
        assert only(await new.whole_body()) == ord("2")

    asyncio.run(main())


TWO_CALLS = "def first(): return {version}\ndef second(): return {version}\ndef late(): yield {version}\n"


def test_a_pinned_wsgi_application_finds_one_version_for_each_request(workshop: Any) -> None:
    shop = workshop.freeze("pinned_shop", TWO_CALLS.format(version=1))

    def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        yield b"%d" % shop.first()
        yield b"%d" % shop.second()

    app = bf.wsgi_pin(site, shop)
    body = request(app, "/")
    steps = iter(body)
    assert next(steps) == b"1"
    swap(shop, 2, TWO_CALLS)
    assert list(steps) == [b"1"]
    assert [(one.kind, one.function) for one in bf.status(shop).lingering] == [("pin", "GET /")]
    body.close()
    assert list(request(app, "/")) == [b"2", b"2"]
    bf.drain(shop, timeout=LIMIT)


@pytest.mark.needs_event_loop
def test_a_pinned_asgi_application_finds_one_version_for_each_connection(workshop: Any) -> None:
    shop = workshop.freeze("pinned_shop", TWO_CALLS.format(version=1))
    found: list[Any] = []

    async def site(scope: dict[str, Any], receive: Any, send: Any) -> None:
        found.append(shop.first())
        await send({})
        found.append(shop.second())
        found.append(await asyncio.create_task(later()))

    async def later() -> int:
        number: int = shop.first()
        return number

    async def send(message: dict[str, Any]) -> None:
        if bf.status(shop).current == 1:
            swap(shop, 2, TWO_CALLS)

    app = bf.asgi_pin(site, "pinned_shop")
    asyncio.run(app({"type": "http", "path": "/"}, None, send))  # type: ignore[arg-type]
    assert found == [1, 1, 1]
    asyncio.run(app({"type": "lifespan"}, None, send))  # type: ignore[arg-type]
    assert found[3:] == [2, 2, 2]
    assert repr(app).startswith("<ASGI pin <function")


@pytest.mark.parametrize("kind", [bf.wsgi_pin, bf.asgi_pin])
def test_what_is_pinned_must_be_a_block(kind: Any) -> None:
    with pytest.raises(bf.BlockfreezeError, match="no block was named"):
        kind(print)
    with pytest.raises(bf.BlockfreezeError, match="the pin was refused: the module is not a block"):
        kind(print, "json")
