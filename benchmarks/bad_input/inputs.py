"""Bad input, made from a generator of random numbers: frames on the control socket, and damaged artifacts."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from random import Random
from typing import Any

REQUESTS = (
    *("status", "renew", "prepare", "commit", "discard"),
    *("back", "done", "rollback", "follow", "health", "drain"),
)
"""Those that are asked for often; the one that closes the socket is not."""

FIELDS = (
    *("block", "release", "label", "check", "warm_up", "timeout", "lease", "live", "expect_hash"),
    *("strict", "to", "quiesce", "health", "wait", "pointer", "seconds", "lossy"),
)


def frame(random: Random, places: Sequence[str]) -> bytes:
    """Return a frame, or what is none.

    Args:
        places: paths that a request may name, of releases that must not be read.
    """
    kind = random.randrange(16)
    if kind == 0:
        return random.randbytes(random.randrange(40))
    if kind == 1:
        return random.randrange(1 << 32).to_bytes(4, "big") + random.randbytes(random.randrange(20))
    if kind == 2:
        return framed(random.choice((b"[" * random.randrange(60000), b'{"a":' * random.randrange(9000), b"9" * 9000)))
    if kind == 3:
        return framed(json.dumps(_value(random, 3)).encode())
    content = json.dumps(request(random, places)).encode()
    if kind == 4:
        return framed(_changed(random, content))
    if kind == 5:
        return _changed(random, framed(content))
    return framed(content)


def framed(content: bytes) -> bytes:
    """Return content with its length in front of it."""
    return len(content).to_bytes(4, "big") + content


def request(random: Random, places: Sequence[str]) -> dict[str, Any]:
    """Return a request that has the right form, and fields of all kinds."""
    found = {name: _field(random, name, places) for name in random.sample(FIELDS, random.randrange(6))}
    found["block"] = random.choice(("shop", "shop", "shop", "other", "", 3))
    # To look through all that is installed takes some tenths of a second.
    what = "packages" if random.random() < 0.0001 else random.choice(REQUESTS)
    return {"do": what, "timeout": random.choice((5, 5, 5, 0, -1, "x", 1e308)), **found}


def _field(random: Random, name: str, places: Sequence[str]) -> Any:
    if name in ("release", "to", "pointer") and random.random() < 0.8:
        return random.choice(places)
    if name in ("check", "warm_up", "health") and random.random() < 0.8:
        return random.choice(
            ("os:abort", "shop:foo", "shop:foo.__globals__", "shop:", ":", "shop.os:abort", "builtins:exit")
        )
    if name in ("lease", "seconds", "wait", "quiesce") and random.random() < 0.5:
        return random.choice((0, 1, -1, 1e400, float("nan"), 10**400, True))
    return _value(random, 2)


def _value(random: Random, depth: int) -> Any:
    kind = random.randrange(9 if depth else 7)
    if kind == 7:
        return [_value(random, depth - 1) for _ in range(random.randrange(4))]
    if kind == 8:
        return {_text(random): _value(random, depth - 1) for _ in range(random.randrange(4))}
    return (None, True, random.randrange(-(2**70), 2**70), random.random(), _text(random), "", "x" * 5000)[kind]


def _text(random: Random) -> str:
    return "".join(
        chr(random.choice((0, 10, 47, 46, 65, 0xD800, 0x1F600, random.randrange(0x110000)))) for _ in range(3)
    )


def damaged(random: Random, content: bytes) -> bytes:
    """Return the bytes of an artifact with a change: of bytes, or of members in a zip file that is well-formed."""
    if random.random() < 0.6:
        return _changed(random, content)
    with zipfile.ZipFile(io.BytesIO(content)) as whole:
        members = [(one.filename, whole.read(one)) for one in whole.infolist()]
    at = random.randrange(len(members))
    name, inside = members[at]
    kind = random.randrange(6)
    if kind == 0:
        members[at] = name, _changed(random, inside)
    elif kind == 1:
        members[at] = random.choice(("../shop.py", "/shop.py", "shop.py\0", "", "x" * 3000, "shop.pyc")), inside
    elif kind == 2:
        del members[at]
    elif kind == 3:
        members.insert(random.randrange(len(members) + 1), (name, _changed(random, inside)))
    elif kind == 4:
        random.shuffle(members)
    else:
        members[0] = members[0][0], _manifest(random, members[0][1])
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as fresh:
        for member, inside in members:
            fresh.writestr(zipfile.ZipInfo(member), inside)
    return made.getvalue()


def _manifest(random: Random, content: bytes) -> bytes:
    said = json.loads(content)
    said[random.choice((*said, "more"))] = _value(random, 3)
    return json.dumps(said).encode()


def _changed(random: Random, content: bytes) -> bytes:
    made = bytearray(content)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(made) + 1)
        made[at : at + random.randrange(6)] = random.randbytes(random.randrange(6))
    return bytes(made[: random.randrange(len(made) + 1)] if random.random() < 0.1 else made)
