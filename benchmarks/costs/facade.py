"""What does reading an attribute of a facade cost, against an attribute of a plain module?

`shop.leaf` is a function and so an entry, `shop.RATE` is an ordinary value of the current generation. A from-import
pays this once, at import.
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

STATEMENTS = ("shop.leaf", "shop.RATE", "shop.Account", "shop.leaf(1)")


def measure(effort: Effort, place: Path, _subject: str) -> Iterator[Measured]:
    """Time look-ups in a facade never swapped, in one swapped and drained, and in the plain module."""
    for name in ("fresh", "swapped"):
        written(place, name, calls(1))
    plain = imported(place, "plain", calls(1))
    fresh, swapped = bf.freeze_block("fresh"), bf.freeze_block("swapped")
    bf.swap(swapped, source=calls(2))
    bf.drain(swapped, timeout=30)
    for statement in STATEMENTS:
        yield from versus(
            statement,
            statement,
            Contender("plain module", {"shop": plain}),
            (Contender("facade, never swapped", {"shop": fresh}), Contender("facade, swapped", {"shop": swapped})),
            effort,
        )


QUESTION = Question(__name__, __doc__, measure, repeated=True)
