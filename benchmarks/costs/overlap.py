"""What does a call cost while an older generation still runs, from a shallow stack and from a deep one?

A call is parked in the first generation, so the overlap lasts. An entry then looks for its caller's generation up the
stack, so the cost grows with the caller's depth; calls inside the block do not go through entries.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import blockfreeze as bf
from benchmarks.costs.effort import Effort
from benchmarks.costs.interleave import UNROLLED, Batch, interleaved, perf_counter
from benchmarks.costs.modules import INSIDE, calls, imported, written
from benchmarks.costs.question import Question
from benchmarks.costs.rows import Measured
from benchmarks.costs.versus import Contender, versus

DEPTHS = {"shallow stack": 0, "50 frames deep": 50}
STATEMENTS = ("leaf(1)", "foo(1)")


def _descend(depth: int, batch: Batch, loops: int) -> float:
    return _descend(depth - 1, batch, loops) if depth else batch(loops)


def _at_depth(depth: int, batch: Batch) -> Batch:
    return partial(_descend, depth, batch)


def _compared(plain: ModuleType, block: ModuleType, effort: Effort) -> Iterator[Measured]:
    for where, depth in DEPTHS.items():
        for statement in STATEMENTS:
            name = statement.partition("(")[0]
            yield from versus(
                f"{statement}, {where}",
                statement,
                Contender("plain function", {name: getattr(plain, name)}),
                (Contender("entry, during an overlap", {name: getattr(block, name)}),),
                effort,
                around=partial(_at_depth, depth),
            )
    for loop, statement in INSIDE.items():
        times = interleaved(
            {
                "plain": partial(getattr(plain, f"time_{loop}"), clock=perf_counter),
                "block": partial(getattr(block, f"time_{loop}"), clock=perf_counter),
            },
            effort,
        )
        each = {label: tuple(value / UNROLLED for value in values) for label, values in times.items()}
        yield Measured(statement, "inside a block, during an overlap", each["block"], "plain module", each["plain"])


def measure(effort: Effort, place: Path, _subject: str) -> Iterator[Measured]:
    """Park a call in the first generation, swap, and time calls into the second and inside it."""
    written(place, "block", calls(1))
    plain = imported(place, "plain", calls(2))
    block = bf.freeze_block("block")
    reached, release = threading.Event(), threading.Event()
    parked = threading.Thread(target=block.park, args=(reached, release))
    parked.start()
    try:
        reached.wait()
        bf.swap(block, source=calls(2))
        if not bf.status(block).overlapping:
            raise RuntimeError("a parked call does not keep the overlap going: nothing to measure")
        yield from _compared(plain, block, effort)
    finally:
        release.set()
        parked.join()


QUESTION = Question(__name__, __doc__, measure, repeated=True)
