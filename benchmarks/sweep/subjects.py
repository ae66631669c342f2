"""What is swept: packages, and pairs of releases of which the newer one closes a hole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.frame.folders import once, pip, release

PACKAGES, FIXES = (Path(__file__).with_name(name) for name in ("packages.json", "fixes.json"))


@dataclass(frozen=True)
class Subject:
    """A package, and what a program does with it.

    Attributes:
        smoke: lines that import, make objects and define ``use()``, whose result tells what was found.
        needs: what pip installs beside.
        old, new: two releases; without them, the one that pip chooses.
        hole: for a pair, lines that define ``is_open()``: whether the hole is open through what was made before.
        about: for a pair, the advisory.
        converters: for a pair, lines that define ``converters``, which the swap is given.
        quiesce: for a pair, how long new calls may be held back until old ones have ended.
    """

    package: str
    module: str
    smoke: Sequence[str]
    needs: Sequence[str] = ()
    old: str = ""
    new: str = ""
    hole: Sequence[str] = ()
    about: str = ""
    converters: Sequence[str] = ()
    quiesce: float | None = None

    @property
    def name(self) -> str:
        """The package, of a pair with both releases."""
        return f"{self.package} {self.old} -> {self.new}" if self.new else self.package


def read_subjects(file: Path) -> list[Subject]:
    """Return the subjects of a list."""
    return [Subject(**one) for one in json.loads(file.read_text(encoding="utf-8"))]


def provide(subject: Subject, cache: Path) -> tuple[Path, Path]:
    """Return two folders, filled from the package index: the package with what it needs, and the newer release alone.

    Raises:
        ProvisionError: pip refused.
    """
    wanted = f"{subject.package}=={subject.old}" if subject.old else subject.package
    needs = [*subject.needs, "bytecode"]
    name = f"{wanted}+{'+'.join(needs)}".replace("/", "_")
    whole = once(cache / name, lambda into: pip("install", "--target", str(into), wanted, *needs))
    if not subject.new:
        return whole, whole
    return whole, release(cache / f"{subject.package}=={subject.new}", subject.package, subject.new)
