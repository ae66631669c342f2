"""Many threads at once, after Erlang's own tests: 160 spin on an entry while versions are swapped, 160 swap at once."""

from __future__ import annotations

import importlib
import itertools
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from threads import ThreadedCall

import blockfreeze as bf

pytestmark = pytest.mark.needs_threads

THREADS = 160
VERSIONS = 6
PASSES = 4
ROUNDS = 5
LIMIT = 120.0

_numbers = itertools.count(1)


class Spun:
    """A block in versions with numbers, whose entry returns the number of each part that took part.

    The entry gives way to other threads in its middle: nearly every switch of threads is inside a call.
    """

    _TEXT = """
import time

def frob(n):
    return (VERSION,)

def bar(parts):
    return (*parts, VERSION)

TABLE = {"bar": bar}

def foo(n):
    parts = frob(n)
    time.sleep(0)
    return (VERSION, *TABLE["bar"](parts))
"""

    def __init__(self, directory: Path) -> None:
        self.name = f"spun_{next(_numbers)}"
        self._directory = directory
        self._file = directory / f"{self.name}.py"
        self._file.write_text(self.text(1), encoding="utf-8")
        importlib.invalidate_caches()
        self.block: Any = bf.freeze_block(self.name)

    def text(self, version: int) -> str:
        return self._TEXT.replace("VERSION", str(version))

    def swap(self, version: int) -> None:
        self._file.write_text(self.text(version), encoding="utf-8")
        bf.swap(self.block)


@pytest.fixture
def spun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spun]:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    made = Spun(tmp_path)
    yield made
    del sys.modules[made.name]


class Spinner:
    """Calls an entry until it is stopped or meets a torn call; notes every version that it meets, once, in order."""

    def __init__(self, spun: Spun, progress: threading.Condition, stop: threading.Event) -> None:
        self._entry = spun.block.foo
        self._progress, self._stop = progress, stop
        self.met: list[int] = []
        self.torn: tuple[int, ...] = ()
        self.ended = False
        self.spinning = ThreadedCall(self._spin)

    def _spin(self) -> None:
        try:
            while not self._stop.is_set():
                parts = self._entry(0)
                if parts.count(parts[0]) != 3:
                    self.torn = parts
                    return
                if not self.met or self.met[-1] != parts[0]:
                    with self._progress:
                        self.met.append(parts[0])
                        self._progress.notify()
        finally:
            with self._progress:
                self.ended = True
                self._progress.notify()


def test_160_spinning_threads_meet_six_versions_in_order_in_each_of_four_passes(spun: Spun) -> None:
    progress, stop = threading.Condition(), threading.Event()
    spinners = [Spinner(spun, progress, stop) for _ in range(THREADS)]
    versions = [number % VERSIONS + 1 for number in range(PASSES * VERSIONS)]

    def wait_until_everyone_has_met(count: int) -> None:
        with progress:
            met = progress.wait_for(lambda: all(one.ended or len(one.met) >= count for one in spinners), LIMIT)
        assert met, f"{sum(len(one.met) < count for one in spinners)} threads have not met version {count}"

    try:
        wait_until_everyone_has_met(1)
        for count, version in enumerate(versions[1:], start=2):
            spun.swap(version)
            wait_until_everyone_has_met(count)
    finally:
        stop.set()
        for spinner in spinners:
            spinner.spinning.result(LIMIT)
    assert [spinner.torn for spinner in spinners if spinner.torn] == []
    assert all(spinner.met == versions for spinner in spinners)
    bf.drain(spun.block, timeout=LIMIT)
    assert bf.status(spun.block).lingering == ()


class Round:
    """All threads try to swap to one version at once; the winner is held until every other has been refused."""

    def __init__(self, spun: Spun, version: int) -> None:
        self._spun, self._version = spun, version
        self._start = threading.Barrier(THREADS)
        self._all_others_refused = threading.Event()
        self.reports: list[bf.SwapReport] = []
        self.refused: list[bf.SwapInProgressError] = []
        self.failed: list[BaseException] = []

    def run(self) -> None:
        for attempt in [ThreadedCall(self._attempt, name=f"swapper {number}") for number in range(THREADS)]:
            attempt.result(LIMIT)

    def _attempt(self) -> None:
        self._start.wait(LIMIT)
        text = self._spun.text(self._version)
        try:
            self.reports.append(bf.swap(self._spun.block, source=text, check=self._hold, wait=False))
        except bf.SwapInProgressError as refusal:
            self.refused.append(refusal)
        except BaseException as error:
            self.failed.append(error)
        if len(self.refused) + len(self.failed) >= THREADS - 1:
            self._all_others_refused.set()

    def _hold(self, candidate: object) -> None:
        assert self._all_others_refused.wait(LIMIT)


def test_of_160_threads_that_swap_at_once_exactly_one_wins_each_round(spun: Spun) -> None:
    for version in range(2, ROUNDS + 2):
        attempted = Round(spun, version)
        attempted.run()
        assert attempted.failed == []
        assert [report.to_generation for report in attempted.reports] == [version]
        assert len(attempted.refused) == THREADS - 1
        owners = {error.owner for error in attempted.refused}
        assert len(owners) == 1
        assert owners.pop().startswith("swapper ")
        assert spun.block.foo(0) == (version,) * 3


def test_threads_that_wait_for_their_turn_all_swap_one_after_another(spun: Spun) -> None:
    count = 20
    start = threading.Barrier(count)

    def attempt(version: int) -> tuple[int, int]:
        start.wait(LIMIT)
        report = bf.swap(spun.block, source=spun.text(version), wait=True)
        return report.from_generation, report.to_generation

    attempts = [ThreadedCall(attempt, 100 + number) for number in range(count)]
    generations = [one.result(LIMIT) for one in attempts]
    assert sorted(generations) == [(number, number + 1) for number in range(1, count + 1)]
