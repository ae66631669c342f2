"""How long does it take to convert 100,000 live instances, or a table of 100,000, and what do other threads notice?

`python -m benchmarks.conversion` measures, in one process and in turns: a full collection of the same heap by
`gc.collect()`, which stops every thread, as the measure; a quiesced swap whose converter is called with each instance;
one that moves each instance to a second class, without a converter; and one that migrates a dictionary. Two threads run
meanwhile. One calls the block all the time: its longest call is what callers notice. The other never calls it: the
longest gap between two of its steps is what the rest of the program notices.
"""

from __future__ import annotations

import gc
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import ModuleType

import blockfreeze as bf
from benchmarks.frame.command_line import CommandLine
from benchmarks.frame.modules import importable
from benchmarks.frame.pages import put_between, write_into_page
from benchmarks.frame.tables import Column, Table
from benchmarks.frame.telling import tell_where, write_json

__all__ = ["Row", "first_version", "measure", "readme_with"]

_NAME = "conversion"

_TEXT = """
import blockfreeze as bf

class Plain: pass
class Other: pass

class Account(BASE):
    def __init__(self, number):
        self.number, self.unit, self.amount = number, VERSION, number * VERSION
    def total(self):
        return self.amount // self.unit

CONVERTER
table = bf.defvar("table", dict, version=TABLE, migrate=lambda old: {key: -value for key, value in old.items()})

def make(number): return Account(number)
def ask(account): return account.total()
"""
_CONVERTER = """
@bf.converts(Account, version=VERSION)
def convert(account, added, discarded, old):
    account.unit, account.amount = VERSION, old["amount"] // old["unit"] * VERSION
"""


@dataclass(frozen=True)
class Row:
    """What was done, and medians in seconds: all of it, the part at rest, the longest call, the longest gap."""

    what: str
    seconds: float
    convert: float
    call: float
    gap: float


class _Noticing:
    """Two threads beside a measurement: one that calls the block, and one that does not."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._stop = threading.Event()
        self._longest = [0.0, 0.0]
        self._threads = [
            threading.Thread(target=self._work, args=(at, step), daemon=True)
            for at, step in enumerate((call, _step_without_the_block))
        ]

    def _work(self, at: int, step: Callable[[], object]) -> None:
        while not self._stop.is_set():
            began = time.perf_counter()
            step()
            self._longest[at] = max(self._longest[at], time.perf_counter() - began)

    def measure(self, action: Callable[[], object]) -> tuple[float, float, float]:
        """Return the seconds that `action` takes, the longest call and the longest gap meanwhile."""
        for one in self._threads:
            one.start()
        began = time.perf_counter()
        action()
        seconds = time.perf_counter() - began
        self._stop.set()
        for one in self._threads:
            one.join()
        return seconds, self._longest[0], self._longest[1]


def _step_without_the_block() -> None:
    time.sleep(0.0005)


def _text(version: int, *, base: str, converter: bool, table: int) -> str:
    text = _TEXT.replace("BASE", base).replace("CONVERTER", _CONVERTER if converter else "")
    return text.replace("VERSION", str(version)).replace("TABLE", str(table))


def first_version() -> str:
    """Return the source of the version to begin with."""
    return _text(1, base="Plain", converter=False, table=1)


def measure(name: str, count: int, rounds: int) -> list[Row]:
    """Freeze the module `name`, which is written where imports look, and measure each change `rounds` times."""
    module: ModuleType = bf.freeze_block(name)
    accounts = [module.make(number) for number in range(count)]
    module.table.update((number, number) for number in range(count))
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    version, base, table = 1, "Plain", 1

    def one(what: str, action: Callable[[], bf.SwapReport | None]) -> None:
        reports: list[bf.SwapReport | None] = []
        noticed = _Noticing(lambda: module.ask(accounts[0])).measure(lambda: reports.append(action()))
        report = reports[0]
        found.setdefault(what, []).append(
            (noticed[0], 0.0 if report is None else report.phases["convert"], *noticed[1:])
        )

    def swapped(converted: int, *, converter: bool) -> bf.SwapReport:
        text = _text(version, base=base, converter=converter, table=table)
        report = bf.swap(module, source=text, quiesce=60)
        if sum(one.count for one in report.converted) != converted or any(
            account.total() != number for number, account in enumerate(accounts)
        ):
            raise AssertionError(f"{report}")
        return report

    def collect() -> None:
        gc.collect()

    for _ in range(rounds):
        one("gc.collect()", collect)
        one("a swap that changes none", lambda: swapped(0, converter=False))
        version += 1
        one("a converter", lambda: swapped(count, converter=True))
        base = "Other" if base == "Plain" else "Plain"
        one("a second class", lambda: swapped(count, converter=True))
        table += 1
        one("a table migrated", lambda: swapped(0, converter=True))
        version += 1
        swapped(count, converter=True)
    return [Row(what, *(median(column) for column in zip(*rows, strict=True))) for what, rows in found.items()]


_HEADINGS = ("what", "all of it", "at rest", "longest call", "longest gap elsewhere", "call / gc", "gap / gc")


def _cells(rows: list[Row]) -> Iterator[tuple[str, ...]]:
    scale = rows[0].seconds
    for row in rows:
        times = (f"{1000 * one:.0f} ms" for one in (row.seconds, row.convert, row.call, row.gap))
        yield (row.what, *times, f"{row.call / scale:.2f}", f"{row.gap / scale:.2f}")


def table(rows: list[Row], count: int) -> Table:
    """Return the rows as a table."""
    columns = [Column(heading, is_number=heading != "what") for heading in _HEADINGS]
    return Table(columns, list(_cells(rows)), f"{count:,} live instances, CPython {platform.python_version()}")


def markdown(rows: list[Row], count: int) -> str:
    """Return the rows in Markdown, where the first heading says what they are of."""
    first = f"{count:,} instances, CPython {platform.python_version()}"
    return Table([first, *_HEADINGS[1:]], list(_cells(rows))).markdown()


def readme_with(text: str, rows: list[Row], count: int) -> str:
    """Return a page's `text` with these rows in the place of its table.

    Raises:
        ValueError: it has no place for it.
    """
    return put_between(text, _NAME, markdown(rows, count))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    line = CommandLine("benchmarks.conversion", __doc__)
    line.add_amount("--count", 100_000, 1000, "how many instances and entries")
    line.add_amount("--rounds", 5, 1)
    line.add_quick()
    line.add_json("write the rows to FILE")
    line.add_argument("--page", type=Path, metavar="FILE", help="write the table into this page")
    options = line.parse(arguments)
    tell_where()
    with importable("accounts_of_old", first_version()):
        rows = measure("accounts_of_old", options.count, options.rounds)
    write_json(options.json, rows)
    if options.page is not None:
        write_into_page(_NAME, markdown(rows, options.count), options.page)
    table(rows, options.count).show()
    return 0


if __name__ == "__main__":
    sys.exit(main())
