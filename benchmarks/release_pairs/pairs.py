"""A pair of releases of one distribution, and the files that list pairs.

Invariant: a pair's `name` is unique in a list and safe as a file name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.frame.command_line import chosen

HERE = Path(__file__).resolve().parent
LISTS = (HERE / "pairs.json", HERE / "pairs_extra.json", HERE / "pairs_frameworks.json")


@dataclass(frozen=True)
class Pair:
    """One distribution, the module that it installs, and two of its releases."""

    package: str
    module: str
    old: str
    new: str

    @property
    def name(self) -> str:
        """Name the pair: ``package-old-new``."""
        return f"{self.package}-{self.old}-{self.new}"


def read_pairs(path: Path) -> list[Pair]:
    """Read one list of pairs.

    Raises:
        ValueError: the file is not a list of objects with exactly the fields of `Pair`, or names a pair twice.
    """
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, list):
        raise ValueError(f"{path}: a list of pairs is needed, not {type(found).__name__}")
    pairs = []
    for entry in found:
        try:
            pairs.append(Pair(**entry))
        except TypeError as error:
            raise ValueError(f"{path}: not a pair: {entry!r}; give package, module, old and new") from error
    names = [pair.name for pair in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"{path}: a pair is listed twice")
    return pairs


def select(pairs: list[Pair], only: str | None) -> list[Pair]:
    """Keep the pairs whose package or name is one of the comma-separated names in `only` (all of them without it)."""
    return [pair for pair in pairs if chosen(pair.package, only) or chosen(pair.name, only)]
