"""The gate: where new calls of a block wait while its old calls drain and its data is converted.

A swap with ``quiesce=`` puts a vector with a gate behind the block's one reference. Calls in flight, what they call,
and pinned contexts do not meet the gate; every other call is a new one, and waits:

=================================  =========================  =====================
a new call of                      while old calls drain      during the conversion
=================================  =========================  =====================
a plain function, in a thread      blocks                     blocks
a plain function, on the thread    goes in, and is then       blocks: it ends by
of a running event loop            one of those that drain    itself, and soon
a coroutine function               awaits                     awaits
an asynchronous generator          awaits at its first step   awaits
any, by the thread that swaps      goes in                    goes in
=================================  =========================  =====================

A plain function may not block an event loop while calls drain, because those calls may need the loop to end.

A call that has waited begins when the gate is open: it goes through its entry again and loads the reference then. An
open gate stops nobody, whether or not another vector has taken its place: whoever meets it then, having loaded the
vector that has the gate, goes through its entry again if another one has.

Threads: waiting is by one condition, and by futures for event loops; nothing polls.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


def on_event_loop() -> bool:
    """Tell whether the running thread runs an asyncio event loop."""
    # Asked of the module only if the program uses it; while another thread imports it, it may still lack the function.
    running = getattr(sys.modules.get("asyncio.events"), "_get_running_loop", None)
    return running is not None and running() is not None


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


class Gate:
    """The gate of one swap: made shut, told by `convert` that the conversion begins, and opened once."""

    __slots__ = ("_condition", "_converting", "_futures", "_open", "_shut_at", "owner", "seconds")

    def __init__(self) -> None:
        self.owner = threading.get_ident()
        self.seconds = 0.0  # how long it was shut, once it is open
        self._shut_at = time.monotonic()
        self._open = False
        self._converting = False
        # Re-entrant: a collection while it is held can run a finalizer that calls an entry.
        self._condition = threading.Condition(threading.RLock())
        self._futures: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}

    @property
    def is_open(self) -> bool:
        """Whether nobody is stopped any more."""
        return self._open

    def stops_thread(self) -> bool:
        """Tell whether new calls that the running thread makes are stopped, if they can wait."""
        return not self._open and self.owner != threading.get_ident()

    def blocks_thread(self) -> bool:
        """Tell whether the running thread is to block: not if it runs an event loop, but for the conversion."""
        return self.stops_thread() and (self._converting or not on_event_loop())

    def wait(self) -> None:
        """Block the running thread as long as `blocks_thread` says so."""
        with self._condition:
            self._condition.wait_for(lambda: not self.blocks_thread())

    async def opened(self) -> None:
        """Wait until the gate is open, without blocking the event loop."""
        import asyncio

        with self._condition:
            if not self.stops_thread():
                return
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            self._futures.setdefault(loop, []).append(future)
        await future

    def convert(self, *, now: bool) -> None:
        """Stop whoever could still go in, because the conversion begins; or let them go in again."""
        with self._condition:
            self._converting = now
            self._condition.notify_all()

    def open(self) -> None:
        """Let everybody go on."""
        with self._condition:
            if not self._open:
                self.seconds = time.monotonic() - self._shut_at
            self._open = True
            waiting, self._futures = self._futures, {}
            self._condition.notify_all()
        for loop, futures in waiting.items():
            try:
                # Once for each loop: it writes to a socket, and a busy loop then has the interpreter for a while.
                loop.call_soon_threadsafe(_wake, futures)
            except RuntimeError:
                continue  # the loop has been closed, and whoever waited in it is gone

    def abandon(self) -> None:
        """Open the gate in the child of a fork, where the thread that swaps does not exist, and nobody waits."""
        self._open = True  # the lock may be held for ever by a thread that does not exist either

    def stand_in(self, entry: Any, function: Any, args: Any, kwargs: Any) -> Any:
        """Return what awaits the gate and then makes the call, of the kind that `function` is.

        None if `function` is one that can only block.
        """
        make: Callable[..., Any]
        later: Any
        if inspect.iscoroutinefunction(function):
            make = self._await_call
        elif inspect.isasyncgenfunction(function):
            make = self._iterate_call
        else:
            return None
        later = make(functools.partial(entry, *args, **kwargs))
        later.__name__, later.__qualname__ = function.__name__, function.__qualname__
        return later

    async def _await_call(self, call: Callable[[], Any]) -> Any:
        await self.opened()
        found = call()
        return await found if inspect.isawaitable(found) else found

    async def _iterate_call(self, call: Callable[[], AsyncGenerator[Any, Any]]) -> AsyncGenerator[Any, Any]:
        await self.opened()
        inner = call()
        try:
            value = await anext(inner)
            while True:
                try:
                    sent = yield value
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as error:
                    value = await inner.athrow(error)
                else:
                    value = await inner.asend(sent)
        except StopAsyncIteration:
            return
