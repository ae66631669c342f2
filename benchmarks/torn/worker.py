"""One run in a process of its own: reads its task as JSON from the command line, prints its outcome as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from .run import Settings, run
from .shape import Layout
from .shapes import SHAPES
from .tools import TOOLS


def main() -> None:
    """Do the run that ``sys.argv[1]`` describes."""
    task = json.loads(sys.argv[1])
    outcome = run(TOOLS[task["tool"]](), SHAPES[task["shape"]], Layout(task["layout"]), Settings(**task["settings"]))
    print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
