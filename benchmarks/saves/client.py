"""A client that asks on one connection for as long as that lasts, and saves; and the server that it asks."""

from __future__ import annotations

import http.client
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.frame.processes import serving
from benchmarks.shapes.served import APPLICATIONS, free_port

_ASGI = f"""
import shop.parts

def answer():
    return shop.parts.answer().encode()
{APPLICATIONS}"""

_FLASK = """
import logging, sys
from flask import Flask
import shop.parts

app = Flask("site")

@app.route("/")
def index():
    return shop.parts.answer()

logging.getLogger("werkzeug").setLevel(logging.ERROR)
app.run(port=int(sys.argv[1]), use_reloader=True, reloader_type="stat")
"""

_LIMIT = 30.0
"""Seconds until an answer is said not to come."""


@dataclass
class Found:
    """What one server did.

    Attributes:
        seconds: from each save to the first answer with it.
        lost: how often the connection was, and had to be opened anew.
        failed: requests that got no answer because of that.
        asked: all requests.
    """

    seconds: list[float] = field(default_factory=list)
    lost: int = 0
    failed: int = 0
    asked: int = 0

    @property
    def median(self) -> float:
        """The median of `seconds`, in milliseconds."""
        return 1000 * statistics.median(self.seconds)


class Client:
    """Asks on one connection for as long as that lasts, and saves."""

    def __init__(self, folder: Path, port: int) -> None:
        self.found = Found()
        self._part = folder / "shop" / "parts.py"
        self._port = port
        self._connection: http.client.HTTPConnection | None = None
        self._has_answered = False

    def another(self) -> Client:
        """Return another client of the same server, with a connection of its own."""
        return Client(self._part.parents[1], self._port)

    def save(self, text: str) -> None:
        """Save the file as editors do: another one takes its place."""
        fresh = self._part.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self._part)

    def ask(self) -> str:
        """Return the answer to a request, or nothing if there is none."""
        self.found.asked += 1
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
                self._connection.connect()
            self._connection.request("GET", "/")
            answer = self._connection.getresponse()
            said = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self.found.lost += self._has_answered
            self._connection, self._has_answered = None, False
            self.found.failed += 1
            time.sleep(0.005)
            return ""
        self._has_answered = True
        return said if answer.status == 200 else ""

    def until(self, wanted: str) -> float:
        """Ask until the answer is as wanted, and return how many seconds that took.

        Raises:
            RuntimeError: it does not come.
        """
        began = time.monotonic()
        while self.ask() != wanted:
            if time.monotonic() - began > _LIMIT:
                raise RuntimeError(f"{wanted!r} was not answered within {_LIMIT:.0f} s")
        return time.monotonic() - began


def text(number: int) -> str:
    """Return a version of the file that is saved."""
    return f"def answer():\n    return 'answer {number}'\n"


@contextmanager
def client(words: Sequence[str]) -> Iterator[Client]:
    """Start a server in a folder of its own, and give a client that it has answered."""
    with tempfile.TemporaryDirectory(prefix="blockfreeze-saves-") as place:
        folder = Path(place)
        (folder / "shop").mkdir()
        files = {"shop/__init__": "", "shop/parts": text(0), "asgi_site": _ASGI, "flask_site": _FLASK}
        for name, written in files.items():
            (folder / f"{name}.py").write_text(written, encoding="utf-8")
        port = free_port()
        with serving([one.replace("PORT", str(port)) for one in words], folder) as said:
            made = Client(folder, port)
            try:
                made.until("answer 0")
                made.found = Found()
                yield made
            except RuntimeError as error:
                raise RuntimeError(f"{error}; the server said:\n{said.read_text(encoding='utf-8')}") from error
