"""One round of the demo: a server process, clients that load it, and totals for whoever watches.

The server is a process of its own so that whatever a way of swapping leaves behind ends with its round. Every
round is bounded: by its `Limits` here, and by the lifetime in the server's order there.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from blockfreeze.core.errors import ControlError
from blockfreeze.demo import server
from blockfreeze.demo.clients import Clients
from blockfreeze.demo.server import Order
from blockfreeze.demo.tally import Tally, Totals
from blockfreeze.demo.workload import Workload

_REFRESH = 0.1
_GRACE = 30.0


@dataclass(frozen=True)
class Limits:
    """A round ends after `seconds`, or as soon as both counts are reached, if they are given."""

    seconds: float
    requests: int | None = None
    swaps: int | None = None

    def reached(self, totals: Totals) -> bool:
        """Whether the round is over."""
        if totals.seconds >= self.seconds:
            return True
        if self.requests is None or self.swaps is None:
            return False
        return totals.requests >= self.requests and totals.swaps + totals.failed_swaps >= self.swaps


@dataclass(frozen=True)
class Round:
    """What all rounds have in common: what is served, from which directories, under which load."""

    workload: Workload
    old: Path
    new: Path
    answers: Sequence[tuple[str, str]]
    clients: int
    interval: float
    limits: Limits


def play(one: Round, way: str, watch: Callable[[Totals], None]) -> Totals:
    """Serve and swap in a new process by `way`, load it until the limits are reached, and return the totals.

    Args:
        one: the round.
        way: a key of `swapping.WAYS`.
        watch: called with the totals of the moment, several times a second.

    Raises:
        ControlError: the server process could not start, or ended before the round did.
    """
    tally = Tally(way)
    with tempfile.TemporaryFile("w+") as complaints, _server_process(one, way, complaints) as port:
        observer = http.client.HTTPConnection("127.0.0.1", port, timeout=_GRACE)
        started = time.monotonic()

        def totals() -> Totals:
            counts = _ask(observer, "GET", "/swaps", complaints)
            return tally.totals(time.monotonic() - started, counts["swaps"], counts["failed"], counts["failure"])

        with Clients(one.clients, port, one.answers, tally):
            while not one.limits.reached(now := totals()):
                watch(now)
                time.sleep(_REFRESH)
        final = totals()
        _ask(observer, "POST", "/stop", complaints)
        observer.close()
    return final


@contextmanager
def _server_process(one: Round, way: str, complaints: IO[str]) -> Iterator[int]:
    order = Order(way, one.workload, str(one.old), str(one.new), one.interval, one.limits.seconds + 2 * _GRACE)
    command = [sys.executable, "-m", server.__name__]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True, bufsize=1
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(order.to_line())
            first = process.stdout.readline()
        except BrokenPipeError:
            first = ""
        if not first:
            raise _server_failed("could not start", complaints)
        yield json.loads(first)["port"]
        process.wait(_GRACE)
    except subprocess.TimeoutExpired as error:
        raise ControlError(f"the server process did not end within {_GRACE:.0f} s of being told to") from error
    finally:
        process.kill()
        process.communicate()


def _ask(observer: http.client.HTTPConnection, method: str, path: str, complaints: IO[str]) -> Any:
    try:
        observer.request(method, path)
        text = observer.getresponse().read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise _server_failed("stopped answering", complaints) from error
    return json.loads(text) if method == "GET" else text


def _server_failed(what: str, complaints: IO[str]) -> ControlError:
    complaints.seek(0)
    said = [line for line in complaints.read().splitlines() if line.strip("- ")]
    return ControlError(f"the server process {what}: {said[-1] if said else 'it said nothing'}")
