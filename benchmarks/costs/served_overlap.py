"""What do requests cost over HTTP while one stream lingers in the generation that was left?

gunicorn serves a block with one worker of four threads. A stream is opened, and the block is swapped: the stream goes
on in the old generation. Requests whose handlers call methods of the block are timed then, and when the stream has
ended and the block has drained, by turns, over one connection that is kept.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.costs.effort import Effort
from benchmarks.costs.question import Question
from benchmarks.costs.rows import Measured
from benchmarks.frame.pages import ROOT
from benchmarks.frame.processes import serving
from benchmarks.shapes.served import free_port

_SHOP = """
import threading

ended = threading.Event()

class Till:
    def __init__(self):
        self.total = 0

    def add(self, amount):
        self.total += amount
        return self.total

def worked(calls):
    till = Till()
    for _ in range(calls):
        till.add(1)
    return till.total

def stream():
    yield b"begun"
    ended.wait()
    ended.clear()

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return stream()
    body = str(worked(int(path[1:]))).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""

_FRONT = """
import sys

sys.path.insert(0, {root!r})

import blockfreeze as bf

bf.freeze_block("shop")

import shop

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/swap":
        bf.swap("shop")
    elif path == "/drain":
        shop.ended.set()
        bf.drain("shop", timeout=30)
    else:
        return shop.app(environ, start_response)
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""

_SERVER = ("gunicorn", "-w", "1", "-k", "gthread", "--threads", "4", "--keep-alive", "60", "--log-level", "error")

_CALLS = (300, 3_000)

_REQUESTS = 200
"""Requests in one turn."""

_TARGET = 1 / 0.95


class _Client:
    """A connection to the service that is kept."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path: str) -> bytes:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        return body

    def seconds(self, path: str) -> float:
        """Return how long each of a number of requests took, on average."""
        started = time.perf_counter()
        for _ in range(_REQUESTS):
            self.get(path)
        return (time.perf_counter() - started) / _REQUESTS


@contextmanager
def _service(place: Path) -> Iterator[_Client]:
    (place / "shop.py").write_text(_SHOP, encoding="utf-8")
    (place / "front.py").write_text(_FRONT.format(root=str(ROOT)), encoding="utf-8")
    port = free_port()
    with serving((*_SERVER, "-b", f"127.0.0.1:{port}", "front:app"), place):
        yield _answering(port)


def _answering(port: int) -> _Client:
    until = time.monotonic() + 60
    while True:
        client = _Client(port)
        try:
            client.get("/1")
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return client


def measure(effort: Effort, place: Path, _subject: str) -> Iterator[Measured]:
    """Serve a block with gunicorn, and let a stream linger by turns."""
    lingering: dict[int, list[float]] = {calls: [] for calls in _CALLS}
    drained: dict[int, list[float]] = {calls: [] for calls in _CALLS}
    with _service(place) as client:
        for _ in range(effort.rounds):
            for calls, seconds in drained.items():
                seconds.append(client.seconds(f"/{calls}"))
            stream = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
            stream.request("GET", "/stream")
            opened = stream.getresponse()
            opened.read(1)
            client.get("/swap")
            for calls, seconds in lingering.items():
                seconds.append(client.seconds(f"/{calls}"))
            client.get("/drain")
            opened.read()
            stream.close()
    for calls in _CALLS:
        case = f"a request whose handler calls {calls:,} methods"
        yield Measured(case, "a stream lingers", lingering[calls], "drained", drained[calls], target=_TARGET)


QUESTION = Question(__name__, __doc__, measure)
