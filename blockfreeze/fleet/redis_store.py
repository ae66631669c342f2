"""A store in Redis or Valkey, by the client `redis`: the one for many machines.

A pointer is a hash, replaced by a script if it has the revision that is expected, which also adds to a stream that the
processes wait for. Who waits asks again after some seconds: a message that was lost costs these, and nothing else. All
keys of a block have one hash tag, so that a cluster has them on one node.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from blockfreeze.fleet.store import LOGGED, Message, Pointer, StoreError

_CHANGE: Final = """
if tonumber(redis.call('HGET', KEYS[1], 'revision') or '0') ~= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[1] + 1, 'value', ARGV[2])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', 100, '*', 'revision', ARGV[1] + 1)
return 1
"""
_RESTORE: Final = """
if tonumber(redis.call('HGET', KEYS[1], 'revision') or '0') >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'value', ARGV[2])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', 100, '*', 'revision', ARGV[1])
return 1
"""
_ANNOUNCED: Final = """
local time = redis.call('TIME')
repeat  -- a thousand at a time: Lua's stack is small
    local ended = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', time[1] + time[2] / 1000000, 'LIMIT', 0, 1000)
    if #ended > 0 then redis.call('ZREM', KEYS[1], unpack(ended)); redis.call('HDEL', KEYS[2], unpack(ended)) end
until #ended == 0
return redis.call('HGETALL', KEYS[2])
"""
ANNOUNCE: Final = """
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] + time[2] / 1000000 + ARGV[3], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
"""
_IS_ANNOUNCED: Final = """
local until_, time = redis.call('ZSCORE', KEYS[1], ARGV[1]), redis.call('TIME')
return (until_ and tonumber(until_) > time[1] + time[2] / 1000000) and 1 or 0
"""

_PATIENCE: Final = 3.0
"""Seconds for an answer."""

_AT_ONCE: Final = 5.0
"""Seconds for which one question waits for a change: a connection that was cut off silently is noticed after them."""


class RedisStore:
    """The store of ``redis://host:port/database``, ``rediss:`` with TLS, or ``unix:///socket``."""

    def __init__(self, url: str) -> None:
        try:
            import redis
        except ImportError:
            raise ImportError("it needs the extra 'redis': pip install 'blockfreeze[redis]'") from None
        self._errors = redis.RedisError
        settings: dict[str, Any] = {"socket_connect_timeout": _PATIENCE, "decode_responses": False}
        self._client = redis.Redis.from_url(url, socket_timeout=_PATIENCE, **settings)
        self._waiting = redis.Redis.from_url(url, socket_timeout=_AT_ONCE + _PATIENCE, **settings)
        self._seen: dict[str, bytes] = {}

    def read(self, block: str) -> Pointer | None:
        """Return the pointer of a block; None if there is none."""
        with self._answered(), self._client.pipeline(transaction=True) as asked:
            asked.xrevrange(key_of(block, "changes"), count=1)
            asked.hmget(key_of(block, "pointer"), "revision", "value")
            last, (revision, value) = asked.execute()
        self._seen[block] = last[0][0] if last else b"0"
        return None if revision is None else Pointer(int(revision), json.loads(value))

    def change(self, block: str, revision: int, value: Message) -> bool:
        """Replace a pointer that has this revision, 0 if there is none, by the next one; tell whether it had."""
        keys = (key_of(block, "pointer"), key_of(block, "changes"))
        with self._answered():
            return bool(self._client.eval(_CHANGE, 2, *keys, revision, json.dumps(value)))

    def restore(self, block: str, pointer: Pointer) -> None:
        """Put a pointer back that the engine has lost: if it has an older one, or none."""
        keys = (key_of(block, "pointer"), key_of(block, "changes"))
        with self._answered():
            self._client.eval(_RESTORE, 2, *keys, pointer.revision, json.dumps(pointer.value))

    def wait(self, block: str, revision: int, seconds: float) -> None:
        """Return once the pointer has another revision, or may have; after so many seconds at most."""
        milliseconds = max(1, int(1000 * min(seconds, _AT_ONCE)))
        with self._answered():
            self._waiting.xread({key_of(block, "changes"): self._seen.get(block, b"$")}, count=1, block=milliseconds)

    def announce(self, block: str, name: str, record: Message, seconds: float) -> None:
        """Have a record under a name, which is forgotten after so many seconds."""
        with self._answered():
            self._client.eval(ANNOUNCE, 2, *records_of(block), name, json.dumps(record), seconds)

    def withdraw(self, block: str, name: str) -> None:
        """Forget a record now."""
        until, records = records_of(block)
        with self._answered(), self._client.pipeline(transaction=True) as asked:
            asked.zrem(until, name)
            asked.hdel(records, name)
            asked.execute()

    def announced(self, block: str) -> dict[str, Message]:
        """Return the records that are not forgotten."""
        with self._answered():
            found: Any = self._client.eval(_ANNOUNCED, 2, *records_of(block))
        return {name.decode(): json.loads(record) for name, record in sorted(zip(found[::2], found[1::2], strict=True))}

    def is_announced(self, block: str, name: str) -> bool:
        """Tell whether there is a record under a name."""
        with self._answered():
            return bool(self._client.eval(_IS_ANNOUNCED, 1, records_of(block)[0], name))

    def note(self, block: str, entry: Message) -> None:
        """Append an entry to the audit trail, which has `LOGGED` of them."""
        with self._answered(), self._client.pipeline(transaction=True) as asked:
            asked.lpush(key_of(block, "trail"), json.dumps(entry))
            asked.ltrim(key_of(block, "trail"), 0, LOGGED - 1)
            asked.execute()

    def noted(self, block: str, count: int) -> list[Message]:
        """Return the last entries of the audit trail, the last one first."""
        with self._answered():
            found: Any = self._client.lrange(key_of(block, "trail"), 0, count - 1)
        return [json.loads(one) for one in found]

    def keep(self, digest: str, content: bytes) -> None:
        """Keep an artifact under its SHA-256."""
        with self._answered():
            self._waiting.set(f"blockfreeze:artifact:{digest}", content)

    def kept(self, digest: str) -> bytes | None:
        """Return an artifact; None if it is not kept."""
        with self._answered():
            found: Any = self._waiting.get(f"blockfreeze:artifact:{digest}")
        return None if found is None else bytes(found)

    def close(self) -> None:
        """Let go of connections; asking again opens new ones."""
        self._client.close()
        self._waiting.close()

    @contextmanager
    def _answered(self) -> Iterator[None]:
        try:
            yield
        except (self._errors, OSError, ValueError) as error:  # a connection that is closed meanwhile is a ValueError
            raise StoreError(f"the store does not answer: {error}") from error


def key_of(block: str, what: str) -> str:
    """Return the key of something that the engine has of a block."""
    return f"blockfreeze:{{{block}}}:{what}"


def records_of(block: str) -> tuple[str, str]:
    """Return the keys of what is announced: until when each record holds, and the records."""
    return key_of(block, "until"), key_of(block, "announced")
