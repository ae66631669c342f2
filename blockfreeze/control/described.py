"""What a process tells of itself and of its blocks, in plain values."""

from __future__ import annotations

import os
import platform
import sys
import threading
import traceback
from dataclasses import asdict
from typing import Any

from blockfreeze.api.status import status
from blockfreeze.control.packages import running
from blockfreeze.model.block import Block


def process() -> dict[str, Any]:
    """Return what tells this process from others."""
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "program": sys.argv[:4] if hasattr(sys, "argv") else [],
        "python": platform.python_version(),
    }


def is_complete(block: Block) -> bool:
    """Tell whether the first bodies of a block have run, and its pointer was looked at once more; then it serves."""
    generations = tuple(block.generations.values())
    waits = any(one.build.awaits_pointer for one in generations)
    return bool(generations) and not waits and block.current.phase.is_complete


def described(block: Block) -> dict[str, Any]:
    """Return what a block is now; little, while its first body still runs."""
    if not is_complete(block):
        return {"block": block.name, "state": "starting", "pointer": block.pointer or "", "release": "", "label": ""}
    found = status(block)
    serving = next(one for one in found.generations if one.number == found.current)
    return {
        "block": block.name,
        "state": "overlap" if found.overlapping else "serving",
        "generation": found.current,
        "label": serving.label,
        "release": serving.release,
        "hash": serving.source_hash,
        "pointer": found.pointer,
        "package": running(block),
        "previous": next((asdict(one) for one in found.generations if one.state == "previous"), None),
        "generations": [asdict(one) for one in found.generations],
        "members": list(found.members),
        "lingering": [asdict(one) | {"text": str(one)} for one in found.lingering],
        "unbound": [asdict(one) for one in found.unbound],
    }


def stacks() -> dict[str, list[str]]:
    """Return where each thread is now: file, line and function of each frame, the innermost last."""
    names = {one.ident: one.name for one in threading.enumerate()}
    return {
        names.get(identity, f"thread {identity}"): [
            f"{at.filename}:{at.lineno} in {at.name}" for at in traceback.extract_stack(frame)
        ]
        for identity, frame in sys._current_frames().items()
    }
