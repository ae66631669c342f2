"""How `blockfreeze run` starts a program: through the environment, which every process that it starts inherits.

Python processes with ``-I``, ``-E`` or ``-S``, and those of a Python without blockfreeze, are started as ever.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from blockfreeze.api.ways_in import install
from blockfreeze.control.serving import serve_control

VARIABLE: Final = "BLOCKFREEZE_RUN"

_START: Final = Path(__file__).parent / "start"


@dataclass(frozen=True)
class Startup:
    """What the processes of a program are to do when they import a block.

    Args:
        blocks: names of modules, each with its release pointer, or an empty text if imports find it.
        directory: where the control sockets are; the default if empty.
        releases: directories in which releases may be; see `serve_control`.
        begin: the module whose `begin` does it.
    """

    blocks: Mapping[str, str]
    directory: str = ""
    releases: tuple[str, ...] = ()
    begin: str = "blockfreeze.control.startup"

    def environment(self, before: Mapping[str, str]) -> dict[str, str]:
        """Return the environment in which the program is to run, given the one that it would have had."""
        paths = [str(_START), *(one for one in before.get("PYTHONPATH", "").split(os.pathsep) if one)]
        text = json.dumps(asdict(self), separators=(",", ":"))
        return {**before, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), VARIABLE: text}


def begin(settings: str) -> None:
    """Open the control socket, and let the blocks come up in their releases when they are imported.

    The socket comes first: whoever moves a pointer looks for sockets afterwards.

    Args:
        settings: a `Startup` as text.

    Raises:
        ControlError: the socket cannot be opened.
    """
    found = json.loads(settings)
    serve_control(found["directory"] or None, releases=found["releases"])
    for name, pointer in found["blocks"].items():
        install(name, release=pointer or None)
