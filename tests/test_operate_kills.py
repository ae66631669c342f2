"""Workers are killed at random moments of swaps of a real service: afterwards all serve the pointed release."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from operated import Operated, until

from blockfreeze.coordination.plan import Plan
from blockfreeze.coordination.processes import SocketProcesses
from blockfreeze.coordination.service import Service

pytestmark = [
    pytest.mark.needs_servers,
    pytest.mark.needs_subprocess,
    pytest.mark.needs_sockets,
    pytest.mark.needs_threads,
]

WORKERS = 4
KILLS = st.lists(st.tuples(st.floats(0, 0.4), st.integers(0, WORKERS - 1)), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    command = ["gunicorn", "-w", str(WORKERS), "-b", "127.0.0.1:PORT", "--no-control-socket", "shop.app:app"]
    with Operated(tmp_path_factory.mktemp("kills"), [sys.executable, "-m", *command]) as running:
        running.wait_for(WORKERS)
        yield running


def swapped_while_killing(service: Operated, kills: list[tuple[float, int]]) -> None:
    """Swap to the other release while workers are killed, and assert what holds after the call and for ever."""
    before = service.pointer.readlink().name
    release = {"r1": "r2", "r2": "r1"}[before]
    workers = sorted(service.wait_for(WORKERS))

    def kill(which: int) -> None:
        with suppress(ProcessLookupError):  # it was killed before
            os.kill(workers[which], signal.SIGKILL)

    timers = [threading.Timer(seconds, kill, (which,)) for seconds, which in kills]
    for timer in timers:
        timer.start()
    swapping = Service(
        SocketProcesses(Path(service.sockets)), Plan("shop", {"release": str(service.releases / release)}, timeout=30.0)
    )
    swapping.join()
    outcome = swapping.swap()
    serving = service.serving()
    pointed = service.pointer.readlink().name
    assert pointed == (release if outcome.done else before), outcome
    assert set(serving.values()) <= {pointed}, (serving, outcome)
    for timer in timers:
        timer.join()
    until(lambda: len(service.serving()) == WORKERS)
    assert set(service.serving().values()) == {pointed}
    assert service.answer().split()[0].decode() == pointed[1:]


@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(KILLS)
def test_whichever_workers_are_killed_no_two_releases_serve(service: Operated, kills: list[tuple[float, int]]) -> None:
    swapped_while_killing(service, kills)


@pytest.mark.exhaustive
@settings(max_examples=1000, suppress_health_check=list(HealthCheck))
@given(KILLS)
def test_a_thousand_swaps_while_workers_are_killed(service: Operated, kills: list[tuple[float, int]]) -> None:
    swapped_while_killing(service, kills)
