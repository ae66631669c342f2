"""What the parent asks of a trial's process, as plain values that travel as JSON."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Orders:
    """What one trial has to do; `expected` are the results of the workload under the new release, from a cold start."""

    package: str
    module: str
    members: tuple[str, ...]
    tool: str
    old: str
    new: str
    tree: str
    tests: list[str]
    plugins: tuple[str, ...]
    arguments: tuple[str, ...]
    expected: list[str] | None
    patchable: bool
    seconds: float
