"""A store in a directory that the processes share: the default, for one machine or a shared file system.

Everything is replaced by renaming. Changes hold a lock of the file system, which the kernel takes back from who dies.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from blockfreeze.fleet.store import LOGGED, Message, Pointer, StoreError, wait_by_reading

_PATIENCE: Final = 5.0
"""For how long a lock is waited for, in seconds."""


class FileStore:
    """The store of ``file:///directory``, which is made if there is none."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise ValueError("write file:///directory")
        self._place = Path(unquote(parts.path))

    def read(self, block: str) -> Pointer | None:
        """Return the pointer of a block; None if there is none."""
        found = self._read(self._of(block) / "pointer")
        return None if found is None else Pointer(found["revision"], found["value"])

    def change(self, block: str, revision: int, value: Message) -> bool:
        """Replace a pointer that has this revision, 0 if there is none, by the next one; tell whether it had."""
        with self._locked(block) as place:
            before = self.read(block)
            if (0 if before is None else before.revision) != revision:
                return False
            _write(place / "pointer", {"revision": revision + 1, "value": value})
            return True

    def restore(self, block: str, pointer: Pointer) -> None:
        """Put a pointer back that the engine has lost: if it has an older one, or none."""
        with self._locked(block) as place:
            before = self.read(block)
            if before is None or before.revision < pointer.revision:
                _write(place / "pointer", pointer._asdict())

    def wait(self, block: str, revision: int, seconds: float) -> None:
        """Return once the pointer has another revision, or may have; after so many seconds at most."""
        wait_by_reading(lambda: self.read(block), revision, seconds)

    def announce(self, block: str, name: str, record: Message, seconds: float) -> None:
        """Have a record under a name, which is forgotten after so many seconds."""
        with _errors():
            place = self._of(block) / "announced"
            place.mkdir(parents=True, exist_ok=True)
            _write(place / quote(name, safe=""), {"name": name, "until": time.time() + seconds, "record": record})

    def withdraw(self, block: str, name: str) -> None:
        """Forget a record now."""
        with _errors():
            (self._of(block) / "announced" / quote(name, safe="")).unlink(missing_ok=True)

    def announced(self, block: str) -> dict[str, Message]:
        """Return the records that are not forgotten."""
        found: dict[str, Message] = {}
        with _errors(), suppress(FileNotFoundError):
            for place in sorted((self._of(block) / "announced").iterdir()):
                one = None if place.name.startswith(".") else self._read(place)
                if one is None:
                    continue
                if one["until"] > time.time():
                    found[one["name"]] = one["record"]
                elif one["until"] < time.time() - 3600:
                    place.unlink(missing_ok=True)
        return found

    def is_announced(self, block: str, name: str) -> bool:
        """Tell whether there is a record under a name."""
        one = self._read(self._of(block) / "announced" / quote(name, safe=""))
        return one is not None and bool(one["until"] > time.time())

    def note(self, block: str, entry: Message) -> None:
        """Append an entry to the audit trail, which has `LOGGED` of them."""
        with self._locked(block) as place:
            entries = [entry, *self.noted(block, LOGGED - 1)]
            _write(place / "trail", entries)

    def noted(self, block: str, count: int) -> list[Message]:
        """Return the last entries of the audit trail, the last one first."""
        found: list[Message] = self._read(self._of(block) / "trail") or []
        return found[:count]

    def keep(self, digest: str, content: bytes) -> None:
        """Keep an artifact under its SHA-256."""
        with _errors():
            (self._place / "artifacts").mkdir(parents=True, exist_ok=True)
            _replace(self._place / "artifacts" / digest, content)

    def kept(self, digest: str) -> bytes | None:
        """Return an artifact; None if it is not kept."""
        with _errors(), suppress(FileNotFoundError):
            return (self._place / "artifacts" / digest).read_bytes()
        return None

    def close(self) -> None:
        """Let go of connections; asking again opens new ones."""

    def _of(self, block: str) -> Path:
        return self._place / block

    @staticmethod
    def _read(place: Path) -> Any:
        with _errors(), suppress(FileNotFoundError):
            return json.loads(place.read_bytes())
        return None

    @contextmanager
    def _locked(self, block: str) -> Iterator[Path]:
        with _errors():
            place = self._of(block)
            place.mkdir(parents=True, exist_ok=True)
            with (place / "lock").open("ab") as lock:
                until = time.monotonic() + _PATIENCE
                while True:
                    try:
                        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        break
                    except BlockingIOError:
                        if time.monotonic() > until:
                            raise StoreError(f"{place}: another process holds its lock") from None
                        time.sleep(0.002)
                yield place


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise StoreError(f"the store cannot be read or written: {error}") from error


def _write(place: Path, value: Any) -> None:
    _replace(place, json.dumps(value).encode())


def _replace(place: Path, content: bytes) -> None:
    """Replace a file whole, and have it on the disk."""
    fresh = place.with_name(f".{place.name}.{os.urandom(4).hex()}")
    with fresh.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(place)
