"""What the threads do with each package: a few calls of its public API, with results that can be compared.

A workload is a generator of results, each of them made by very few calls; it gets the way to `Reach` names and the
instances that were kept from before the update. It must be deterministic, valid for both releases of every pair, safe
to run in two threads at once (each with its own kept instances), and leave what it was given as it was.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from benchmarks.release_pairs.reach import Reach

Kept = dict[str, Any]
Steps = Callable[[Reach, Kept], Iterator[object]]
SAMPLES = ("1.2.3", "a b", 3, [3, 1, 2], {"a": 1})
RISKY = (
    "main",
    "run",
    "exit",
    "input",
    "open",
    "write",
    "remove",
    "delete",
    "prompt",
    "launch",
    "edit",
    "set",
    "clear",
)


@dataclass(frozen=True)
class Workload:
    """`keep` makes the instances that live through the update; `steps` yields the results to compare."""

    keep: Callable[[Reach], Kept]
    steps: Steps

    def results(self, api: Reach, kept: Kept) -> list[str]:
        """Run every step once and return the results as text."""
        return [repr(result) for result in self.steps(api, kept)]


def _keep_nothing(api: Reach) -> Kept:
    return {}


class Catalogue:
    """Workloads by distribution name; `uses` is the decorator that adds one."""

    def __init__(self) -> None:
        self._workloads: dict[str, Workload] = {}

    def uses(self, package: str, keep: Callable[[Reach], Kept] = _keep_nothing) -> Callable[[Steps], Steps]:
        """Register the decorated generator function as the workload of a distribution."""

        def register(steps: Steps) -> Steps:
            self._workloads[package] = Workload(keep, steps)
            return steps

        return register

    def get(self, package: str) -> Workload | None:
        """Return the workload written for a distribution, if there is one."""
        return self._workloads.get(package)


def raised(kind: type[BaseException] | tuple[type[BaseException], ...], call: Callable[..., object], *args: Any) -> str:
    """Call, and name the exception that it must raise; one that is not caught by `kind` goes on to the caller."""
    try:
        return f"returned {call(*args)!r}"
    except kind as error:
        return type(error).__name__


def guessed(module: str) -> Workload:
    """Make a workload for a package that nobody wrote one for: its functions of one argument that take a sample.

    A call is kept if it returns, twice, the same text without an address in it.
    """
    calls = []
    for name, function in sorted(vars(importlib.import_module(module)).items()):
        if isinstance(function, FunctionType) and not name.startswith("_") and not any(word in name for word in RISKY):
            calls += [(name, sample) for sample in SAMPLES if _takes_one(function) and _is_steady(function, sample)]

    def steps(api: Reach, kept: Kept) -> Iterator[object]:
        for name, sample in calls:
            yield getattr(api, name)(sample)

    return Workload(_keep_nothing, steps)


def _takes_one(function: FunctionType) -> bool:
    parameters = inspect.signature(function).parameters.values()
    needed = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return len(needed) == 1 and needed[0].kind is not inspect.Parameter.KEYWORD_ONLY


def _is_steady(function: FunctionType, sample: object) -> bool:
    try:
        first, second = repr(function(sample)), repr(function(sample))
    except Exception:
        return False
    return first == second and " at 0x" not in first
