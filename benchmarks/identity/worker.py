"""One update by one tool, in a process of its own: its findings are what holds after it."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.frame.task import carry_out
from benchmarks.identity.program import CLIENT, Change, text
from benchmarks.identity.relations import RELATIONS, Relation
from benchmarks.identity.tools import TOOLS

__all__ = ["holds"]

_LATER = 10.0


def holds(tool: str, change: Change) -> dict[str, str]:
    """Return for each relation whether it holds after the update: ``yes``, or why not."""
    with TemporaryDirectory() as directory:
        place = Path(directory, "accounts.py")
        place.write_text(text(1), encoding="utf-8")
        Path(directory, "client.py").write_text(CLIENT, encoding="utf-8")
        sys.path.insert(0, directory)
        write_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            used = TOOLS[tool]()
            accounts = used.load("accounts")
            client = importlib.import_module("client")
            before = place.stat().st_mtime
            place.write_text(text(2, change), encoding="utf-8")
            # Whoever goes by the time of the file sees a later one, however coarse the clock is.
            os.utime(place, (before + _LATER, before + _LATER))
            importlib.invalidate_caches()
            used.replace()
            used.finish()
            return {name: _asked(relation, accounts, client) for name, relation in RELATIONS.items()}
        finally:
            sys.dont_write_bytecode = write_bytecode
            sys.path.remove(directory)
            for name in ("accounts", "client"):
                sys.modules.pop(name, None)


def _asked(relation: Relation, accounts: object, client: object) -> str:
    try:
        return "yes" if relation(accounts, client) else "no"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _holds(tool: str, change: str) -> dict[str, str]:
    return holds(tool, Change(change))


if __name__ == "__main__":
    carry_out(_holds)
