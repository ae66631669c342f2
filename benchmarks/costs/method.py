"""Does a method call on an instance of a block's class cost more than on an instance of a plain one?

After the swap the method's body has changed. An instance made before the swap and drained over is measured beside one
made after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import blockfreeze as bf
from benchmarks.costs.effort import Effort
from benchmarks.costs.modules import calls, imported, written
from benchmarks.costs.question import Question
from benchmarks.costs.rows import Measured
from benchmarks.costs.versus import Contender, versus

TARGET = 1.02


def measure(effort: Effort, place: Path, _subject: str) -> Iterator[Measured]:
    """Time a method, and the making of an instance, for classes never swapped, swapped, and plain."""
    for name in ("fresh", "swapped"):
        written(place, name, calls(1))
    plain = imported(place, "plain", calls(1))
    fresh, swapped = bf.freeze_block("fresh"), bf.freeze_block("swapped")
    older = swapped.Account(1)
    bf.swap(swapped, source=calls(2))
    bf.drain(swapped, timeout=30)
    yield from versus(
        "account.worth()",
        "account.worth()",
        Contender("plain instance", {"account": plain.Account(1)}),
        (
            Contender("block class, never swapped", {"account": fresh.Account(1)}, TARGET),
            Contender("block class, swapped, new instance", {"account": swapped.Account(1)}),
            Contender("block class, swapped, old instance", {"account": older}),
        ),
        effort,
    )
    yield from versus(
        "Account(1)",
        "Account(1)",
        Contender("plain class", {"Account": plain.Account}),
        (
            Contender("block class, never swapped", {"Account": fresh.Account}, TARGET),
            Contender("block class, swapped", {"Account": swapped.Account}),
        ),
        effort,
    )


QUESTION = Question(__name__, __doc__, measure, repeated=True)
