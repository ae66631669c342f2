"""The workloads that somebody has written, by list of pairs and subject; `workload_of` finds a distribution's."""

from __future__ import annotations

from benchmarks.release_pairs.work import core, frameworks, objects, text
from benchmarks.release_pairs.workloads import Workload, guessed

__all__ = ["workload_of"]


def workload_of(package: str, module: str) -> Workload:
    """Return the workload of a distribution, or a guessed one."""
    catalogues = (one.CATALOGUE for one in (core, text, objects, frameworks))
    return next((found for one in catalogues if (found := one.get(package))), None) or guessed(module)
