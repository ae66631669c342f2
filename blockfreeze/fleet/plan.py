"""What is to be rolled out in a fleet, and in which steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Stage:
    """Who commits before the pointer flips: the processes of a host, or so many of them."""

    written: str
    host: str = ""
    count: Callable[[int], int] | None = None


@dataclass(frozen=True)
class FleetPlan:
    """What is to be done with a block in a fleet.

    Args:
        prepare: what every process is asked for: ``check``, ``warm_up``, ``strict``, ``expect_hash``.
        quiesce: hold new calls back in each process until the old ones have ended, for so many seconds at most.
        timeout: seconds for each step in each process.
        stages: who commits before all do.
        probation: seconds for which each stage is watched.
        health: a function of the block that says how those are.
    """

    block: str
    label: str = ""
    prepare: Mapping[str, Any] = field(default_factory=dict)
    quiesce: float | None = None
    timeout: float = 60.0
    stages: tuple[Stage, ...] = ()
    probation: float = 10.0
    health: str | None = None
