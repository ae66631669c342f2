"""One run: one tool, one shape, one layout, in this process.

The threads call until each has made its share and every swap has been done. The swapping thread (the caller's)
spreads the swaps over the calls. Past the deadline everyone stops, and the run reports what it had counted.
"""

from __future__ import annotations

import importlib
import itertools
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from benchmarks.shapes import drive
from benchmarks.shapes.shape import Drive, Layout, Shape
from benchmarks.shapes.surroundings import ROUTES, write_surroundings
from benchmarks.shapes.tally import Floor, Tally
from benchmarks.torn.tools import Tool

__all__ = ["Outcome", "Settings", "run"]

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Settings:
    """How long a run is: calls in all threads together, and swaps spread over them."""

    calls: int = 1_000_000
    threads: int = 4
    swaps: int = 200
    seconds: float = 600.0
    switch_interval: float = 1e-5


@dataclass(frozen=True)
class Outcome:
    """What one run counted.

    Attributes:
        swaps: swaps that succeeded; `failed_swaps` those that raised.
        lost: calls that the module's own counter missed (only where the shape counts).
        lingering: calls that a tool still found in old versions after all threads had stopped.
        crossed: calls that were under way while a version was committed.
        by_route: torn, raised and stale calls by route.
        note: why there is no result, or why it is shorter than asked for.
    """

    tool: str
    shape: str
    layout: str
    python: str = platform.python_version()
    calls: int = 0
    torn: int = 0
    raised: int = 0
    stale: int = 0
    lost: int = 0
    swaps: int = 0
    failed_swaps: int = 0
    lingering: int = 0
    crossed: int = 0
    seconds: float = 0.0
    by_route: dict[str, dict[str, int]] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether nothing was torn, raised, stale, lost or left lingering, and every swap was done."""
        trouble = (self.torn, self.raised, self.stale, self.lost, self.failed_swaps, self.lingering)
        return self.calls > 0 and not any(trouble) and not self.note


def run(tool: Tool, shape: Shape, layout: Layout, settings: Settings) -> Outcome:
    """Call and swap as `settings` says, and return the counts.

    The modules are written into a temporary directory under names of their own, and forgotten afterwards.
    """
    block = f"torn_{shape.name}_{layout.value}_{next(_numbers)}"
    interval = sys.getswitchinterval()
    dont_write_bytecode = sys.dont_write_bytecode
    with TemporaryDirectory() as place:
        sys.path.insert(0, place)
        # importlib.reload would serve a .pyc that is keyed by the second, and so an older version.
        sys.dont_write_bytecode = True
        sys.setswitchinterval(settings.switch_interval)
        try:
            return _Run(tool, shape, layout, settings, Path(place), block).outcome()
        finally:
            sys.setswitchinterval(interval)
            sys.dont_write_bytecode = dont_write_bytecode
            sys.path.remove(place)
            for name in [name for name in sys.modules if name.split(".")[0].startswith(block)]:
                del sys.modules[name]


class _Run:
    """The state of one run, shared by its threads; `_stop` alone ends them."""

    def __init__(
        self, tool: Tool, shape: Shape, layout: Layout, settings: Settings, directory: Path, block: str
    ) -> None:
        self._tool, self._shape, self._layout, self._settings = tool, shape, layout, settings
        self._directory, self._block = directory, block
        self._floor = Floor(1)
        self._tallies = [Tally(self._floor) for _ in range(settings.threads)]
        self._stop = False
        self._swapping = True
        self._swaps = 0
        self._samples: dict[str, str] = {}

    def outcome(self) -> Outcome:
        started = time.perf_counter()
        self._write(1)
        write_surroundings(self._directory, self._block)
        importlib.invalidate_caches()
        module = self._tool.load(self._block)
        client = importlib.import_module(f"{self._block}_client")
        routes: list[drive.Route] = list(zip(ROUTES, client.ROUTES, strict=True))
        warm = Tally(self._floor)
        first = drive.tasks if self._shape.drive is Drive.TASKS else self._drive_by_hand
        first(routes, warm, lambda calls: calls < len(routes), self._shape.drive)
        threads = [
            threading.Thread(target=self._work, args=(number, routes), name=f"caller {number}", daemon=True)
            for number in range(self._settings.threads)
        ]
        for thread in threads:
            thread.start()
        late = not self._swap_all(started + self._settings.seconds)
        self._swapping = False
        for thread in threads:
            thread.join(max(1.0, started + self._settings.seconds - time.perf_counter()))
        self._stop = True
        for thread in threads:
            thread.join(10.0)
        total = warm
        for tally in self._tallies:
            total.add(tally)
        note = f"{sum(thread.is_alive() for thread in threads)} threads hang" if _alive(threads) else ""
        if total.calls < self._settings.calls or late:
            note = note or f"stopped after {self._settings.seconds:.0f} s"
        return Outcome(
            tool=self._tool.name,
            shape=self._shape.name,
            layout=self._layout.value,
            calls=total.calls,
            torn=total.torn.total(),
            raised=total.raised.total(),
            stale=total.stale.total(),
            lost=self._lost(module, total.calls),
            swaps=self._swaps,
            failed_swaps=self._failed_swaps,
            lingering=self._tool.finish(),
            crossed=total.crossed,
            seconds=round(time.perf_counter() - started, 2),
            by_route={
                route: {"torn": total.torn[route], "raised": total.raised[route], "stale": total.stale[route]}
                for route in ROUTES
            },
            samples={**total.samples, **self._samples},
            note=note,
        )

    def _write(self, serial: int) -> None:
        self._shape.write(self._directory, self._block, serial, self._layout)

    _failed_swaps = 0

    def _swap_all(self, deadline: float) -> bool:
        """Do every swap, each when its share of the calls has been made; return False if time ran out."""
        for number in range(1, self._settings.swaps + 1):
            due = self._settings.calls * number // (self._settings.swaps + 2)
            while sum(tally.calls for tally in self._tallies) < due:
                if time.perf_counter() > deadline:
                    return False
                time.sleep(0.0002)
            serial = number + 1
            self._write(serial)
            try:
                self._tool.replace()
            except Exception as error:
                self._failed_swaps += 1
                told = "".join(traceback.format_exception(error, limit=-3)).strip()
                self._samples.setdefault("swap", told)
            else:
                self._swaps += 1
                self._floor.committed = serial
                if serial > self._floor.serial:
                    self._floor.serial = serial
        return True

    def _work(self, number: int, routes: list[drive.Route]) -> None:
        share = -(-self._settings.calls // self._settings.threads)

        def running(calls: int) -> bool:
            return not self._stop and (calls < share or self._swapping)

        tally, kind = self._tallies[number], self._shape.drive
        asynchronous = kind in (Drive.COROUTINE, Drive.ASYNC_GENERATOR)
        if kind is Drive.TASKS or (asynchronous and number == 0):
            drive.tasks(routes, tally, running, kind)
        else:
            self._drive_by_hand(routes, tally, running, kind)

    @staticmethod
    def _drive_by_hand(routes: list[drive.Route], tally: Tally, running: drive.Running, kind: Drive) -> None:
        if kind is Drive.CALL:
            drive.call(routes, tally, running)
        else:
            drive.park(routes, tally, running, kind)

    def _lost(self, module: ModuleType, calls: int) -> int:
        if not self._shape.counts:
            return 0
        counted: Callable[[], int] = module.counted
        return calls - counted()


def _alive(threads: list[threading.Thread]) -> bool:
    return any(thread.is_alive() for thread in threads)
