"""What a fleet tells of itself: for the command line, and for the status page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from blockfreeze.core.errors import ControlError
from blockfreeze.fleet.names import processes_among
from blockfreeze.fleet.store import Message, Store

_TRAIL: Final = 10
"""How many entries of the audit trail are told."""


def fleet_status(store: Store, block: str) -> Message:
    """Return where the pointer of a block leads, what each process says of itself, and what was done last.

    ``astray`` names the processes that have not followed: they have refused what is pointed at, or do not reach it.

    Raises:
        ControlError: the fleet has no pointer for the block.
        StoreError: the engine is not reached.
    """
    pointer = store.read(block)
    if pointer is None:
        raise ControlError(f"{block}: the fleet has no pointer for it yet; start its processes, or swap")
    found = processes_among(store.announced(block))
    return {
        "block": block,
        "revision": pointer.revision,
        "release": pointer.value["release"],
        "previous": pointer.value["previous"],
        "rollout": pointer.value["rollout"],
        "processes": found,
        "astray": sorted(name for name, one in found.items() if not _follows(one)),
        "trail": store.noted(block, _TRAIL),
    }


def _follows(said: Mapping[str, Any]) -> bool:
    return said["state"] in ("serving", "ready", "preparing") and not said.get("message")


def fleet_document(store: Store, block: str) -> Message:
    """Return the processes of a fleet as a document for the status page; see `blockfreeze.asgi_status`.

    Raises:
        StoreError: the engine is not reached.
    """
    said = processes_among(store.announced(block))
    pointer = store.read(block)
    leads = "" if pointer is None else str(pointer.value["release"].get("label", ""))
    processes = [
        {
            "host": one["host"],
            "process": {"pid": one["pid"]},
            "blocks": [
                {
                    "block": block,
                    "pointer": f"the fleet's, to {leads}",
                    "state": one["state"],
                    "release": one.get("release", ""),
                    "label": one.get("label", ""),
                }
            ],
        }
        for one in said.values()
    ]
    return {"processes": processes, "silent": []}
