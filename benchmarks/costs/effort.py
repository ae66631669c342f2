"""How much is measured: the full effort and the quick one, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """The amounts of one run.

    Attributes:
        processes: how often a question about the cost of a call is asked, each time in a new process.
        rounds: pairs of medians per process.
        batches: batches of each contender in a round.
        batch_seconds: how long a batch lasts at least.
        builds: pairs of builds per size of module.
        build_sizes: definitions in the modules whose building is timed.
        commit_sizes: definitions in the blocks whose commit is timed.
        commits: commits of each such block.
        swaps: swaps before the memory is measured again.
        windows: pairs of windows in which serving threads are watched.
        window_seconds: how long such a window lasts.
    """

    processes: int
    rounds: int
    batches: int
    batch_seconds: float
    builds: int
    build_sizes: tuple[int, ...]
    commit_sizes: tuple[int, ...]
    commits: int
    swaps: int
    windows: int
    window_seconds: float


FULL = Effort(
    processes=25,
    rounds=7,
    batches=11,
    batch_seconds=0.001,
    builds=15,
    build_sizes=(10, 100, 1_000),
    commit_sizes=(10, 100, 1_000, 10_000),
    commits=7,
    swaps=10_000,
    windows=20,
    window_seconds=0.5,
)

QUICK = Effort(
    processes=5,
    rounds=5,
    batches=7,
    batch_seconds=0.0005,
    builds=5,
    build_sizes=(10, 100),
    commit_sizes=(10, 100, 1_000),
    commits=5,
    swaps=300,
    windows=4,
    window_seconds=0.25,
)
