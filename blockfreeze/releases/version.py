"""Which version a swap is to bring, and reading it: whole, as it was at one moment, or not at all.

A release is immutable by agreement. Whether it is, is looked at: it is read twice, the second time when its youngest
file is at rest, and what differs refuses it. A deploy that writes file by file, slower than that, is only told by a
hash: `expect_hash`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from blockfreeze.releases.artifact import Artifact, is_artifact
from blockfreeze.releases.keys import configured
from blockfreeze.releases.pointer import pointed
from blockfreeze.releases.refusal import ReleaseRefusedError
from blockfreeze.versions.snapshot import Snapshot, SourceGiven

_REST: Final = 0.1
"""How long no file of a release may have been written when it is read for the second time, in seconds."""


@dataclass(frozen=True)
class Version:
    """The version that a swap is to bring: from where, how it is called, and what is asked of it.

    Args:
        source: as for `swap`.
        release: a release, or a pointer to one, instead of that.
        label: what status, events and logs call it; that of a release is the name of its directory if it is empty.
        expect_hash: the only hash that its sources may have, as hexadecimal digits.
        within: directories in one of which a release and each file of it must lie; anywhere if there is none.
    """

    source: SourceGiven | None = None
    release: str | os.PathLike[str] | None = None
    label: str = ""
    expect_hash: str | None = None
    within: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What was read: the snapshot, the release that it came from (empty if it is none), and its label."""

    snapshot: Snapshot
    release: str
    label: str


def read(before: Snapshot, version: Version, number: int) -> Reading:
    """Read a version, which is to follow the one that `before` is a snapshot of.

    Args:
        number: that of the generation that is to be built.

    Raises:
        ReleaseRefusedError: it is not as `version` asks, or it changes while it is read.
        OSError, ValueError, SyntaxError, ImportError: it cannot be read.
    """
    if version.release is not None:
        place = pointed(version.release)
        _refuse_outside(place, version.within)
        trust, artifact = configured(), None
        if is_artifact(place):
            artifact = Artifact(place, trust)
            artifact.check_python()
        else:
            trust.check_unsigned(place)
        snapshot = read_stable(lambda: before.given(place, number), place)
        if artifact is not None:
            artifact.give(snapshot)
        for source in snapshot.modules.values() if version.within else ():
            if source.data is not None and source.path is not None and Path(source.path).exists():
                _refuse_outside(Path(source.path).resolve(), version.within)
        label = version.label or ("" if artifact is None else artifact.label) or name_of(place)
        release = str(place)
    else:
        snapshot = before.again() if version.source is None else before.given(version.source, number)
        release, label = "", version.label
    _refuse_other_hash(snapshot, version.expect_hash)
    return Reading(snapshot, release, label)


def name_of(release: Path) -> str:
    """Return the label of a release that was given none: the name of its directory, or of its file without suffix."""
    return release.stem if release.is_file() else release.name


def read_stable(take: Callable[[], Snapshot], place: Path) -> Snapshot:
    """Return what `take` reads of the release at `place`, if it reads the same once more.

    Raises:
        ReleaseRefusedError: it does not.
    """
    first = take()
    _wait_for_rest(first)
    again = take()
    changed = sorted(
        name
        for name in first.modules.keys() | again.modules.keys()
        if name not in first.modules
        or name not in again.modules
        or not first.modules[name].has_text_of(again.modules[name])
    )
    if changed:
        raise ReleaseRefusedError(
            f"the release {str(place)!r} changed while it was read ({', '.join(changed[:5])}): "
            "write a release completely before the pointer, or a swap, names it"
        )
    return again


def _wait_for_rest(snapshot: Snapshot) -> None:
    """Wait until none of the files that were read is younger than `_REST`; one from the future is no younger."""
    files = {source.path for source in snapshot.modules.values() if source.data is not None and source.path}
    written = [os.stat(file).st_mtime for file in files if Path(file).exists()]  # noqa: PTH116 - one call for each file
    age = time.time() - max(written, default=0.0)
    if 0.0 <= age < _REST:
        time.sleep(_REST - age)


def _refuse_outside(place: Path, within: tuple[Path, ...]) -> None:
    if within and not any(place.is_relative_to(root) for root in within):
        raise ReleaseRefusedError(
            f"{str(place)!r} lies outside of the directories of releases ({', '.join(map(str, within))}): "
            "put the release there, without symbolic links that lead out"
        )


def _refuse_other_hash(snapshot: Snapshot, expected: str | None) -> None:
    if expected is not None and (found := snapshot.version_hash()) != expected.lower():
        raise ReleaseRefusedError(f"the hash of the sources is {found}, not {expected}: it is another version")
