"""What the pointer names, found on this machine: a release in a shared directory, or a signed artifact from the store.

The machine's own pointer is beside: a link that leads to what was pointed at when it was last read. Whatever starts,
is forked or is spawned here comes up by it, also while the engine is away.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Final

from blockfreeze.core.errors import ControlError
from blockfreeze.fleet.store import LARGEST, Message, Store, StoreError
from blockfreeze.releases.artifact import Artifact, is_artifact
from blockfreeze.releases.keys import KEYS, configured
from blockfreeze.releases.pointer import point, pointed

VARIABLE: Final = "BLOCKFREEZE_FLEET_CACHE"


def reference(store: Store, place: Path, label: str) -> Message:
    """Return how the pointer names a release: by its path, or by the digest of an artifact, which the store keeps.

    Raises:
        StoreError: the artifact is too large, or the store was not reached.
    """
    if not is_artifact(place):
        return {"place": str(place), "label": label or place.name}
    content = place.read_bytes()
    if len(content) > LARGEST:
        raise StoreError(f"{place}: the artifact has {len(content)} bytes, and a store takes {LARGEST}")
    digest = sha256(content).hexdigest()
    store.keep(digest, content)
    return {"artifact": digest, "label": label or place.stem}


def name_of(release: Message) -> str:
    """Return what tells two releases apart."""
    return f"artifact:{release['artifact']}" if "artifact" in release else str(release["place"])


class Fetched:
    """The releases of one block on this machine.

    Args:
        directory: is made if there is none; the processes of the machine share it.
    """

    def __init__(self, store: Store, url: str, block: str, directory: Path | None = None) -> None:
        cache = os.environ.get(VARIABLE) or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        base = Path(cache).expanduser() / "blockfreeze" / "fleet" / sha256(url.encode()).hexdigest()[:16]
        self._store = store
        self._place = (base if directory is None else directory) / block
        self.artifacts = self._place / "artifacts"
        self.pointer = self._place / "current"
        self.artifacts.mkdir(parents=True, exist_ok=True, mode=0o700)

    def place_of(self, release: Message) -> Path:
        """Return where a release is here; an artifact is taken from the store if it is not here yet.

        Raises:
            ControlError: there is no such release, the store does not keep it, or nobody who is trusted has signed it.
            OSError, ValueError: it cannot be read or written.
        """
        if "artifact" not in release:
            try:
                return pointed(release["place"])
            except (OSError, ValueError) as error:
                raise ControlError(f"{release['place']}: there is no such release on this machine: {error}") from error
        digest = str(release["artifact"])
        place = self.artifacts / digest
        if not place.exists():
            trust = configured()
            if not trust.signed:
                raise ControlError(f"an artifact from the store is taken only if it is signed; set {KEYS}")
            content = self._store.kept(digest)
            if content is None or sha256(content).hexdigest() != digest:
                raise ControlError(f"the store does not keep the artifact {digest}, or something else in its place")
            fresh = place.with_name(f".{digest}.{os.urandom(4).hex()}")
            fresh.write_bytes(content)
            try:
                Artifact(fresh, trust)
                fresh.replace(place)
            except BaseException:
                fresh.unlink(missing_ok=True)
                raise
        return place.resolve(strict=True)

    def lead_to(self, release: Message) -> Path:
        """Let the machine's pointer lead to a release, and return where that is.

        Raises:
            ControlError, OSError, ValueError: as for `place_of`.
        """
        place = self.place_of(release)
        if not self.pointer.exists() or pointed(self.pointer) != place:
            point(self.pointer, place)
        return place
