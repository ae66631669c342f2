"""What does inlining gain in programs that consist of small functions, and in one that cannot gain?

Each program runs in the plain module, in a block, and in a block that was frozen with ``inline=True``.
"""

from __future__ import annotations

import timeit
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import blockfreeze as bf
from benchmarks.costs.effort import Effort
from benchmarks.costs.interleave import interleaved, perf_counter
from benchmarks.costs.modules import imported, written
from benchmarks.costs.question import Question
from benchmarks.costs.rows import Measured

PROGRAMS: Mapping[str, str] = MappingProxyType(
    {
        "a loop over a leaf": """
def leaf(a):
    return a + 1

def main():
    x = 0
    for _ in range(2000):
        x = leaf(x)
    return x
""",
        "tasks in a pipeline": """
HOLD = 4

def is_held(state):
    return state & HOLD != 0

def ready(task):
    return not is_held(task[0])

def priority(task):
    return task[1] * 2 + task[2]

def clip(x, low, high):
    if x < low:
        return low
    return high if x > high else x

def advance(task, by):
    return task[0] ^ (by & 7), task[1], clip(task[2] + by, 0, 100)

def main():
    tasks = [(i & 7, i, i % 13) for i in range(50)]
    total = 0
    for step in range(4):
        out = []
        for task in tasks:
            if ready(task):
                total += clip(priority(task), 5, 90)
            out.append(advance(task, step))
        tasks = out
    return total
""",
        "a matrix by a formula": """
def eval_a(i, j):
    ij = i + j
    return ij * (ij + 1) // 2 + i + 1

def times(u):
    out = []
    for i in range(len(u)):
        total = 0.0
        for j in range(len(u)):
            total += u[j] / eval_a(i, j)
        out.append(total)
    return out

def main():
    return times([1.0] * 30)
""",
        "recursion, which stays": """
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

def main():
    return fib(12)
""",
    }
)


def measure(effort: Effort, place: Path, _subject: str) -> Iterator[Measured]:
    """Time each program in its three forms."""
    for number, (name, text) in enumerate(PROGRAMS.items()):
        for form in ("block", "inlined"):
            written(place, f"{form}_{number}", text)
        modules = {
            "plain": imported(place, f"plain_{number}", text),
            "block": bf.freeze_block(f"block_{number}"),
            "inlined": bf.freeze_block(f"inlined_{number}", inline=True),
        }
        batches = {form: timeit.Timer("main()", timer=perf_counter, globals=vars(one)) for form, one in modules.items()}
        times = interleaved({form: batch.timeit for form, batch in batches.items()}, effort)
        yield Measured(name, "block", times["block"], "plain module", times["plain"])
        yield Measured(name, "block, inline=True", times["inlined"], "plain module", times["plain"])


QUESTION = Question(__name__, __doc__, measure, repeated=True)
