"""What the tests of fleets share: an engine that is away or interrupted on command, and the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from blockfreeze.fleet.store import Store, StoreError

LIMIT = 60.0


def until(condition: Callable[[], Any]) -> Any:
    """Return what `condition` returns, as soon as that is true."""
    end = time.monotonic() + LIMIT
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return found


class Guided:
    """A store that fails while it is `away`, and calls what is to happen before or after one of its methods."""

    def __init__(self, store: Store) -> None:
        self.away = False
        self.before: dict[str, Callable[[], object]] = {}
        self.after: dict[str, Callable[[], object]] = {}
        self.asked: list[str] = []
        self._store = store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*args: Any) -> Any:
            self.asked.append(name)
            if self.away:
                raise StoreError("the engine is away")
            self.before.pop(name, lambda: None)()
            answer = method(*args)
            self.after.pop(name, lambda: None)()
            return answer

        return call


def command(*arguments: str, status: int | None = 0) -> Any:
    """Run a command of the command line, which ends with a status or any, and return what it prints as JSON."""
    made = subprocess.run(
        [sys.executable, "-m", "blockfreeze", *arguments, "--json"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        text=True,
        capture_output=True,
        timeout=2 * LIMIT,
    )
    assert status in (None, made.returncode), made.stdout + made.stderr
    return json.loads(made.stdout)
