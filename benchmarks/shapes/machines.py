"""Machines of a fleet: a program under `blockfreeze run --fleet` that calls its block all the time, and tells of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

_LIMIT = 60.0

RELEASE = """
def frob(a): return (a,) * {number}
def bar(them): return len(them), {number}
def answer():
    first, second = bar(frob(1))
    return first, second, {number}
def check(candidate): assert answer() == ({number},) * 3
def refuse(candidate): raise AssertionError("this release is refused")
def well(): return True
def ill(): raise AssertionError("it is ill")
"""

PROGRAM = """
import json, sys, threading, time
import shop

told = {"calls": 0, "torn": 0, "failed": 0, "changes": []}
def call():
    last = None
    while True:
        try:
            found = set(shop.answer())
        except Exception:
            told["failed"] += 1
            continue
        told["calls"] += 1
        if len(found) != 1:
            told["torn"] += 1
        elif found != last:
            told["changes"].append((time.monotonic(), *found))
            last = found
        time.sleep(PAUSE)

if PAUSE is not None:
    threading.Thread(target=call, daemon=True).start()
for line in sys.stdin:
    print(json.dumps(told | {"answer": shop.answer()}), flush=True)
"""


def write_releases(place: Path, numbers: range = range(1, 4)) -> None:
    """Write releases ``r1``, ``r2`` and so on of the module `shop`."""
    for number in numbers:
        (place / f"r{number}").mkdir(parents=True)
        (place / f"r{number}" / "shop.py").write_text(RELEASE.format(number=number), encoding="utf-8")


class Machine:
    """One process of a fleet.

    Args:
        place: where the releases are; the first one is ``r1``.
        url: the engine.
        host: the machine's name; processes of one share what they have fetched.
        pause: seconds between two calls of the block; none are made if it is None.
    """

    def __init__(
        self,
        place: Path,
        url: str,
        host: str,
        *options: str,
        pause: float | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.host = host
        program = place / "program.py"
        program.write_text(f"PAUSE = {pause}\n{PROGRAM}", encoding="utf-8")
        self._sockets = tempfile.TemporaryDirectory(prefix="bf-")
        run = ["run", "--block", "shop", "--fleet", url, "--release", str(place / "r1"), "--host", host, *options]
        self._log = (place / f"log-{host}-{os.urandom(3).hex()}").open("w+b")
        self.program = subprocess.Popen(
            [sys.executable, "-m", "blockfreeze", *run, str(program)],
            cwd=place,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "BLOCKFREEZE_DIRECTORY": self._sockets.name,
                "BLOCKFREEZE_FLEET_CACHE": str(place / f"cache-{host}"),
                **(environment or {}),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def __enter__(self) -> Machine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.program.stdin is not None:
            with suppress(BrokenPipeError):
                self.program.stdin.close()
        if self.program.poll() is None:
            self.program.send_signal(signal.SIGCONT)
            try:
                self.program.wait(_LIMIT)
            except subprocess.TimeoutExpired:
                self.program.kill()
                self.program.wait()
        if self.program.stdout is not None:
            self.program.stdout.close()
        self._log.seek(0)
        if error is not None:
            print(self.host, self._log.read().decode(errors="replace"))
        self._log.close()
        self._sockets.cleanup()

    def told(self) -> dict[str, Any]:
        """Return what the program tells: what it is answered now, and what its calls have come to.

        Raises:
            RuntimeError: it has ended.
        """
        if self.program.stdin is None or self.program.stdout is None:
            raise RuntimeError("it has no input")
        self.program.stdin.write("\n")
        self.program.stdin.flush()
        line = self.program.stdout.readline()
        if not line:
            raise RuntimeError(f"the program of {self.host} has ended")
        found: dict[str, Any] = json.loads(line)
        return found

    def answer(self) -> int:
        """Return which release answers now; 0 if the answer is torn."""
        found = set(self.told()["answer"])
        return int(found.pop()) if len(found) == 1 else 0
