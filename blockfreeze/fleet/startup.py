"""How `blockfreeze run --fleet` starts a program."""

from __future__ import annotations

import json
from dataclasses import dataclass

from blockfreeze.control.serving import serve_control
from blockfreeze.control.startup import Startup
from blockfreeze.fleet.following import follow_fleet


@dataclass(frozen=True)
class FleetStartup(Startup):
    """What the processes of a program are to do that follows a fleet.

    Args:
        fleet: the URL of the engine.
        fence: seconds after which requests are refused without it.
        host: the name of this machine; that of the system if empty.
    """

    begin: str = "blockfreeze.fleet.startup"
    fleet: str = ""
    fence: float | None = None
    host: str = ""


def begin(settings: str) -> None:
    """Open the control socket, and let the blocks come up where the fleet's pointer leads, and follow it.

    Args:
        settings: a `FleetStartup` as text.

    Raises:
        ControlError: see `follow_fleet`.
    """
    found = json.loads(settings)
    serve_control(found["directory"] or None, releases=found["releases"])
    for name, first in found["blocks"].items():
        follow_fleet(
            name,
            found["fleet"],
            release=first or None,
            releases=found["releases"],
            fence=found["fence"],
            host=found["host"] or None,
        )
