"""Roll-outs in six processes on three machines, whose engine is killed, paused, and cut off from one of them."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.shapes.engine import Redis, Way
from benchmarks.shapes.machines import Machine, write_releases
from blockfreeze.core.errors import ControlError
from blockfreeze.fleet.plan import FleetPlan, Stage
from blockfreeze.fleet.rollout import Rollout
from blockfreeze.fleet.store import StoreError, open_store

_RELEASES = 6
_HOSTS = ("a", "a", "b", "b", "c", "c")
_TIMEOUT = 8.0


@dataclass
class Found:
    """What became of the roll-outs.

    Attributes:
        outcomes: by exit status; ``error`` where the controller did not reach the engine.
        diverged: for each flip of the pointer, seconds until the last process served what it led to.
        undisturbed: those of them where nothing was done to the engine meanwhile.
        settled: seconds until every process was where the pointer led, when all was over.
    """

    rollouts: int = 0
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("0", "1", "3", "error"), 0))
    troubles: dict[str, int] = field(default_factory=dict)
    diverged: list[float] = field(default_factory=list)
    undisturbed: list[float] = field(default_factory=list)
    calls: int = 0
    torn: int = 0
    failed: int = 0
    settled: float = 0.0
    seconds: float = 0.0


class _Trouble:
    """What is done to the engine during one roll-out, in a thread of its own."""

    def __init__(self, redis: Redis, ways: list[Way], chance: random.Random, found: Found) -> None:
        what: dict[str, Callable[[float], None]] = {
            "none": lambda seconds: None,
            "killed": lambda seconds: self._kill(redis, seconds),
            "paused": lambda seconds: self._pause(redis, seconds),
            "cut off": lambda seconds: self._cut(chance.choice(ways), seconds),
        }
        self.name = chance.choices(list(what), (3, 1, 1, 2))[0]
        found.troubles[self.name] = found.troubles.get(self.name, 0) + 1
        after, seconds = chance.uniform(0.0, 0.4), chance.uniform(0.1, 1.5)

        def make() -> None:
            time.sleep(after)
            what[self.name](seconds)

        self._thread = threading.Thread(target=make)
        self._thread.start()

    def end(self) -> None:
        self._thread.join()

    @staticmethod
    def _kill(redis: Redis, seconds: float) -> None:
        redis.kill()
        time.sleep(seconds)
        redis.start()

    @staticmethod
    def _pause(redis: Redis, seconds: float) -> None:
        with redis.paused():
            time.sleep(seconds)

    @staticmethod
    def _cut(way: Way, seconds: float) -> None:
        with way.cut():
            time.sleep(seconds)


def rolled_out(rollouts: int, seed: int, say: Callable[[str], object]) -> Found:
    """Roll releases out so many times, and return what became of it."""
    found, chance, began = Found(rollouts), random.Random(seed), time.monotonic()
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_releases(place, range(1, _RELEASES + 1))
        redis = stack.enter_context(Redis())
        ways = {host: Way(redis.port) for host in sorted(set(_HOSTS))}
        for way in ways.values():
            stack.callback(way.close)
        machines = [stack.enter_context(Machine(place, ways[host].url, host, pause=0.001)) for host in _HOSTS]
        store = stack.enter_context(closing(open_store(redis.url)))
        _until(lambda: len(store.announced("shop")) == len(machines))
        flips: list[tuple[float, int, bool]] = []
        for number in range(rollouts):
            trouble = _Trouble(redis, list(ways.values()), chance, found)
            release = chance.choice([one for one in range(1, _RELEASES + 1) if not flips or one != flips[-1][1]])
            _roll_out(redis, place / f"r{release}", chance, found, flips, release, trouble.name == "none")
            trouble.end()
            if number % 20 == 19:
                say(f"{number + 1} roll-outs: {dict(found.outcomes)}")
        _settle(redis, machines, found)
        told = [one.told() for one in machines]
        found.calls = sum(one["calls"] for one in told)
        found.torn = sum(one["torn"] for one in told)
        found.failed = sum(one["failed"] for one in told)
        _measure(flips, [one["changes"] for one in told], found)
    found.seconds = time.monotonic() - began
    return found


def _roll_out(
    redis: Redis,
    release: Path,
    chance: random.Random,
    found: Found,
    flips: list[tuple[float, int, bool]],
    number: int,
    quiet: bool,
) -> None:
    stages = chance.choice([(), (), (Stage("1", count=lambda count: 1),), (Stage("b", host="b"),)])
    plan = FleetPlan("shop", timeout=_TIMEOUT, stages=stages, probation=0.0, prepare={"check": "shop:check"})
    flipping: list[float] = []

    def say(text: str) -> None:
        if text == "the pointer flips":
            flipping.append(time.monotonic())

    with closing(open_store(redis.url)) as store:
        try:
            outcome = Rollout(store, plan, say).swap(release)
        except (ControlError, StoreError):
            found.outcomes["error"] += 1
            return
        found.outcomes[str(outcome.exit_status)] += 1
        if outcome.moved:
            flips.append((flipping[-1], number, quiet))


def _settle(redis: Redis, machines: list[Machine], found: Found) -> None:
    """Wait until every process serves what the pointer leads to."""
    began = time.monotonic()
    with closing(open_store(redis.url)) as store:

        def agreed() -> bool:
            pointer = store.read("shop")
            wanted = None if pointer is None else pointer.value["release"]["label"]
            return {f"r{one.answer()}" for one in machines} == {wanted}

        _until(agreed)
    found.settled = time.monotonic() - began


def _measure(flips: list[tuple[float, int, bool]], changes: list[list[list[float]]], found: Found) -> None:
    """Note for each flip when the last process served what the pointer had come to lead to.

    A process that has skipped a release, since the next flip came first, was late until it served a later one.
    """
    for at, (moment, _, quiet) in enumerate(flips):
        later = {number for _, number, _ in flips[at:]}
        lates = []
        for one in changes:
            before = [number for when, number in one if when <= moment]
            if before and before[-1] == flips[at][1]:
                lates.append(0.0)  # it was there before: a stage
                continue
            lates.append(next((when - moment for when, number in one if when > moment and number in later), 0.0))
        found.diverged.append(max(lates))
        if quiet:
            found.undisturbed.append(max(lates))


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120.0
    while True:
        try:
            if condition():
                return
        except StoreError:
            pass
        if time.monotonic() > end:
            raise RuntimeError("waited in vain")
        time.sleep(0.05)
