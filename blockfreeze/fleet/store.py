"""What an engine has to do for a fleet: one pointer for each block, changed by compare-and-set, and who is there.

A store is small on purpose: whatever can replace a value if nobody else has, and can forget what is not renewed, can be
one. Three come along, chosen by the scheme of a URL: ``file:`` a directory that all processes share (the default),
``sqlite:`` a file for the processes of one machine, and ``redis:`` (the extra ``redis``). Another package offers its
own under the entry point group ``blockfreeze.stores``, by the name of its scheme.

The store is the truth about which release is meant, and about nothing else: a process that does not reach it serves on.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from blockfreeze.core.errors import ControlError

Message = dict[str, Any]

LARGEST: Final = 64 * 1024 * 1024
"""The largest artifact that is kept, in bytes."""

LOGGED: Final = 1000
"""How many entries of the audit trail are kept for each block."""

_OWN: Final = MappingProxyType(
    {
        "file": "blockfreeze.fleet.file_store:FileStore",
        "sqlite": "blockfreeze.fleet.sqlite_store:SqliteStore",
        "redis": "blockfreeze.fleet.redis_store:RedisStore",
        "rediss": "blockfreeze.fleet.redis_store:RedisStore",
        "unix": "blockfreeze.fleet.redis_store:RedisStore",
    }
)
_GROUP: Final = "blockfreeze.stores"

_LOOK: Final = 0.05
"""How often it is looked whether a pointer was changed where nobody tells, in seconds."""


class StoreError(ControlError):
    """The engine was not reached, or did not answer in time: what was asked for may have been done or not."""


class Pointer(NamedTuple):
    """What a block's processes are to serve, and how often that was changed; `value` is for `rollout` to read."""

    revision: int
    value: Message


class Store(Protocol):
    """The engine. Threads: any. Every method may raise `StoreError`, and does so within seconds."""

    def read(self, block: str) -> Pointer | None:
        """Return the pointer of a block; None if there is none."""

    def change(self, block: str, revision: int, value: Message) -> bool:
        """Replace a pointer that has this revision, 0 if there is none, by the next one; tell whether it had."""

    def restore(self, block: str, pointer: Pointer) -> None:
        """Put a pointer back that the engine has lost: if it has an older one, or none."""

    def wait(self, block: str, revision: int, seconds: float) -> None:
        """Return once the pointer has another revision, or may have; after so many seconds at most."""

    def announce(self, block: str, name: str, record: Message, seconds: float) -> None:
        """Have a record under a name, which is forgotten after so many seconds."""

    def withdraw(self, block: str, name: str) -> None:
        """Forget a record now."""

    def announced(self, block: str) -> dict[str, Message]:
        """Return the records that are not forgotten."""

    def is_announced(self, block: str, name: str) -> bool:
        """Tell whether there is a record under a name."""

    def note(self, block: str, entry: Message) -> None:
        """Append an entry to the audit trail, which has `LOGGED` of them."""

    def noted(self, block: str, count: int) -> list[Message]:
        """Return the last entries of the audit trail, the last one first."""

    def keep(self, digest: str, content: bytes) -> None:
        """Keep an artifact under its SHA-256."""

    def kept(self, digest: str) -> bytes | None:
        """Return an artifact; None if it is not kept."""

    def close(self) -> None:
        """Let go of connections; asking again opens new ones."""


def open_store(url: str) -> Store:
    """Return the store that a URL names; it need not be reached for that.

    Raises:
        ControlError: no store has that scheme, or it needs a library that is not installed.
    """
    from importlib import metadata  # takes long to import

    scheme = url.partition(":")[0]
    made: Callable[[str], Store]
    place = _OWN.get(scheme)
    try:
        if place is not None:
            module, _, name = place.partition(":")
            made = getattr(importlib.import_module(module), name)
        else:
            made = next(iter(metadata.entry_points(group=_GROUP, name=scheme))).load()
        return made(url)
    except StopIteration:
        known = ", ".join(sorted(_OWN))
        raise ControlError(
            f"{url}: there is no store for {scheme!r}; there are {known}, and those of {_GROUP}"
        ) from None
    except (ImportError, ValueError) as error:
        raise ControlError(f"{url}: the store cannot be opened: {error}") from error


def wait_by_reading(read: Callable[[], Pointer | None], revision: int, seconds: float) -> None:
    """Wait for a change where the engine tells of none, by reading again and again; see `Store.wait`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = read()
        if found is not None and found.revision != revision:
            return
        time.sleep(min(_LOOK, seconds))
