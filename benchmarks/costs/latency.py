"""How long do callers wait while the module that serves them is updated without pause?

Two threads call in a loop, in short windows; in every other window, in shuffled order, a third thread updates the
module as fast as it can. The subject "compile() only" replaces nothing and compiles the same text instead: what it
does to the callers is the price of doing any work in a thread beside them.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from types import ModuleType

from benchmarks.costs.effort import Effort
from benchmarks.costs.interleave import perf_counter
from benchmarks.costs.modules import calls, imported
from benchmarks.costs.question import BLOCKFREEZE, JURIGGED, RELOAD, Question
from benchmarks.costs.rows import Measured
from benchmarks.costs.updating import updatable

COMPILE_ONLY = "compile() only"
SERVING_THREADS = 2
# Some 300 us of work: well over a hundredth of the interpreter's switch interval, so that p99 is not on the edge
# between calls that had to wait for the other threads and calls that had not.
ORDERS = 3_000
QUANTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def _repeated(action: Callable[[], object], stop: threading.Event) -> list[float]:
    seconds = []
    while not stop.is_set():
        started = perf_counter()
        action()
        seconds.append(perf_counter() - started)
    return seconds


def _window(
    serve: Callable[[], object], update: Callable[[], object] | None, seconds: float
) -> tuple[list[float], list[float]]:
    stop = threading.Event()
    with ThreadPoolExecutor(SERVING_THREADS + 1) as pool:
        serving = [pool.submit(_repeated, serve, stop) for _ in range(SERVING_THREADS)]
        updating = [pool.submit(_repeated, update, stop)] if update is not None else []
        stop.wait(seconds)
        stop.set()
        latencies = sorted(latency for future in serving for latency in future.result())
        return latencies, [duration for future in updating for duration in future.result()]


def _quantile(ordered: list[float], fraction: float) -> float:
    return ordered[min(int(fraction * len(ordered)), len(ordered) - 1)]


def _module_and_work(subject: str, place: Path) -> tuple[ModuleType, Callable[[], object]]:
    texts = cycle([calls(2), calls(1)])
    if subject == COMPILE_ONLY:
        return imported(place, "served", calls(1)), lambda: compile(next(texts), "served.py", "exec")
    served = updatable(subject, place, "served", calls(1))
    return served.module, lambda: served.update(next(texts))


def measure(effort: Effort, place: Path, subject: str) -> Iterator[Measured]:
    """Compare the latencies of windows with updates to those of windows without."""
    module, update = _module_and_work(subject, place)
    update()

    def serve() -> object:
        return module.serve(ORDERS)

    busy: dict[str, list[float]] = {name: [] for name in QUANTILES}
    quiet: dict[str, list[float]] = {name: [] for name in QUANTILES}
    durations: list[float] = []
    for _ in range(effort.windows):
        for updating in random.sample((True, False), k=2):
            latencies, spent = _window(serve, update if updating else None, effort.window_seconds)
            durations += spent
            for name, fraction in QUANTILES.items():
                (busy if updating else quiet)[name].append(_quantile(latencies, fraction))
    for name in QUANTILES:
        yield Measured(f"latency, {name}", subject, busy[name], "no updates", quiet[name])
    yield Measured("one update, while serving", subject, durations)


QUESTION = Question(__name__, __doc__, measure, subjects=(BLOCKFREEZE, COMPILE_ONLY, RELOAD, JURIGGED))
