"""A client that loads a service over connections that it keeps, and looks at each answer.

Run as a process of its own, so that what swaps does not compete with it for one interpreter.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field

__all__ = ["Found", "load"]

_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
_LONGEST_LATENCY = 5.0


@dataclass
class Found:
    """What a load has found: counts, and how long each answer took, in seconds.

    `failed`: no connection, or an answer with an error. `torn`: parts of two releases. `lost`: a connection ended after
    a request and before its answer. `backwards`: an older release than before on one connection.
    """

    answers: int = 0
    failed: int = 0
    torn: int = 0
    lost: int = 0
    backwards: int = 0
    latencies: list[float] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Count what another load has found as well."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


async def load(port: int, connections: int, seconds: float) -> Found:
    """Load the service at a port of this machine."""
    found = Found()
    until = time.monotonic() + seconds
    await asyncio.gather(*(_keep_asking(port, until, found) for _ in range(connections)))
    return found


async def _keep_asking(port: int, until: float, found: Found) -> None:
    while time.monotonic() < until:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            found.failed += 1
            await asyncio.sleep(0.01)
            continue
        try:
            await _ask_on(reader, writer, until, found)
        finally:
            writer.close()


async def _ask_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, until: float, found: Found) -> None:
    """Ask until the server closes the connection, or time is up."""
    last = 0
    while time.monotonic() < until:
        began = time.perf_counter()
        try:
            writer.write(_REQUEST)
            async with asyncio.timeout(_LONGEST_LATENCY):
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
                body = await reader.readexactly(length)
        except (OSError, ValueError, asyncio.IncompleteReadError, TimeoutError):
            found.lost += 1
            return
        found.latencies.append(time.perf_counter() - began)
        numbers = body.split()
        if b" 200 " not in head.partition(b"\r\n")[0]:
            found.failed += 1
        elif len(set(numbers)) != 1:
            found.torn += 1
        else:
            found.answers += 1
            found.backwards += int(numbers[0]) < last
            last = int(numbers[0])
        if b"connection: close" in head:
            return


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(load(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))))
