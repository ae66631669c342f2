"""What a program tells while it works, on standard error, and the file that its result goes into.

Standard output is for the result alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.frame import machine
from benchmarks.frame.task import as_json

__all__ = ["numbered", "tell", "tell_where", "write_json"]

Item = TypeVar("Item")


def tell(line: str) -> None:
    """Tell a line."""
    print(line, file=sys.stderr, flush=True)


def tell_where() -> None:
    """Tell the interpreter, the machine and the state of the project that is measured."""
    state = machine.state()
    tell(machine.here().line + (f", blockfreeze at {state}" if state else ""))


def numbered(items: Sequence[Item], name: Callable[[Item], str]) -> Iterator[Item]:
    """Yield the items one by one, and tell the name of each before and how many there are."""
    for number, item in enumerate(items, 1):
        tell(f"[{number}/{len(items)}] {name(item)}")
        yield item


def write_json(file: Path | None, found: object) -> None:
    """Write plain values and dataclasses to the file of ``--json``, if it was given."""
    if file is not None:
        file.write_text(as_json(found, indent=1) + "\n", encoding="utf-8")
