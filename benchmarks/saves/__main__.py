"""Save again and again under reloaders, and measure how long answers take and what becomes of connections."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from benchmarks.frame.command_line import CommandLine
from benchmarks.frame.pages import write_into_page
from benchmarks.frame.tables import Column, Table
from benchmarks.frame.telling import tell_where, write_json
from benchmarks.saves.client import Client, Found, client, text

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

_IN_TIME = 0.3
"""Seconds within which a save is to be answered with."""

_PAUSE = 0.005
"""Seconds between two requests of each client that loads a server."""


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
