"""What does an access cost while an older generation still runs, from a shallow stack and from a deep one?

A call is parked in the first generation, so the overlap lasts. An entry, an attribute of a changed class and an
attribute of the module then find the generation of the frame that asks. It is looked for on the stack once for each
frame; the rows with frames of their own show what that costs where every call is made by frames that are new. Calls
inside the block do not go through entries; accesses to its classes are the same inside and outside.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
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
STATEMENTS = ("leaf(1)", "foo(1)", "quote(3, 2)", "account.worth()", "Account(1)", "shop.RATE")


def _names(module: ModuleType) -> dict[str, object]:
    names = {name: getattr(module, name) for name in ("leaf", "foo", "quote", "account", "Account")}
    return {**names, "shop": module, "descend": _call_below}


def _call_below(depth: int, call: Callable[[int], object]) -> object:
    return _call_below(depth - 1, call) if depth else call(1)


def _descend(depth: int, batch: Batch, loops: int) -> float:
    return _descend(depth - 1, batch, loops) if depth else batch(loops)


def _at_depth(depth: int, batch: Batch) -> Batch:
    return partial(_descend, depth, batch)


def _compared(plain: ModuleType, block: ModuleType, effort: Effort) -> Iterator[Measured]:
    for where, depth in DEPTHS.items():
        for statement in STATEMENTS:
            yield from versus(
                f"{statement}, {where}",
                statement,
                Contender("plain module", _names(plain)),
                (Contender("block, during an overlap", _names(block)),),
                effort,
                around=partial(_at_depth, depth),
            )
    for depth in (10, 50):
        yield from versus(
            f"leaf(1), below {depth} frames of its own",
            f"descend({depth}, leaf)",
            Contender("plain module", _names(plain)),
            (Contender("block, during an overlap", _names(block)),),
            effort,
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
