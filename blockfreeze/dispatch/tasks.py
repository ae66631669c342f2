"""The tasks of `asyncio`, if the program has imported that: nothing here imports it.

Threads: any.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from typing import Any

from blockfreeze.core.imported import imported
from blockfreeze.dispatch.gate import on_event_loop
from blockfreeze.linking.cpython import TASKS_ARE_LISTED


def running_task() -> str | None:
    """Return the name of the asyncio task that runs in this thread; None if there is none."""
    if not on_event_loop():
        return None
    task: Any = sys.modules["asyncio"].current_task()
    return None if task is None else str(task.get_name())


def all_tasks() -> list[Any]:
    """Return every task of `asyncio` of this process that is not done, and some that are."""
    asyncio: Any = imported("asyncio")
    if asyncio is None:
        return []
    listed = _listed_tasks(asyncio.tasks)
    return listed if TASKS_ARE_LISTED else [*listed, *_tasks_in_heap(asyncio.Task)]


def _listed_tasks(tasks: Any) -> list[Any]:
    """Return every task that is not done: 3.11 has one set of them, later ones one more for those that run eagerly.

    From 3.14 on these have only the tasks that are not made in C.
    """
    names = ("_all_tasks",) if hasattr(tasks, "_all_tasks") else ("_scheduled_tasks", "_eager_tasks")
    return [task for name in names for task in _copied(getattr(tasks, name))]


def _copied(tasks: Iterable[Any]) -> list[Any]:
    while True:
        try:
            return list(tasks)
        except RuntimeError:
            continue  # another thread has added or finished one meanwhile


def _tasks_in_heap(made_in_c: type) -> list[Any]:
    """Return every task that is made in C: from 3.14 on their lists cannot be read from Python.

    An object refers to its type if that was made at run time, as the types of tasks are: so one question to the
    collector, which walks through the whole heap, finds them all.
    """
    types: list[type[Any]] = [made_in_c]
    for one in types:
        types += [derived for derived in one.__subclasses__() if derived not in types]
    return [one for one in gc.get_referrers(*types) if issubclass(type(one), types[0])]
