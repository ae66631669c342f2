"""Does the cost of a commit grow with the size of the block?

Blocks of every size take turns; what is compared is the commit phase as the report of the swap gives it. The first
swap of each block, which arms its entries, is not counted: arming is a phase of its own, before the commit.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import blockfreeze as bf
from benchmarks.costs.effort import Effort
from benchmarks.costs.modules import sized, written
from benchmarks.costs.question import Question
from benchmarks.costs.rows import Measured

# Flat, with allowance for caches that a bigger build has left colder.
TARGET = 2.0


def measure(effort: Effort, place: Path, _subject: str) -> Iterator[Measured]:
    """Swap blocks of different sizes in turn and compare their commit phases with the smallest block's."""
    smallest, *bigger = effort.commit_sizes
    blocks = {}
    for size in effort.commit_sizes:
        written(place, f"block_{size}", sized(size))
        blocks[size] = bf.freeze_block(f"block_{size}")
        bf.swap(blocks[size], source=sized(size, 2))
    values: dict[int, list[float]] = {size: [] for size in blocks}
    for version in range(3, 3 + effort.commits):
        for size in random.sample(effort.commit_sizes, k=len(effort.commit_sizes)):
            report = bf.swap(blocks[size], source=sized(size, version))
            values[size].append(report.phases["commit"])
    for size in bigger:
        yield Measured(
            f"{size:,} definitions",
            "commit",
            values[size],
            f"commit, {smallest:,} definitions",
            values[smallest],
            target=TARGET,
        )


QUESTION = Question(__name__, __doc__, measure)
