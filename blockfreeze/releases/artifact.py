"""Artifacts: a release in one file, with linked code for one or several CPythons, which is verified before it is used.

The file is a zip file whose first member is a manifest: the hash of every other member, and what the release is.
Nothing in it is compressed, and nothing depends on when or where it was made: the same release gives the same bytes. A
second member may be an Ed25519 signature of the manifest.

What is unmarshalled and run is compared with the manifest after it was read. So it does not matter whether the file
changes meanwhile, nor whether two readers of zip files understand it in different ways.
"""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from blockfreeze.releases.keys import Trust
from blockfreeze.releases.refusal import ReleaseRefusedError
from blockfreeze.versions.snapshot import Snapshot
from blockfreeze.versions.source_text import sha256

MANIFEST: Final = "blockfreeze.json"
SIGNATURE: Final = "blockfreeze.sig"

_FORMAT: Final = 1
_LARGEST: Final = 512 * 1024 * 1024
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, ValueError, KeyError, TypeError, EOFError, OSError)
_DAMAGE_BESIDES = (NotImplementedError, RuntimeError, OverflowError, RecursionError, AttributeError, IndexError)


def this_python() -> str:
    """Return what the manifest calls this CPython."""
    return str(sys.implementation.cache_tag)


def is_artifact(place: Path) -> bool:
    """Tell whether a file says that it is an artifact: its first member is a manifest."""
    try:
        with place.open("rb") as file:
            start = file.read(30 + len(MANIFEST))
    except OSError:
        return False
    return start[:4] == b"PK\3\4" and start[30:] == MANIFEST.encode()


class Artifact:
    """A verified artifact: what the manifest says, and the members, which are as it says.

    Raises:
        ReleaseRefusedError: the file is damaged, or not as its manifest says; for another CPython; not signed by a key
            that is trusted, where there are such keys; or older than is allowed.
    """

    def __init__(self, place: Path, trust: Trust) -> None:
        self.place = place
        try:
            self._members = _members_of(place)
            manifest = self._members.pop(MANIFEST)
            said: Any = json.loads(manifest)
            self.files: dict[str, str] = {str(name): str(digest) for name, digest in said["files"].items()}
            self.linked: dict[str, dict[str, dict[str, str]]] = said["linked"]
            self.block: list[str] = [str(one) for one in said["block"]]
            self.label, self.serial, self.changes = str(said["label"]), int(said["serial"]), said.get("changes")
            known = said["format"] == _FORMAT
        except (*_DAMAGE, *_DAMAGE_BESIDES) as error:
            raise self._refusal(f"it is damaged: {type(error).__name__}: {error}") from None
        if not known:
            raise self._refusal(f"its format is {said['format']!r}, and this blockfreeze knows {_FORMAT}")
        trust.check(str(place), manifest, self._members.pop(SIGNATURE, None), self.serial)
        self._check_members()

    def _check_members(self) -> None:
        if self._members.keys() != self.files.keys():
            odd = sorted(self._members.keys() ^ self.files.keys())[:5]
            raise self._refusal(f"its members are not those of the manifest ({', '.join(odd)})")
        for name, content in self._members.items():
            if sha256(content).hexdigest() != self.files[name]:
                raise self._refusal(f"its member {name!r} is not what the manifest says")

    def check_python(self) -> None:
        """Refuse it where it has no linked code for this CPython.

        Raises:
            ReleaseRefusedError: it has none.
        """
        if this_python() not in self.linked:
            has = ", ".join(sorted(self.linked)) or "none"
            raise self._refusal(f"it is for {has}, and this is {this_python()}; compile it with this Python too")

    def give(self, snapshot: Snapshot) -> None:
        """Compare a snapshot of the file with the manifest, and hand it the linked code of its modules.

        Raises:
            ReleaseRefusedError: it has another text, or a module that the manifest does not name.
        """
        linked = self.linked[this_python()]
        for name, source in snapshot.modules.items():
            inside = os.path.relpath(source.path or "", self.place).replace(os.sep, "/")
            if source.data is None or sha256(source.data).hexdigest() != self.files.get(inside):
                raise self._refusal(f"the module {name!r} was read otherwise than the manifest says")
            forms = linked.get(name, {})
            source.stored = {form: self._members[member] for form, member in forms.items() if member in self._members}

    def content(self, name: str) -> bytes:
        """Return a member."""
        return self._members[name]

    def _refusal(self, why: str) -> ReleaseRefusedError:
        return ReleaseRefusedError(f"the artifact {str(self.place)!r} was refused: {why}")


def _members_of(place: Path) -> dict[str, bytes]:
    """Return the members of a zip file, each once, none of them compressed or encrypted.

    Raises:
        ValueError: it is another one; and what `zipfile` raises for what is damaged.
    """
    with place.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST} bytes")
    found: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for one in archive.infolist():
            if one.filename in found or one.compress_type != zipfile.ZIP_STORED or one.file_size > len(data):
                raise ValueError(f"its member {one.filename!r} is there twice, or compressed")
            found[one.filename] = archive.read(one)
    return found


def written(
    block: Sequence[str],
    members: Mapping[str, bytes],
    linked: Mapping[str, Mapping[str, Mapping[str, str]]],
    *,
    label: str = "",
    serial: int = 0,
    changes: Mapping[str, Sequence[str]] | None = None,
    sign: Any = None,
) -> bytes:
    """Return an artifact.

    Args:
        block: the names of the block's modules.
        members: the sources and the linked modules, by their names in the file.
        linked: for each CPython, by module and form, the name of the member that has the linked module.
        label: what status, events and logs call the release.
        serial: a number that grows from release to release, for whoever refuses older ones.
        changes: what differs from another release.
        sign: called with the manifest; returns its signature.
    """
    said = {
        "format": _FORMAT,
        "block": list(block),
        "label": label,
        "serial": serial,
        "files": {name: sha256(content).hexdigest() for name, content in members.items()},
        "linked": linked,
        "changes": changes,
    }
    manifest = json.dumps(said, sort_keys=True, indent=1).encode()
    whole = {MANIFEST: manifest} | ({} if sign is None else {SIGNATURE: sign(manifest)}) | dict(sorted(members.items()))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in whole.items():
            one = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            one.create_system, one.external_attr = 3, 0o644 << 16
            archive.writestr(one, content)
    return target.getvalue()
