"""Whom a process believes: the public keys of those who sign releases, and the oldest release that it takes.

Both come from the environment, which a service's operator sets: ``BLOCKFREEZE_KEYS``, a file of public Ed25519 keys in
PEM form or a directory of such files, and ``BLOCKFREEZE_OLDEST``, the smallest serial number.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from blockfreeze.releases.refusal import ReleaseRefusedError

KEYS: Final = "BLOCKFREEZE_KEYS"
OLDEST: Final = "BLOCKFREEZE_OLDEST"

_WITHOUT_LIBRARY: Final = "signatures need the extra 'sign': pip install 'blockfreeze[sign]'"


@dataclass(frozen=True)
class Trust:
    """Which releases are believed: those that one of `keys` has signed, if `signed`, with no smaller serial number."""

    signed: bool = False
    keys: tuple[Any, ...] = ()
    oldest: int = 0

    def check(self, name: str, manifest: bytes, signature: bytes | None, serial: int) -> None:
        """Refuse what is not believed.

        Raises:
            ReleaseRefusedError: it is not signed by one of the keys, or older than is allowed.
        """
        if self.signed and not (signature is not None and any(_fits(key, manifest, signature) for key in self.keys)):
            raise ReleaseRefusedError(f"the artifact {name!r} was refused: no key of {KEYS} has signed it; sign it")
        if serial < self.oldest:
            raise ReleaseRefusedError(
                f"the artifact {name!r} was refused: its serial number is {serial}, and {OLDEST} asks for {self.oldest}"
            )

    def check_unsigned(self, place: Path) -> None:
        """Refuse a release that is no artifact, where only signed ones are believed.

        Raises:
            ReleaseRefusedError: they are.
        """
        if self.signed or self.oldest:
            raise ReleaseRefusedError(f"{str(place)!r} is no artifact, and {KEYS} or {OLDEST} asks for one; compile it")


def configured(environment: Mapping[str, str] = os.environ) -> Trust:
    """Return whom this process believes.

    Raises:
        ReleaseRefusedError: what the environment says cannot be read.
    """
    place, oldest = environment.get(KEYS, ""), environment.get(OLDEST, "")
    try:
        number = int(oldest or "0")
    except ValueError:
        raise ReleaseRefusedError(f"{OLDEST} is {oldest!r}, which is no number") from None
    return Trust(bool(place), _keys_in(Path(place)) if place else (), number)


def _keys_in(place: Path) -> tuple[Any, ...]:
    try:
        files = sorted(place.iterdir()) if place.is_dir() else [place]
        return tuple(_public_key(one.read_bytes()) for one in files)
    except (OSError, ValueError, ImportError) as error:
        raise ReleaseRefusedError(f"the keys at {str(place)!r} cannot be read: {error}") from error


def _public_key(text: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise ImportError(_WITHOUT_LIBRARY) from None
    key = load_pem_public_key(text)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is no Ed25519 key")
    return key


def _fits(key: Any, manifest: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, manifest)
    except InvalidSignature:
        return False
    return True


def signer(file: Path) -> Callable[[bytes], bytes]:
    """Return what signs with the private Ed25519 key in a file, which is in PEM form.

    Raises:
        OSError, ValueError, ImportError: there is no such key, or the library is not there.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise ImportError(_WITHOUT_LIBRARY) from None
    key = load_pem_private_key(file.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("it is no Ed25519 key")
    return key.sign
