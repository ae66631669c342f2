"""Fetching a release of a package for `upgrade`: the wheel is downloaded by pip, and its hash may be asked for."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from blockfreeze.core.errors import ControlError
from blockfreeze.demo.releases import download_wheel
from blockfreeze.versions.source_text import sha256


@dataclass(frozen=True)
class Fetched:
    """A release that lies in a directory, and the hash of the wheel that it was unpacked from, if that is known."""

    place: Path
    hash: str = ""


def fetch(name: str, version: str, where: Path, hashes: Sequence[str]) -> Fetched:
    """Return a release in `where`; what lies there already is taken, and compared with the wheel if hashes are given.

    Args:
        hashes: those that the wheel may have, as ``sha256:...``.

    Raises:
        ControlError: it cannot be had, has another hash, or what lies there is another one.
    """
    place = where / f"{name}-{version}"
    if place.is_dir() and not hashes:
        return Fetched(place)
    try:
        where.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=where, prefix=".") as work:
            wheel = download_wheel(f"{name}=={version}", Path(work), hashes)
            unpacked = Path(work, "unpacked")
            with zipfile.ZipFile(wheel) as content:
                content.extractall(unpacked)
            if not place.is_dir():
                shutil.move(unpacked, place)
            elif (odd := _differing(unpacked, place)) is not None:
                raise ControlError(
                    f"{place}: {odd} is not as in the wheel with that hash; take the directory away, and try again"
                )
            return Fetched(place, f"sha256:{sha256(wheel.read_bytes()).hexdigest()}")
    except (OSError, zipfile.BadZipFile) as error:
        raise ControlError(f"{place}: the release cannot be written there: {error}; say --into") from error


def _differing(fresh: Path, place: Path) -> str | None:
    """Return a file that differs in two directories, or is in one alone; compiled code that was added is left out."""
    wanted = {one.relative_to(fresh) for one in fresh.rglob("*") if one.is_file()}
    there = {one.relative_to(place) for one in place.rglob("*") if one.is_file() and "__pycache__" not in one.parts}
    for one in sorted(wanted | there):
        if one not in there or one not in wanted or (fresh / one).read_bytes() != (place / one).read_bytes():
            return str(one)
    return None


def hashes_in(file: Path, name: str) -> list[str]:
    """Return the hashes that a requirements file has for a package, as ``pip-compile --generate-hashes`` writes it.

    Raises:
        ControlError: it has none.
    """
    try:
        lines = file.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    except (OSError, ValueError) as error:
        raise ControlError(f"{file}: it cannot be read: {error}; correct it") from error
    for line in lines:
        words = line.partition(" #")[0].split()
        with suppress(InvalidRequirement):
            if words and canonicalize_name(Requirement(words[0]).name) == canonicalize_name(name):
                found = [one.removeprefix("--hash=") for one in words if one.startswith("--hash=")]
                if found:
                    return found
    raise ControlError(f"{file}: it has no hash for {name}; write '{name}==VERSION --hash=sha256:...' there")
