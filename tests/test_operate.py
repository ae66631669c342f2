"""Real servers, started by `blockfreeze run` and operated from the command line, under load on loopback."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from operated import Operated, until, write_release

pytestmark = [pytest.mark.needs_subprocess, pytest.mark.needs_sockets, pytest.mark.needs_threads]

GUNICORN = [sys.executable, "-m", "gunicorn", "-w", "2", "-b", "127.0.0.1:PORT", "--no-control-socket", "shop.app:app"]


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[Operated]:
    with Operated(tmp_path, GUNICORN) as service:
        service.wait_for(2)
        yield service


@pytest.mark.needs_servers
def test_gunicorn_is_swapped_and_rolled_back_under_load(gunicorn: Operated) -> None:
    with gunicorn.load() as tally:
        first = gunicorn.swap(2, "--check", "shop.health:check", "--label", "r42")
        assert set(gunicorn.serving().values()) == {"r42"}
        assert gunicorn.pointer.readlink() == Path("r2")
        back = gunicorn.json("rollback", "shop")
        assert set(gunicorn.serving().values()) == {"r1"}
        assert gunicorn.pointer.readlink() == Path("r1")
    assert (tally.torn, tally.failed) == ([], [])
    assert set(tally.answers) == {"1", "2"}
    assert [one["fate"] for one in first["processes"] + back["processes"]] == ["committed"] * 4
    assert (first["label"], first["moved"], back["release"]) == ("r42", True, str(gunicorn.releases / "r1"))


@pytest.mark.needs_servers
def test_a_release_that_is_refused_changes_nothing_anywhere(gunicorn: Operated) -> None:
    write_release(gunicorn.releases, 3, "1 / 0\n")
    for arguments in (["3"], ["2", "--check", "shop.health:refuse"], ["2", "--expect-hash", "00"]):
        outcome = gunicorn.swap(int(arguments[0]), *arguments[1:], status=1)
        assert not outcome["moved"]
        assert set(gunicorn.serving().values()) == {"r1"}
    ran = gunicorn.command("swap", "shop", "--release", "r3")
    assert ran.returncode == 1
    assert "shop: the swap was refused, and nothing has changed:" in ran.stdout
    assert "ZeroDivisionError" in ran.stdout
    assert gunicorn.pointer.readlink() == Path("r1")


@pytest.mark.needs_servers
def test_a_worker_that_is_killed_comes_up_in_the_pointed_release(gunicorn: Operated) -> None:
    gunicorn.swap(2)
    for pid in gunicorn.serving():
        os.kill(pid, signal.SIGKILL)
        until(lambda: len(found := gunicorn.serving()) == 2 and pid not in found)  # noqa: B023 - called at once
    assert set(gunicorn.serving().values()) == {"r2"}
    # Nobody keeps the release before: it is swapped to, and not rolled back to.
    assert gunicorn.command("rollback", "shop").returncode == 2
    gunicorn.json("rollback", "shop", "--to", str(gunicorn.releases / "r1"))
    assert set(gunicorn.serving().values()) == {"r1"}


@pytest.mark.needs_servers
def test_a_worker_that_is_stopped_refuses_the_swap_and_goes_on_with_the_others(gunicorn: Operated) -> None:
    stopped, *_ = gunicorn.serving()
    os.kill(stopped, signal.SIGSTOP)
    try:
        ran = gunicorn.command("swap", "shop", "--release", "r2")
        assert ran.returncode == 2
        assert f"process {stopped}: it does not answer" in ran.stderr
    finally:
        os.kill(stopped, signal.SIGCONT)
    gunicorn.swap(2)
    assert set(gunicorn.serving().values()) == {"r2"}


@pytest.mark.needs_servers
def test_a_body_that_hangs_is_told_by_its_stack(gunicorn: Operated) -> None:
    write_release(gunicorn.releases, 3, "while True: pass\n")
    outcome = gunicorn.swap(3, "--timeout", "1", status=1)
    assert {one["fate"] for one in outcome["processes"]} == {"refused"}
    assert all(any("parts.py" in line for line in one["stack"]) for one in outcome["processes"])
    gunicorn.swap(2)


@pytest.mark.needs_servers
def test_a_canary_goes_first(gunicorn: Operated) -> None:
    outcome = gunicorn.swap(2, "--canary", "1", "--probation", "0.5", "--health", "shop.health:check")
    assert outcome["done"]
    assert set(gunicorn.serving().values()) == {"r2"}
    refused = gunicorn.swap(1, "--canary", "50%", "--probation", "5", "--health", "shop.health:refuse", status=1)
    assert "the canary fell short" in refused["message"]
    assert set(gunicorn.serving().values()) == {"r2"}
    assert gunicorn.pointer.readlink() == Path("r2")


@pytest.mark.needs_servers
def test_a_preloaded_application_is_swapped_in_the_master_too(tmp_path: Path) -> None:
    # gunicorn loses a TERM that comes right after a fork, while the worker has its handlers, and then kills the worker.
    more = ["--preload", "--max-requests", "40", "--graceful-timeout", "3"]
    with Operated(tmp_path, [*GUNICORN[:-1], *more, GUNICORN[-1]]) as service:
        service.wait_for(3)
        with service.load() as tally:
            for number in (2, 1, 2):
                service.swap(number)
        assert set(service.serving().values()) == {"r2"}
        for _ in range(5):
            assert service.answer().startswith(b"2 2 2 2 ")
    assert tally.torn == []
    assert set(tally.answers) == {"1", "2"}


@pytest.mark.needs_servers
def test_uvicorn_workers_are_swapped_under_load(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "uvicorn", "--workers", "2", "--port", "PORT", "--log-level", "warning"]
    with Operated(tmp_path, [*command, "shop.app:asgi"]) as service:
        service.wait_for(2)
        with service.load() as tally:
            for number in (2, 1, 2):
                service.swap(number)
            assert set(service.serving().values()) == {"r2"}
    assert (tally.torn, tally.failed) == ([], [])
    assert set(tally.answers) == {"1", "2"}


POOL = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
import shop.app

def ask(_):
    return shop.app.answer().decode()

if __name__ == "__main__":
    with ProcessPoolExecutor(2, multiprocessing.get_context("{method}")) as pool:
        for line in sys.stdin:
            print(sorted({{answer.split()[0] for answer in pool.map(ask, range(20))}}), flush=True)
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_the_workers_of_a_pool_follow(tmp_path: Path, method: str) -> None:
    (tmp_path / "program.py").write_text(POOL.format(method=method), encoding="utf-8")
    with Operated(tmp_path, ["program.py"], talks=True) as service:
        assert service.talk() == "['1']"
        assert len(service.wait_for(2)) >= 2
        service.swap(2)
        assert service.talk() == "['2']"


def test_status_says_what_every_thread_does(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(POOL.format(method="fork"), encoding="utf-8")
    with Operated(tmp_path, ["program.py"], talks=True) as service:
        assert service.talk() == "['1']"
        service.wait_for(1)
        plain = service.command("status")
        assert plain.returncode == 0
        assert "program.py" in plain.stdout
        live = service.command("status", "shop", "--live")
        assert "thread MainThread" in live.stdout
        assert service.command("drain", "shop").returncode == 0
        assert service.command("status", "nothing").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("run", "--block", "shop", "--release", "nowhere", "true"), "the release pointer leads to no release"),
        (("run", "--block", "shop", "no_such_command_there_is"), "there is no such command"),
        (("swap", "shop", "--release", "nowhere"), "there is no such release"),
        (("swap", "shop", "--release", ".", "--wait", "0"), "no process with a control socket has this block"),
    ],
)
def test_what_cannot_run_says_why(tmp_path: Path, arguments: tuple[str, ...], complaint: str) -> None:
    with Operated(tmp_path, ["-c", "pass"]) as service:
        ran = service.command(*arguments)
        assert ran.returncode == 2
        assert complaint in ran.stderr
