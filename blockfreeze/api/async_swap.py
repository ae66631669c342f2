"""Swapping from an event loop: the swap runs in a thread of its own, and the loop goes on."""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from blockfreeze.api import registry
from blockfreeze.core.errors import SwapError
from blockfreeze.core.report import SwapReport
from blockfreeze.draining.quiesce import refuse_from_inside
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
    check: Callable[[Candidate], object] | None = None,
    strict: bool = False,
    quiesce: float | None = None,
    probation: Probation | None = None,
    wait: bool | float = False,
) -> SwapReport:
    """Swap as `swap` does, without blocking the event loop, and return what changed.

    The new bodies and `check` run in a thread of their own, with the context of the caller. A cancellation before the
    commit leaves the old generation serving; it is raised when the thread has put everything back, which it does at
    its next step. A cancellation after the commit comes too late and does not undo it.

    Args:
        module: a module of the block, or its name.
        source: as for `swap`, like everything else.
        check: as for `swap`.
        strict: as for `swap`.
        quiesce: as for `swap`; the tasks that are to end go on meanwhile.
        probation: as for `swap`.
        wait: as for `swap`.

    Raises:
        PrepareError: as for `swap`, like every other error.
        IncompatibleBlockError: as for `swap`.
        DrainTimeoutError: as for `swap`.
        SwapError: as for `swap`.
        BlockfreezeError: the module is not frozen.
    """
    import asyncio

    block = registry.block_of(module, "swap")
    if quiesce is not None:
        refuse_from_inside(block, sys._getframe())
    loop = asyncio.get_running_loop()
    done: asyncio.Future[SwapReport] = loop.create_future()
    cancelled = threading.Event()

    def between() -> None:
        if cancelled.is_set():
            raise SwapError(f"{block.name}: the swap was refused: its task was cancelled", block=block.name)

    def work() -> None:
        try:
            report = swap(block, source, check, wait, strict=strict, seconds=quiesce, between=between)
        except BaseException as error:
            _tell(loop, done, done.set_exception, error)
        else:
            _tell(loop, done, done.set_result, report)

    run = contextvars.copy_context().run
    try:
        threading.Thread(target=run, args=(work,), name=f"blockfreeze swap {block.name}", daemon=True).start()
    except RuntimeError:
        run(work)  # no threads here (WebAssembly): the loop stands still for as long as the swap takes
    try:
        report = await asyncio.shield(done)
    except asyncio.CancelledError:
        cancelled.set()
        while not done.done():
            try:
                await asyncio.shield(done)
            except asyncio.CancelledError:
                continue  # cancelled once more: the thread needs no longer for that
            except BaseException:
                break
        if not done.cancelled():
            done.exception()  # seen: it is the cancellation's doing
        raise
    if probation is not None:
        watch_over(block, report, probation)
    return report


def _tell(
    loop: asyncio.AbstractEventLoop, done: asyncio.Future[Any], settle: Callable[[Any], None], value: object
) -> None:
    def now() -> None:
        if not done.done():
            settle(value)

    loop.call_soon_threadsafe(now)
