"""The demo's server process: HTTP handlers that call a package whose versions are exchanged under them.

Started by `play_round` as `python -m blockfreeze.demo.server`, with one JSON line (an `Order`) on standard
input. It answers with one JSON line that names its port, serves on loopback, and ends when ``POST /stop`` comes
or when the order's time is over, whichever is first: it never outlives its round.

Before that line it swaps there and back once, by either way, so that the round shows swaps and not the first
compilation of two versions.

``GET /call/N`` makes the workload's call number N, ``GET /swaps`` tells how many swaps were made.
Thread rules: the main thread alone swaps; handler threads only call the package and read the counts.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

from blockfreeze.demo.swapping import WAYS, Way
from blockfreeze.demo.workload import Workload

_SWITCH_INTERVAL = 1e-5


@dataclass(frozen=True)
class Order:
    """What a server process is started with; `lifetime` and `interval` are in seconds."""

    way: str
    workload: Workload
    old: str
    new: str
    interval: float
    lifetime: float

    def to_line(self) -> str:
        """Return what `from_line` reads."""
        return json.dumps({**asdict(self), "workload": self.workload.to_json()}) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Order:
        """Return the order that `to_line` wrote."""
        written = json.loads(line)
        return cls(**{**written, "workload": Workload.from_json(written["workload"])})


@dataclass
class SwapCounts:
    """How often the package was exchanged, how often that raised, and what it raised last."""

    swaps: int = 0
    failed: int = 0
    failure: str | None = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, workload: Workload, module: ModuleType) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self.calls = workload.calls
        self.module = module
        self.counts = SwapCounts()
        self.stopped = threading.Event()


class _Page(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # One segment per response, sent at once: otherwise delayed acknowledgements, not the calls, set the latency.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        _, kind, *number = self.path.split("/")
        if kind == "swaps":
            return self._respond(200, json.dumps(asdict(self.server.counts)))
        if kind != "call":
            return self._respond(404, "no such page")
        call = self.server.calls[int(number[0])]
        try:
            # By attribute, at every request, as a web handler's `sqlparse.format(...)` does.
            text = str(getattr(self.server.module, call.function)(**call.arguments))
        except Exception as error:
            return self._respond(500, f"{type(error).__name__}: {error}")
        return self._respond(200, text)

    def do_POST(self) -> None:
        self.server.stopped.set()
        self._respond(200, "stopping")

    def _respond(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response_only(status)  # `send_response` would also log a line per request
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _warm_up(way: Way, order: Order) -> None:
    """Swap there and back before the load comes, so that no way's first compilation or linking fills the round."""
    for directory in (order.new, order.old):
        # What it raises, it raises again under load, where it is counted.
        with suppress(Exception):
            way.swap_to(Path(directory))


def _serve(order: Order) -> None:
    ends = time.monotonic() + order.lifetime
    way = WAYS[order.way](order.workload.package, Path(order.old))
    _warm_up(way, order)
    sys.setswitchinterval(_SWITCH_INTERVAL)
    with _Server(order.workload, way.module) as server:
        threading.Thread(target=server.serve_forever, name="accept", daemon=True).start()
        print(json.dumps({"port": server.server_address[1]}), flush=True)
        counts = server.counts
        while not server.stopped.wait(order.interval) and time.monotonic() < ends:
            made = counts.swaps + counts.failed
            try:
                way.swap_to(Path(order.old if made % 2 else order.new))
            except Exception as error:
                counts.failure = f"{type(error).__name__}: {error}"
                counts.failed += 1
            else:
                counts.swaps += 1
        server.shutdown()


if __name__ == "__main__":
    _serve(Order.from_line(sys.stdin.readline()))
