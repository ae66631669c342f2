"""Does a call through an entry cost more than a plain call while its block was never swapped?

Such a function is meant to be the linked function itself, with nothing in between. A second plain copy shows how far
two equal things differ here.
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
STATEMENTS = ("leaf(1)", "foo(1)", "quote(3)", "quote(3, 2, discount=1)")


def measure(effort: Effort, place: Path, _subject: str) -> Iterator[Measured]:
    """Time calls of from-imported functions of a block, of a plain module and of a second plain copy."""
    written(place, "block", calls())
    plain = imported(place, "plain", calls())
    copy = imported(place, "copy_of_plain", calls())
    block = bf.freeze_block("block")
    for statement in STATEMENTS:
        name = statement.partition("(")[0]
        yield from versus(
            statement,
            statement,
            Contender("plain function", {name: getattr(plain, name)}),
            (
                Contender("entry, never swapped", {name: getattr(block, name)}, TARGET),
                Contender("second plain copy", {name: getattr(copy, name)}),
            ),
            effort,
        )


QUESTION = Question(__name__, __doc__, measure, repeated=True)
