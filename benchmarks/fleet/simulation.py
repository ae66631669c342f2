"""Followers without blocks: what thousands of processes ask of one Redis, and how long a roll-out takes them.

Each asks what a process asks, by the same commands, and does at once what it is told. It has one connection where a
process has up to three: the system may let Redis have no more. The controller is the real one.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import resource
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.shapes.engine import Redis
from blockfreeze.fleet.names import EXPIRY, POLL, is_chosen
from blockfreeze.fleet.plan import FleetPlan
from blockfreeze.fleet.redis_store import ANNOUNCE, key_of, records_of
from blockfreeze.fleet.rollout import Rollout
from blockfreeze.fleet.store import open_store

_AT_ONCE = 200
"""How many connect at a time."""


_FILES = 65536


@dataclass(frozen=True)
class Asked:
    """What one roll-out was, for so many processes.

    Attributes:
        seconds: the whole of it.
        commands: that the engine was asked for meanwhile.
        at_rest: commands in a second without a roll-out.
        kilobytes: that the engine has sent meanwhile.
        processor: seconds of processor time that the engine has taken.
    """

    processes: int
    seconds: float
    commands: int
    at_rest: float
    kilobytes: int
    processor: float


def simulated(processes: int, rollouts: int, place: Path) -> list[Asked]:
    """Return what so many roll-outs were for so many processes."""
    _allow_files()
    found: list[Asked] = []
    with Redis() as redis:
        redis.kill()
        redis.start("--maxclients", str(processes + 1000))
        workers = [
            multiprocessing.get_context("spawn").Process(target=_follow_all, args=(redis.url, count, number))
            for number, count in enumerate((processes // 2, processes - processes // 2))
        ]
        with closing(open_store(redis.url)) as store:
            Rollout(store, FleetPlan("shop")).swap(place / "r1")
            for one in workers:
                one.start()
            try:
                while len(store.announced("shop")) < processes:
                    time.sleep(0.5)
                for number in range(rollouts):
                    time.sleep(1.0)
                    before, began = _counted(store), time.monotonic()
                    time.sleep(5.0)
                    at_rest = (_counted(store)[0] - before[0]) / (time.monotonic() - began)
                    before = _counted(store)
                    outcome = Rollout(store, FleetPlan("shop", timeout=120.0)).swap(place / f"r{2 - number % 2}")
                    after = _counted(store)
                    if outcome.exit_status or len(outcome.members) != processes:
                        raise RuntimeError(f"{outcome.exit_status}: {outcome.message}, {len(outcome.members)}")
                    told = [int(later - earlier) for later, earlier in zip(after[:2], before[:2], strict=True)]
                    found.append(
                        Asked(processes, outcome.seconds, told[0], at_rest, told[1] // 1024, after[2] - before[2])
                    )
            finally:
                for one in workers:
                    one.terminate()
                    one.join()
    return found


def _allow_files() -> None:
    """Let this process, and those that it starts, have a socket for each connection, as far as the system lets it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, max(most, _FILES)))


def _counted(store: Any) -> tuple[float, float, float]:
    told = store._client.info()
    processor = told["used_cpu_user"] + told["used_cpu_sys"]
    return told["total_commands_processed"], told["total_net_output_bytes"], processor


def _follow_all(url: str, count: int, group: int) -> None:
    _allow_files()
    asyncio.run(_followers(url, count, group))


async def _followers(url: str, count: int, group: int) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)
    await asyncio.gather(*(_follow(url, f"h{group}/{number}.x", gate) for number in range(count)))


async def _follow(url: str, name: str, gate: asyncio.Semaphore) -> None:
    from redis.asyncio import Connection

    parts = urlsplit(url)
    # Thousands in one process: an answer may be read late, and that is no failure of the engine.
    link: Any = Connection(host=str(parts.hostname), port=int(parts.port or 0), socket_timeout=120)

    async def ask(*commands: tuple[Any, ...]) -> list[Any]:
        await link.send_packed_command(link.pack_commands(commands))
        return [await link.read_response() for _ in commands]

    async with gate:
        await link.connect()
    host, key, records = name.partition("/")[0], key_of("shop", "pointer"), records_of("shop")
    changes = key_of("shop", "changes")
    said: dict[str, Any] = {"host": host, "pid": os.getpid(), "message": "", "label": ""}
    spoken = 0.0
    while True:
        look = ("XREVRANGE", changes, "+", "-", "COUNT", 1), ("HMGET", key, "revision", "value")
        *_, (last, (revision, text)) = await ask(("MULTI",), *look, ("EXEC",))
        value = json.loads(text)
        rollout = value["rollout"]
        state = {"state": "serving", "rollout": "", "release": value["release"]["place"], "revision": int(revision)}
        if rollout is not None:
            state |= {"rollout": rollout["id"], "hash": "same"}
            state["state"] = "serving" if is_chosen(rollout, name, host) else "ready"
        if said | state != said or time.monotonic() - spoken > EXPIRY / 3:
            said, spoken = said | state, time.monotonic()
            await ask(("EVAL", ANNOUNCE, 2, *records, name, json.dumps(said), EXPIRY))
        await ask(("XREAD", "COUNT", 1, "BLOCK", int(1000 * POLL), "STREAMS", changes, last[0][0]))
