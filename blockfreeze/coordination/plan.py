"""What is to be done with a block in all processes of a service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Plan:
    """What is to be done with a block in all processes.

    Args:
        prepare: fields of the request to prepare: ``release``, ``label``, ``check`` and the like.
        quiesce: hold new calls back in each process until the old ones have ended, for so many seconds at most.
        timeout: seconds for each step in each process.
        canaries: how many processes commit first, given how many there are; none if it returns 0.
        probation: seconds for which they are watched.
        health: a function of the block that says how they are; without one it is only seen whether they live.
        every: seconds between two looks at them.
        pointer: only processes with this pointer are meant; any, if they all have the same one, if None.
        lossy: roll back even where state has no way back.
        wait: for so many seconds it is waited for a process that serves the block, if there is none: those that were
            killed are being started again.
        leaving: what those who linger are asked when all is done: ``close_code``, ``cancel_tasks``.
    """

    block: str
    prepare: dict[str, Any] = field(default_factory=dict)
    quiesce: float | None = None
    timeout: float = 60.0
    canaries: Callable[[int], int] = lambda count: 0
    probation: float = 10.0
    health: str | None = None
    every: float = 1.0
    pointer: str | None = None
    lossy: bool = False
    wait: float = 5.0
    leaving: dict[str, Any] = field(default_factory=dict)
