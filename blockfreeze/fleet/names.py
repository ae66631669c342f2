"""By which names processes and controllers are known, and how a process finds that it is chosen."""

from __future__ import annotations

import time
from typing import Any, Final

POLL: Final = 5.0
"""After how many seconds the pointer is read though nothing has told of a change."""

EXPIRY: Final = 15.0
"""For how many seconds what a process says of itself holds; it says so three times as often."""

CONTROLLER: Final = "controller:"
"""What the names of controllers begin with, among the records of a block."""

ENDS: Final = 2**48
"""What `draw` stays below."""


def processes_among(records: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what processes have announced, and not controllers."""
    return {name: said for name, said in records.items() if not name.startswith(CONTROLLER)}


def is_chosen(rollout: dict[str, Any], name: str, host: str) -> bool:
    """Tell whether a process is to commit in this stage of a roll-out."""
    return host in rollout["hosts"] or draw(rollout["id"], name) < rollout["below"]


def draw(rollout: str, name: str) -> int:
    """Return the number by which a process is chosen for a share of the fleet: another one for each roll-out."""
    from hashlib import sha256  # takes long to import

    return int.from_bytes(sha256(f"{rollout} {name}".encode()).digest()[:6], "big")


def now() -> str:
    """Return this moment as the audit trail writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
