"""A websocket that can be asked to leave: its server closes it, and its application is told that it is disconnected."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from blockfreeze.dispatch.pins import Pin

if TYPE_CHECKING:
    import asyncio

    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]


@asynccontextmanager
async def open_to_leaving(
    pin: Pin[Any], scope: Message, receive: Receive, send: Send
) -> AsyncIterator[tuple[Any, Receive, Send]]:
    """Pin a connection for the length of an ``async with`` statement; yield the pin's value, and its two ends.

    Those of a websocket are ones by which it can be asked to leave; those of a request are as they were.
    """
    async with pin as value:
        if scope["type"] != "websocket":
            yield value, receive, send
            return
        socket = _Websocket(receive, send)
        pin.let_leave(socket.ask)
        try:
            yield value, socket.receive, socket.send
        finally:
            pin.let_leave(None)
            socket.end()


class _Websocket:
    """The two ends of a websocket. Threads: those of its event loop; any may ask it to leave."""

    def __init__(self, receive: Receive, send: Send) -> None:
        import asyncio

        self._receive = receive
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._code: asyncio.Future[int] = self._loop.create_future()
        self._next: asyncio.Future[Message] | None = None
        self._accepted = False
        self._closing: asyncio.Future[None] | None = None

    def ask(self, code: int) -> None:
        """Let it be closed with a code, as soon as it is accepted."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._ask, code)

    async def receive(self) -> Message:
        """Return what the client sends next, or that it is disconnected once it was asked to leave."""
        import asyncio

        if self._next is None:
            self._next = asyncio.ensure_future(self._receive())
        if not self._accepted:
            found, self._next = self._next, None
            return await found
        ends: set[asyncio.Future[Any]] = {self._next, self._code}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if self._next.done():
            found, self._next = self._next, None
            return found.result()
        await self._closed()
        return {"type": "websocket.disconnect", "code": self._code.result(), "reason": "asked to leave"}

    async def send(self, message: Message) -> None:
        """Send the client something.

        Raises:
            ConnectionResetError: it was asked to leave, and is closed.
        """
        if self._closing is not None:
            if message["type"] == "websocket.close":
                return
            raise ConnectionResetError("the websocket was asked to leave")
        await self._send(message)
        if message["type"] == "websocket.accept":
            self._accepted = True
            if self._code.done():
                await self._closed()

    def end(self) -> None:
        """Let nothing wait for it any more."""
        self._code.cancel()
        if self._next is not None:
            self._next.cancel()

    def _ask(self, code: int) -> None:
        if not self._code.done():
            self._code.set_result(code)
            if self._accepted:
                self._begin_closing()

    def _begin_closing(self) -> asyncio.Future[None]:
        import asyncio

        if self._closing is None:
            message = {"type": "websocket.close", "code": self._code.result(), "reason": "asked to leave"}
            self._closing = asyncio.ensure_future(self._send(message))
        return self._closing

    async def _closed(self) -> None:
        import asyncio

        with suppress(OSError, RuntimeError):  # the client has left by itself
            await asyncio.shield(self._begin_closing())
