"""An application for ASGI servers that keeps its identity while its block is swapped: one generation per connection.

A request, its streamed body, its background tasks and all messages of a websocket are one call of the application.
That call is pinned, and tasks that it starts inherit the pin. A websocket can be asked to leave: see `AskToLeave`.

The lifespan: a server tells an application once that it starts and once that it stops. Each generation has an
application with state of its own, so each is told:

- to start: the one that serves when the server starts, then; a later one before its first request;
- to stop: one that no longer serves when its last request has ended, so that it drains; the rest with the server.

Threads: one event loop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from blockfreeze.draining.leaving import LIFESPAN
from blockfreeze.servers.application import PinnedApplication, Target
from blockfreeze.servers.fenced import refuse_asgi
from blockfreeze.servers.websocket import open_to_leaving

if TYPE_CHECKING:
    import asyncio

    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Message, Receive, Send], Awaitable[None]]


def asgi_entry(place: str) -> ASGIEntry:
    """Return an ASGI application that a server can keep for ever; each connection is served by one generation.

    Lifespan events go to the application of the generation that serves when the server starts, and to that of each
    later generation before its first request; if its start-up fails, so do its requests. A new request waits at a
    gate, as a new call does.

    Args:
        place: module and attribute of the application, as in ``"shop.app:app"``; the module belongs to a block.

    Raises:
        BlockfreezeError: the module is not frozen, or the place is not of that form.
        AttributeError: the module has no such attribute.
        ImportError: the block has no such module.
    """
    return ASGIEntry(Target(place))


def asgi_pin(app: Application, *modules: Any) -> PinnedASGI:
    """Return an ASGI application outside of every block that serves each connection with one generation of some blocks.

    A request that calls a block more than once finds one version of it, and so do the tasks that it starts, and threads
    to which its context is handed (Starlette's, Django's). The lifespan is the application's own, and is not pinned.

    Args:
        app: the application.
        modules: modules of the blocks, or their names.

    Raises:
        BlockfreezeError: a module is not frozen, or none was named.
    """
    return PinnedASGI(PinnedApplication(app, modules))


class PinnedASGI:
    """An ASGI application; see `asgi_pin`."""

    def __init__(self, target: PinnedApplication) -> None:
        self._target = target

    def __repr__(self) -> str:
        return f"<ASGI pin {self._target.place}>"

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection, or the lifespan of the server."""
        if scope["type"] == "lifespan":
            await self._target.application()(scope, receive, send)
            return
        if self._target.is_fenced():
            await refuse_asgi(scope, send)
            return
        async with open_to_leaving(self._target.pin(described(scope)), scope, receive, send) as (_, receive, send):
            await self._target.application()(scope, receive, send)


def described(scope: Message) -> str:
    """Return what the lists of what lingers say of a connection."""
    return f"{scope.get('method', scope['type'])} {scope.get('path', '')}".strip()


class ASGIEntry:
    """An ASGI application; see `asgi_entry`."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._scope: Message | None = None  # of the server's lifespan, once the first application has started
        self._lifespans: dict[int, _Lifespan] = {}

    def __repr__(self) -> str:
        return f"<ASGI entry {self._target.place}>"

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection, or the lifespan of the server."""
        if scope["type"] == "lifespan":
            await self._serve_lifespan(scope, receive, send)
            return
        if self._target.is_fenced():
            await refuse_asgi(scope, send)
            return
        pin = self._target.pin(described(scope))
        async with open_to_leaving(pin, scope, receive, send) as (number, receive, send):
            if self._scope is None:
                await self._target.application()(scope, receive, send)
                return
            lifespan = await self._lifespan_of(number, self._scope)
            lifespan.requests += 1
            try:
                if "state" in scope:
                    scope = {**scope, "state": dict(lifespan.state)}
                await self._target.application()(scope, receive, send)
            finally:
                lifespan.requests -= 1
        await self._stop_idle()

    async def _serve_lifespan(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        async with self._target.pin("lifespan") as number:
            first = self._lifespans[number] = _Lifespan(self._target.application(), scope)
        try:
            answer = await first.ready  # an application without a lifespan raises, and servers go on without one
            if answer["type"] == "lifespan.startup.complete":
                self._scope = scope
                await send(answer)
                await receive()
                self._scope = None
                answer = {"type": "lifespan.shutdown.complete"}
                while self._lifespans:
                    _, lifespan = self._lifespans.popitem()
                    stopped = await lifespan.stop()
                    answer = stopped if stopped["type"].endswith("failed") else answer
            await send(answer)
        finally:
            self._scope = None
            while self._lifespans:
                self._lifespans.popitem()[1].cancel()

    async def _lifespan_of(self, number: int, scope: Message) -> _Lifespan:
        import asyncio

        found = self._lifespans.get(number)
        if found is None:
            found = self._lifespans[number] = _Lifespan(self._target.application(), scope)
        try:
            answer = await asyncio.shield(found.ready)
            if answer["type"] != "lifespan.startup.complete":
                raise RuntimeError(f"{self._target.place}: generation {number} did not start: {answer.get('message')}")
        except Exception:
            if self._lifespans.get(number) is found:
                del self._lifespans[number]  # the next request tries again
            raise
        return found

    async def _stop_idle(self) -> None:
        """Stop the applications of generations that no longer serve and have no request left."""
        current = self._target.block.current.number
        for number, lifespan in list(self._lifespans.items()):
            if number != current and not lifespan.requests and lifespan.ready.done():
                del self._lifespans[number]
                await lifespan.stop()


class _Lifespan:
    """The lifespan of one generation's application: a task that runs it, as a server would.

    The task gets what the application is told from a queue, and its answer to the last of it goes into a future. It
    inherits the pin of the context in which it is made, so the application runs in its own generation.
    """

    def __init__(self, application: Application, scope: Message) -> None:
        import asyncio

        self.requests = 0
        self.state: Message = {}
        scope = {**scope, "state": self.state} if "state" in scope else dict(scope)
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        self._answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._runs = asyncio.ensure_future(application(scope, self._told.get, self._send))
        if isinstance(self._runs, asyncio.Task):
            self._runs.set_name(LIFESPAN)
        self.ready = asyncio.ensure_future(self._tell("lifespan.startup"))

    async def stop(self) -> Message:
        """Tell the application to stop, and return its answer."""
        import asyncio

        self._answer = asyncio.get_running_loop().create_future()
        try:
            return await self._tell("lifespan.shutdown")
        except Exception as error:
            return {"type": "lifespan.shutdown.failed", "message": f"{type(error).__name__}: {error}"}

    def cancel(self) -> None:
        """End the task without telling the application: the server does not wait for an answer."""
        self._runs.cancel()

    async def _send(self, message: Message) -> None:
        if not self._answer.done():
            self._answer.set_result(message)

    async def _tell(self, event: str) -> Message:
        """Tell the application of an event, and return its answer; raise what it raises instead."""
        import asyncio

        self._told.put_nowait({"type": event})
        ends: set[asyncio.Future[Any]] = {self._answer, self._runs}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if not self._answer.done():
            self._runs.result()  # raises
            return {"type": f"{event}.complete"}  # it has returned without an answer
        return self._answer.result()
