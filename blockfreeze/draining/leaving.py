"""Asking those who linger to leave: connections by a close code, and tasks, if that is wanted, by a cancellation.

Nobody is asked by itself, and nobody is killed: an application may take as long as it likes to leave, or stay.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from blockfreeze.dispatch.pins import held_by, open_connections
from blockfreeze.dispatch.tasks import all_tasks
from blockfreeze.model.block import Block, Generation

LIFESPAN: Final = "blockfreeze lifespan"
"""The name of tasks that are not asked: a server's lifespan ends with its last request, in its own way."""

_AWAITS: Final = (
    ("cr_frame", "cr_await"),
    ("gi_frame", "gi_yieldfrom"),
    ("ag_frame", "ag_await"),
)


@dataclass(frozen=True)
class AskToLeave:
    """What `drain` and `swap` ask of those who linger in older generations.

    Args:
        close_code: websockets that `asgi_entry` or `asgi_pin` serves are closed with this code, and their application
            is told that they are disconnected; they are left alone if it is None. 1012 says that the service restarts.
        cancel_tasks: tasks of `asyncio` that run in an older generation, or are pinned to one, are cancelled.
    """

    close_code: int | None = 1012
    cancel_tasks: bool = False


class Leaving:
    """Who was asked, each once: a task that clears up after its cancellation is not cancelled again."""

    def __init__(self, block: Block, asked: AskToLeave) -> None:
        self._block = block
        self._asked = asked
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()

    def ask(self) -> int:
        """Ask those who linger now and were not asked, and return how many these were. Threads: any."""
        retired = self._block.retired()
        found = 0
        for hold in open_connections(self._block, retired) if self._asked.close_code is not None else ():
            if hold not in self._seen and hold.leave is not None and self._asked.close_code is not None:
                self._seen.add(hold)
                hold.leave(self._asked.close_code)
                found += 1
        if self._asked.cancel_tasks and retired:
            for task in all_tasks():
                if task not in self._seen and not task.done() and _lingers(self._block, retired, task):
                    self._seen.add(task)
                    with suppress(RuntimeError):  # its loop is closed
                        task.get_loop().call_soon_threadsafe(task.cancel)
                        found += 1
        return found


def _lingers(block: Block, retired: Collection[Generation], task: Any) -> bool:
    """Tell whether a task is pinned to a retired generation, or has a frame of one among those that it waits in."""
    if task.get_name() == LIFESPAN or task is _running():
        return False
    hold = held_by(task)
    if hold is not None and hold.generations.get(block) in retired:
        return True
    thing = task.get_coro()
    while thing is not None:
        frame, thing = next(
            ((getattr(thing, frame), getattr(thing, awaits)) for frame, awaits in _AWAITS if hasattr(thing, frame)),
            (None, None),
        )
        if frame is not None and block.by_globals.get(id(frame.f_globals)) in retired:
            return True
    return False


def _running() -> Any:
    try:
        return sys.modules["asyncio"].current_task()
    except RuntimeError:
        return None  # no event loop runs in this thread
