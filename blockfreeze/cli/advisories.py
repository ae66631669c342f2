"""Known vulnerabilities of packages, from data in the format of OSV: https://ossf.github.io/osv-schema/.

Versions are compared as the schema says: a version is affected if it is listed, or if the last event at or before it
in a range of the type ECOSYSTEM introduces the vulnerability. Advisories that were withdrawn are left out.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from blockfreeze.core.errors import ControlError

_LARGEST = 64 * 1024 * 1024
"""The longest file that is read, in bytes: an advisory has some thousand."""


@dataclass(frozen=True)
class Advisory:
    """One vulnerability of one package: which versions have it, and which do not any more."""

    identity: str
    aliases: tuple[str, ...]
    summary: str
    listed: frozenset[Version]
    ranges: tuple[tuple[tuple[Version | None, str], ...], ...]

    def affects(self, version: Version) -> bool:
        """Tell whether a version has it."""
        return version in self.listed or any(_is_inside(events, version) for events in self.ranges)

    def fixes(self) -> Iterator[Version]:
        """Yield the versions that are said to be without it."""
        yield from (at for events in self.ranges for at, kind in events if kind == "fixed" and at is not None)

    @property
    def name(self) -> str:
        """What it is known by: its CVE number if it has one."""
        return next((one for one in (self.identity, *self.aliases) if one.startswith("CVE-")), self.identity)


def _is_inside(events: Iterable[tuple[Version | None, str]], version: Version) -> bool:
    """Tell whether a version is in a range; events are in the order of their versions, and None is before all."""
    inside = False
    for at, kind in events:
        if kind == "introduced" and (at is None or version >= at):
            inside = True
        elif at is not None and ((kind == "fixed" and version >= at) or (kind == "last_affected" and version > at)):
            inside = False
    return inside


def fix_for(version: Version, advisories: Collection[Advisory]) -> Version | None:
    """Return the lowest version after `version` that none of the advisories affects and one of them names; or None."""
    later = sorted({at for one in advisories for at in one.fixes() if at > version})
    return next((at for at in later if not any(one.affects(at) for one in advisories)), None)


def read_advisories(places: Iterable[Path], packages: Collection[str]) -> dict[str, list[Advisory]]:
    """Return the advisories of packages, by canonical name, each vulnerability once.

    Args:
        places: JSON files (an advisory, a list, or an object with ``vulns``), zip files of such, or directories.
        packages: the canonical names that are wanted.

    Raises:
        ControlError: a file cannot be read, or is not in that format.
    """
    found: dict[str, dict[str, Advisory]] = {}
    for place, text in _texts(places):
        try:
            read = json.loads(text)
            entries = read.get("vulns", [read]) if isinstance(read, dict) else read
            for entry in entries:
                for name, one in _advisories_in(entry):
                    if name in packages:
                        found.setdefault(name, {})[one.identity] = one
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ControlError(
                f"{place}: it is not in OSV's format: {type(error).__name__}: {error}; see https://osv.dev"
            ) from error
    return {name: list(ones.values()) for name, ones in found.items()}


def _texts(places: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    for place in places:
        try:
            if place.is_dir():
                yield from _texts(sorted(one for kind in ("*.json", "*.zip") for one in place.rglob(kind)))
            elif zipfile.is_zipfile(place):
                with zipfile.ZipFile(place) as content:
                    for member in content.infolist():
                        if member.filename.endswith(".json") and member.file_size <= _LARGEST:
                            yield f"{place}/{member.filename}", content.read(member)
            else:
                yield str(place), place.read_bytes()
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise ControlError(
                f"{place}: it cannot be read: {error}; name a JSON or zip file in OSV's format"
            ) from error


def _advisories_in(entry: dict[str, Any]) -> Iterator[tuple[str, Advisory]]:
    identity = str(entry["id"])
    if entry.get("withdrawn"):
        return
    for affected in entry.get("affected") or ():
        package = affected.get("package") or {}
        if package.get("ecosystem") != "PyPI":
            continue
        yield (
            canonicalize_name(str(package["name"])),
            Advisory(
                identity,
                tuple(map(str, entry.get("aliases") or ())),
                str(entry.get("summary") or ""),
                frozenset(one for one in map(_version, affected.get("versions") or ()) if one is not None),
                tuple(_events(one) for one in affected.get("ranges") or () if one.get("type") == "ECOSYSTEM"),
            ),
        )


def _events(one: dict[str, Any]) -> tuple[tuple[Version | None, str], ...]:
    found = [
        (None if text == "0" else _version(text), kind)
        for event in one["events"]
        for kind, text in event.items()
        if text == "0" or _version(text) is not None
    ]
    # At one version a fix ends what was introduced there.
    return tuple(sorted(found, key=lambda at: (at[0] is not None, at[0] or Version("0"), at[1] != "introduced")))


def _version(text: object) -> Version | None:
    with suppress(InvalidVersion):
        return Version(str(text))
    return None
