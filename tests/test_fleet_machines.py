"""Three machines follow one Redis, which is killed, paused and brought back while releases are rolled out."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fleets import command, until
from threads import ThreadedCall

from benchmarks.shapes.engine import Redis
from benchmarks.shapes.machines import Machine, write_releases

pytestmark = [
    pytest.mark.needs_redis,
    pytest.mark.needs_subprocess,
    pytest.mark.needs_sockets,
    pytest.mark.needs_threads,
]


class Fleet:
    """A Redis, and machines `a`, `b` and `c` with one process each."""

    def __init__(self, place: Path, stack: ExitStack) -> None:
        write_releases(place)
        self.place = place
        self.redis = stack.enter_context(Redis())
        self.machines = [stack.enter_context(Machine(place, self.redis.url, host)) for host in "abc"]
        until(lambda: self.answers() == [1, 1, 1])
        until(lambda: len(self.status()["processes"]) == 3)

    def answers(self) -> list[int]:
        return [one.answer() for one in self.machines]

    def status(self) -> Any:
        return command("status", "shop", "--fleet", self.redis.url)

    def swap(self, number: int, *options: str, status: int | None = 0) -> Any:
        release = ("--release", str(self.place / f"r{number}"))
        return command("swap", "shop", "--fleet", self.redis.url, *release, *options, status=status)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(tmp_path, stack)


def test_machines_are_swapped_and_led_back_by_the_command_line(fleet: Fleet) -> None:
    fleet.swap(2, "--check", "shop:check", "--label", "the second")
    assert fleet.answers() == [2, 2, 2]
    told = fleet.status()
    assert (told["release"]["label"], told["trail"][0]["outcome"]) == ("the second", "done")
    assert {one["label"] for one in told["processes"].values()} == {"the second"}
    refused = fleet.swap(3, "--check", "shop:refuse", status=1)
    assert "this release is refused" in str(refused["message"])
    assert fleet.answers() == [2, 2, 2]
    staged = fleet.swap(3, "--canary", "b", "--stages", "1,66%,all", "--probation", "0", "--health", "shop:well")
    first, second, third = staged["stages"]
    assert first == 1
    assert 1 <= second <= third
    assert third >= 2
    assert fleet.answers() == [3, 3, 3]
    back = command("rollback", "shop", "--fleet", fleet.redis.url)
    assert (back["label"], fleet.answers()) == ("the second", [2, 2, 2])
    for wrong in (["--close-code", "1012"], ["--pointer", "x"], ["--directory", "x"]):
        assert "not for a fleet" in fleet.swap(3, *wrong, status=2)["error"]


def test_an_engine_that_is_killed_takes_nothing_along(fleet: Fleet) -> None:
    fleet.swap(2)
    fleet.redis.kill()
    assert fleet.answers() == [2, 2, 2]
    fleet.redis.start()  # it remembers nothing: the processes give back what they have seen
    until(lambda: len(fleet.status()["processes"]) == 3)
    assert fleet.status()["release"]["label"] == "r2"
    fleet.swap(3)
    assert fleet.answers() == [3, 3, 3]


@pytest.mark.parametrize("trouble", ["killed", "paused"])
def test_an_engine_that_fails_in_the_middle_of_a_roll_out_leaves_one_release(fleet: Fleet, trouble: str) -> None:
    """The canary has committed and is watched: then the engine goes, and comes back."""
    canary = ("--canary", "b", "--probation", "2", "--timeout", "30")
    rolling = ThreadedCall(lambda: fleet.swap(2, *canary, status=None))
    until(lambda: fleet.machines[1].answer() == 2)
    if trouble == "killed":
        fleet.redis.kill()
        time.sleep(1.0)
        fleet.redis.start()
    else:
        with fleet.redis.paused():
            time.sleep(4.0)  # longer than an answer is waited for
    outcome = rolling.result(limit=120.0)
    assert outcome["exit_status"] in (0, 1)
    until(lambda: fleet.answers() == [2 if outcome["done"] else 1] * 3)
    assert fleet.status()["release"]["label"] == ("r2" if outcome["done"] else "r1")
    fleet.swap(3)
    assert fleet.answers() == [3, 3, 3]


def test_an_engine_that_is_silent_for_a_while_delays_and_loses_nothing(fleet: Fleet) -> None:
    with fleet.redis.paused():
        refused = fleet.swap(2, "--timeout", "1", status=2)
        assert "does not answer" in refused["error"]
        assert fleet.answers() == [1, 1, 1]
    until(lambda: fleet.status()["rollout"] is None)
    fleet.swap(3)
    assert fleet.answers() == [3, 3, 3]


def test_a_process_that_is_killed_is_left_out_and_comes_up_in_what_is_pointed_at(fleet: Fleet) -> None:
    first = fleet.machines[0]
    first.program.send_signal(signal.SIGSTOP)
    refused = fleet.swap(2, "--timeout", "4", status=1)
    assert "has not prepared it within 4 s" in str(refused["message"])
    first.program.kill()
    first.program.wait()
    until(lambda: len(fleet.status()["processes"]) == 2)
    fleet.swap(2)
    with Machine(fleet.place, fleet.redis.url, "a") as again:
        assert again.answer() == 2
        assert [one.answer() for one in fleet.machines[1:]] == [2, 2]


@pytest.mark.needs_signatures
def test_a_signed_artifact_travels_through_the_engine(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    raw = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key").write_bytes(key.private_bytes(*raw))
    public = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "keys").write_bytes(key.public_key().public_bytes(*public))
    write_releases(tmp_path)
    for number in (1, 2):
        out = str(tmp_path / f"r{number}.bf")
        command("compile", "shop", "--source", str(tmp_path / f"r{number}"), "-o", out, "--sign", str(tmp_path / "key"))
    command("compile", "shop", "--source", str(tmp_path / "r3"), "-o", str(tmp_path / "unsigned.bf"))
    (tmp_path / "r1").rename(tmp_path / "sources")
    (tmp_path / "r1.bf").rename(tmp_path / "r1")
    trusting = {"BLOCKFREEZE_KEYS": str(tmp_path / "keys")}
    with Redis() as redis, Machine(tmp_path, redis.url, "a", environment=trusting) as machine:
        assert machine.answer() == 1
        until(lambda: command("status", "shop", "--fleet", redis.url)["processes"])
        command("swap", "shop", "--fleet", redis.url, "--release", str(tmp_path / "r2.bf"))
        assert machine.answer() == 2
        refused = command("swap", "shop", "--fleet", redis.url, "--release", str(tmp_path / "unsigned.bf"), status=1)
        assert "was refused" in refused["message"]
        assert machine.answer() == 2
