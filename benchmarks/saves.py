"""How long after a save does a server answer with it, and what becomes of its connections?

`python -m benchmarks.saves` saves a file of a small application again and again, while a client asks on a connection
that it keeps as long as it can: under `blockfreeze watch`, uvicorn's own reloader, and Flask's. Then a program under
`watch` is saved in a random order of versions that are good, cannot be parsed, or raise, under the load of other
clients: it must always answer with the last good one.
"""

from __future__ import annotations

import http.client
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.frame.command_line import CommandLine
from benchmarks.frame.pages import write_into_page
from benchmarks.frame.processes import serving
from benchmarks.frame.tables import Column, Table
from benchmarks.frame.telling import tell_where, write_json
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

_IN_TIME = 0.3
"""Seconds within which a save is to be answered with."""

_PAUSE = 0.005
"""Seconds between two requests of each client that loads a server."""

_LIMIT = 30.0
"""Seconds until an answer is said not to come."""

SERVERS: dict[str, list[str]] = {
    "blockfreeze watch, uvicorn": [
        *("blockfreeze", "watch", "--no-keys", "shop", "--"),
        *("uvicorn", "--log-level", "error", "--port", "PORT", "asgi_site:asgi"),
    ],
    "uvicorn --reload": [
        *("uvicorn", "--reload", "--reload-dir", "shop", "--log-level", "error", "--port", "PORT", "asgi_site:asgi")
    ],
    "Flask's reloader (stat)": ["flask_site", "PORT"],
}


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


def measured(words: Sequence[str], saves: int) -> Found:
    """Save so many good versions one after another, each when the one before is answered."""
    with client(words) as one:
        time.sleep(1)  # a reloader looks at its files for the first time
        for number in range(1, saves + 1):
            one.save(text(number))
            one.found.seconds.append(one.until(f"answer {number}"))
        return one.found


class Truth:
    """Which version is the last good one, and since when; what is answered is compared with it. Threads: any."""

    def __init__(self) -> None:
        self._good: list[tuple[float, int]] = [(0.0, 0)]

    def saves(self, number: int) -> None:
        """Note that a good version is saved now."""
        self._good.append((time.monotonic(), number))

    def lateness(self, said: str, asked: float) -> float:
        """Return for how many seconds an answer to what was `asked` then had been that of an older version.

        Raises:
            RuntimeError: it is the answer of no good version.
        """
        for at in range(len(self._good) - 1, -1, -1):
            if said == f"answer {self._good[at][1]}":
                following = self._good[at + 1 : at + 2]
                return max(0.0, asked - following[0][0]) if following else 0.0
        raise RuntimeError(f"{said!r} was answered, which no good version says")


@contextmanager
def load(one: Client, truth: Truth, clients: int) -> Iterator[list[Client]]:
    """Let other clients ask all the time, each on its own connection; how late each answer was is in `found.seconds`.

    Raises:
        RuntimeError: an answer was that of no good version.
    """
    others = [one.another() for _ in range(clients)]
    stop = threading.Event()
    wrong: list[RuntimeError] = []

    def ask(other: Client) -> None:
        try:
            while not stop.wait(_PAUSE):
                asked = time.monotonic()
                said = other.ask()
                if said:
                    other.found.seconds.append(truth.lateness(said, asked))
        except RuntimeError as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    try:
        yield others
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if wrong:
        raise wrong[0]


def mixed(words: Sequence[str], saves: int, seed: int = 1, clients: int = 4) -> tuple[Found, Found]:
    """Save good and broken versions in a random order while other clients load the server.

    Returns:
        what the client found that waits for each good version, and what all the others did, with how late each of their
        answers was.

    Raises:
        RuntimeError: an answer was that of a version that is not good, or none came.
    """
    chance, truth = random.Random(seed), Truth()
    with client(words) as one, load(one, truth, clients) as others:
        for number in range(1, saves + 1):
            kind = chance.choice(["good", "good", "not to be parsed", "raises"])
            if kind == "good":
                truth.saves(number)
                one.save(text(number))
                one.found.seconds.append(one.until(f"answer {number}"))
            else:
                one.save("def answer(:\n" if kind == "not to be parsed" else text(number) + "raise LookupError\n")
                time.sleep(chance.uniform(0, 0.3))
    whole = Found()
    for other in others:
        whole.seconds += other.found.seconds
        whole.lost += other.found.lost
        whole.failed += other.found.failed
        whole.asked += other.found.asked
    return one.found, whole


def _table(found: Mapping[str, Found], saves: int) -> Table:
    rows = [
        (name, f"{one.median:.0f}", f"{1000 * max(one.seconds):.0f}", f"{one.lost}", f"{one.failed:,} of {one.asked:,}")
        for name, one in found.items()
    ]
    heads = ["median ms", "longest ms", "connections lost", "requests without an answer"]
    columns: list[str | Column] = ["server", *(Column(head, is_number=True) for head in heads)]
    return Table(columns, rows, f"from {saves} saves to the first answer with each")


def _told(saves: int, good: Found, others: Found) -> str:
    late = [sum(second > _IN_TIME for second in one.seconds) for one in (good, others)]
    return (
        f"{saves:,} saves under load: {len(good.seconds)} good ones, answered after {good.median:.0f} ms (median), "
        f"{1000 * max(good.seconds):.0f} at most, {late[0]} of them after more than 300 ms. Of {others.asked:,} other "
        f"requests {others.failed} failed, and {late[1]} were answered with an older version more than 300 ms after a "
        f"save. {good.lost + others.lost} connections were lost."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each server, then save at random, and print what was found."""
    line = CommandLine("benchmarks.saves", __doc__)
    line.add_amount("--saves", 30, 3, "saves for each server")
    line.add_amount("--mixed", 1000, 10, "saves of good and broken versions")
    line.add_quick()
    line.add_argument("--page", action="store_true", help="rewrite the table of the manual")
    line.add_json()
    options = line.parse(arguments)
    tell_where()
    found = {name: measured(words, options.saves) for name, words in SERVERS.items()}
    table = _table(found, options.saves)
    table.show()
    good, others = mixed(SERVERS["blockfreeze watch, uvicorn"], options.mixed)
    told = _told(options.mixed, good, others)
    print(told)
    if options.page:
        write_into_page("saves", f"{table.markdown()}\n\n{told}")
    write_json(options.json, {**found, "mixed": good, "load": others})
    return 0


if __name__ == "__main__":
    sys.exit(main())
