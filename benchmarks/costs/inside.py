"""Does a call inside a block cost more than the same call inside the plain module?

The timing loop is a function of the module itself, so the calls are local calls. A second plain copy of the module
shows how far two equal things differ here: a ratio closer to 1 than that one's means nothing. The same module written
by hand as closures shows what CPython asks for closures as such: whoever calls a function that makes local calls pays
for handing it its cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import blockfreeze as bf
from benchmarks.costs.effort import Effort
from benchmarks.costs.interleave import UNROLLED, interleaved, perf_counter
from benchmarks.costs.modules import INSIDE, as_closures, calls, imported, written
from benchmarks.costs.question import Question
from benchmarks.costs.rows import Measured

TARGET = 1.02


def measure(effort: Effort, place: Path, _subject: str) -> Iterator[Measured]:
    """Time each call of `INSIDE` in a block, in the plain module, in a second plain copy and in closures."""
    written(place, "block", calls())
    modules = {
        "plain": imported(place, "plain", calls()),
        "copy": imported(place, "copy_of_plain", calls()),
        "closures": imported(place, "closures", as_closures(calls())),
        "block": bf.freeze_block("block"),
    }
    for name, statement in INSIDE.items():
        times = interleaved(
            {label: partial(getattr(module, f"time_{name}"), clock=perf_counter) for label, module in modules.items()},
            effort,
        )
        each = {label: tuple(value / UNROLLED for value in values) for label, values in times.items()}
        yield Measured(statement, "inside a block", each["block"], "plain module", each["plain"], target=TARGET)
        yield Measured(statement, "second plain copy", each["copy"], "plain module", each["plain"])
        yield Measured(statement, "closures by hand", each["closures"], "plain module", each["plain"])


QUESTION = Question(__name__, __doc__, measure, repeated=True)
