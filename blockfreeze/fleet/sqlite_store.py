"""A store in one SQLite file, for the processes of one machine: what a third engine takes."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from blockfreeze.fleet.store import LOGGED, Message, Pointer, StoreError, wait_by_reading

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS pointer (block TEXT PRIMARY KEY, revision INTEGER, value TEXT);
CREATE TABLE IF NOT EXISTS announced (block TEXT, name TEXT, record TEXT, until REAL, PRIMARY KEY (block, name));
CREATE TABLE IF NOT EXISTS trail (number INTEGER PRIMARY KEY AUTOINCREMENT, block TEXT, entry TEXT);
CREATE TABLE IF NOT EXISTS artifact (digest TEXT PRIMARY KEY, content BLOB);
"""


class SqliteStore:
    """The store of ``sqlite:///file``, which is made if there is none."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.netloc or not parts.path.startswith("/"):
            raise ValueError("write sqlite:///file")
        self._place = unquote(parts.path)

    def read(self, block: str) -> Pointer | None:
        """Return the pointer of a block; None if there is none."""
        found = self._one("SELECT revision, value FROM pointer WHERE block = ?", block)
        return None if found is None else Pointer(found[0], json.loads(found[1]))

    def change(self, block: str, revision: int, value: Message) -> bool:
        """Replace a pointer that has this revision, 0 if there is none, by the next one; tell whether it had."""
        new = (revision + 1, json.dumps(value), block)
        if revision == 0:
            return self._do("INSERT OR IGNORE INTO pointer (revision, value, block) VALUES (?, ?, ?)", *new) == 1
        return (
            self._do("UPDATE pointer SET revision = ?, value = ? WHERE block = ? AND revision = ?", *new, revision) == 1
        )

    def restore(self, block: str, pointer: Pointer) -> None:
        """Put a pointer back that the engine has lost: if it has an older one, or none."""
        self._do(
            "INSERT INTO pointer (block, revision, value) VALUES (?, ?, ?) ON CONFLICT (block) DO UPDATE "
            "SET revision = excluded.revision, value = excluded.value WHERE excluded.revision > pointer.revision",
            *(block, pointer.revision, json.dumps(pointer.value)),
        )

    def wait(self, block: str, revision: int, seconds: float) -> None:
        """Return once the pointer has another revision, or may have; after so many seconds at most."""
        wait_by_reading(lambda: self.read(block), revision, seconds)

    def announce(self, block: str, name: str, record: Message, seconds: float) -> None:
        """Have a record under a name, which is forgotten after so many seconds."""
        new = (block, name, json.dumps(record), time.time() + seconds)
        self._do("INSERT OR REPLACE INTO announced (block, name, record, until) VALUES (?, ?, ?, ?)", *new)

    def withdraw(self, block: str, name: str) -> None:
        """Forget a record now."""
        self._do("DELETE FROM announced WHERE block = ? AND name = ?", block, name)

    def announced(self, block: str) -> dict[str, Message]:
        """Return the records that are not forgotten."""
        asked = "SELECT name, record FROM announced WHERE block = ? AND until > ? ORDER BY name"
        with self._connected() as connection:
            return {name: json.loads(one) for name, one in connection.execute(asked, (block, time.time()))}

    def is_announced(self, block: str, name: str) -> bool:
        """Tell whether there is a record under a name."""
        asked = "SELECT 1 FROM announced WHERE block = ? AND name = ? AND until > ?"
        return self._one(asked, block, name, time.time()) is not None

    def note(self, block: str, entry: Message) -> None:
        """Append an entry to the audit trail, which has `LOGGED` of them."""
        self._do("INSERT INTO trail (block, entry) VALUES (?, ?)", block, json.dumps(entry))
        last = "SELECT number FROM trail WHERE block = ? ORDER BY number DESC LIMIT -1 OFFSET ?"
        self._do(f"DELETE FROM trail WHERE number IN ({last})", block, LOGGED)

    def noted(self, block: str, count: int) -> list[Message]:
        """Return the last entries of the audit trail, the last one first."""
        asked = "SELECT entry FROM trail WHERE block = ? ORDER BY number DESC LIMIT ?"
        with self._connected() as connection:
            return [json.loads(one) for (one,) in connection.execute(asked, (block, count))]

    def keep(self, digest: str, content: bytes) -> None:
        """Keep an artifact under its SHA-256."""
        self._do("INSERT OR IGNORE INTO artifact (digest, content) VALUES (?, ?)", digest, content)

    def kept(self, digest: str) -> bytes | None:
        """Return an artifact; None if it is not kept."""
        found = self._one("SELECT content FROM artifact WHERE digest = ?", digest)
        return None if found is None else bytes(found[0])

    def close(self) -> None:
        """Let go of connections; asking again opens new ones."""

    def _one(self, asked: str, *values: Any) -> Any:
        with self._connected() as connection:
            return connection.execute(asked, values).fetchone()

    def _do(self, asked: str, *values: Any) -> int:
        with self._connected() as connection:
            return connection.execute(asked, values).rowcount

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one question: connections are of one thread and one process, and this store is of any."""
        try:
            with closing(sqlite3.connect(self._place, timeout=5.0)) as connection, connection:
                connection.executescript(_TABLES)
                yield connection
        except sqlite3.Error as error:
            raise StoreError(f"{self._place}: the store cannot be read or written: {error}") from error
