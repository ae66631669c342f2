"""What does a candidate that waits for its commit cost callers, from a shallow stack and from a deep one?

The candidate is prepared and neither committed nor discarded. Entries, attributes of changed classes and attributes of
the module are measured by a plain module's, as they are during an overlap; a block that was swapped and has drained
stands beside it, since that is what they cost in the steady state.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import blockfreeze as bf
from benchmarks.costs.effort import Effort
from benchmarks.costs.interleave import Batch
from benchmarks.costs.modules import calls, imported, written
from benchmarks.costs.question import Question
from benchmarks.costs.rows import Measured
from benchmarks.costs.versus import Contender, versus

_DEPTHS = {"shallow stack": 0, "50 frames deep": 50}

_STATEMENTS = ("leaf(1)", "quote(3, 2)", "account.worth()", "Account(1)")


def _names(module: ModuleType) -> dict[str, object]:
    return {name: getattr(module, name) for name in ("leaf", "quote", "account", "Account")}


def _descend(depth: int, batch: Batch, loops: int) -> float:
    return _descend(depth - 1, batch, loops) if depth else batch(loops)


def _at_depth(depth: int, batch: Batch) -> Batch:
    return partial(_descend, depth, batch)


def measure(effort: Effort, place: Path, _subject: str) -> Iterator[Measured]:
    """Let a candidate wait, and time calls into the generation that serves."""
    for name in ("swapped", "waiting"):
        written(place, name, calls(1))
    plain = imported(place, "plain", calls(1))
    swapped, waiting = bf.freeze_block("swapped"), bf.freeze_block("waiting")
    for block in (swapped, waiting):
        bf.swap(block)
        bf.drain(block, timeout=30)
    with bf.prepare(waiting, source=calls(2)):
        for where, depth in _DEPTHS.items():
            for statement in _STATEMENTS:
                yield from versus(
                    f"{statement}, {where}",
                    statement,
                    Contender("plain module", _names(plain)),
                    (
                        Contender("block, swapped and drained", _names(swapped)),
                        Contender("block, a candidate waits", _names(waiting)),
                    ),
                    effort,
                    around=partial(_at_depth, depth),
                )


QUESTION = Question(__name__, __doc__, measure, repeated=True)
