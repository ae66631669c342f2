"""Swapping from an event loop: the swap runs in a thread of its own, and the loop goes on."""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from blockfreeze.api import freeze
from blockfreeze.api.following import PathGiven, version_for
from blockfreeze.core.errors import SwapError
from blockfreeze.core.report import SwapReport
from blockfreeze.draining.leaving import AskToLeave, Leaving
from blockfreeze.draining.quiesce import refuse_from_inside
from blockfreeze.instances.given import GivenConverter
from blockfreeze.model.block import Block
from blockfreeze.swapping.candidate import Candidate
from blockfreeze.swapping.prepare import swap
from blockfreeze.swapping.probation import Probation, watch_over
from blockfreeze.versions.snapshot import SourceGiven

if TYPE_CHECKING:
    import asyncio


async def aswap(
    module: Any,
    *,
    source: SourceGiven | None = None,
    release: PathGiven | None = None,
    label: str | None = None,
    expect_hash: str | None = None,
    check: Callable[[Candidate], object] | None = None,
    strict: bool = False,
    converters: Mapping[Any, GivenConverter] | None = None,
    quiesce: float | None = None,
    probation: Probation | None = None,
    wait: bool | float = False,
    ask_to_leave: AskToLeave | None = None,
) -> SwapReport:
    """Swap as `swap` does, without blocking the event loop, and return what changed.

    The new bodies and `check` run in a thread of their own, with the context of the caller. A cancellation before the
    commit leaves the old generation serving; it is raised when the thread has put everything back, which it does at
    its next step. A cancellation after the commit comes too late and does not undo it.

    Args:
        module: a module of the block, or its name.
        source: as for `swap`, like everything else.
        release: as for `swap`.
        label: as for `swap`.
        expect_hash: as for `swap`.
        check: as for `swap`.
        strict: as for `swap`.
        converters: as for `swap`.
        quiesce: as for `swap`; the tasks that are to end go on meanwhile.
        probation: as for `swap`.
        wait: as for `swap`.
        ask_to_leave: as for `swap`; the task that swaps is not asked.

    Raises:
        PrepareError: as for `swap`, like every other error.
        IncompatibleBlockError: as for `swap`.
        DrainTimeoutError: as for `swap`.
        SwapError: as for `swap`.
        BlockfreezeError: the module is not frozen.
    """
    block = freeze.block_of(module, "swap")
    if quiesce is not None:
        refuse_from_inside(block, sys._getframe())
    swapping = _ThreadedSwap(block)
    version = version_for(block, source, release, label, expect_hash)
    work = partial(swap, block, version, check, wait, strict=strict, seconds=quiesce, converters=converters or {})
    swapping.start(partial(work, between=swapping.between))
    report = await swapping.result()
    if ask_to_leave is not None:
        Leaving(block, ask_to_leave).ask()
    if probation is not None:
        watch_over(block, report, probation)
    return report


class _ThreadedSwap:
    """One swap in a thread of its own, and the future by which a task of an event loop waits for it."""

    def __init__(self, block: Block) -> None:
        import asyncio

        self._block = block
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[SwapReport] = self._loop.create_future()
        self._cancelled = threading.Event()

    def between(self) -> None:
        """End the swap, where it can still come to nothing, if its task was cancelled."""
        if self._cancelled.is_set():
            name = self._block.name
            raise SwapError(f"{name}: the swap was refused: its task was cancelled", block=name)

    def start(self, call: Callable[[], SwapReport]) -> None:
        """Begin the swap, with the context of the caller."""
        name, run = f"blockfreeze swap {self._block.name}", contextvars.copy_context().run
        try:
            threading.Thread(target=run, args=(self._work, call), name=name, daemon=True).start()
        except RuntimeError:
            run(self._work, call)  # no threads here (WebAssembly): the loop stands still for as long as the swap takes

    def _work(self, call: Callable[[], SwapReport]) -> None:
        try:
            self._finish(self._done.set_result, call())
        except BaseException as error:
            self._finish(self._done.set_exception, error)

    def _finish(self, put: Callable[[Any], None], value: object) -> None:
        def now() -> None:
            if not self._done.done():
                put(value)

        self._loop.call_soon_threadsafe(now)

    async def result(self) -> SwapReport:
        """Return what the swap returns, or raise what it raises; a cancellation waits for the thread."""
        import asyncio

        try:
            return await asyncio.shield(self._done)
        except asyncio.CancelledError:
            self._cancelled.set()
            while not self._done.done():
                try:
                    await asyncio.shield(self._done)
                except asyncio.CancelledError:
                    continue  # cancelled once more: the thread needs no longer for that
                except BaseException:
                    break
            if not self._done.cancelled():
                self._done.exception()  # seen: it is the cancellation's doing
            raise
