"""Quiescing: behind a shut gate, wait until nothing of a block runs, so that its data can be converted.

Example: ``swap(shop, quiesce=2)``. New calls wait at the gate, those in flight end, and nothing runs during the
conversion. After two seconds the swap is refused, and the error names what still runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import FrameType

from blockfreeze.core.errors import DrainTimeoutError, SwapError
from blockfreeze.dispatch.frames import nearest
from blockfreeze.dispatch.gate import Gate
from blockfreeze.dispatch.pins import pinned
from blockfreeze.draining.drain import search
from blockfreeze.model.block import Block


def go_on() -> None:
    """Do nothing: what is called between the steps of a swap that nobody wants to stop."""


def refuse_from_inside(block: Block, frame: FrameType) -> None:
    """Refuse to wait for calls of `block` one of which is the waiting one itself.

    Raises:
        SwapError: the caller in `frame` runs inside the block, or in a context that is pinned to a generation of it.
    """
    inside, held = nearest(block, frame), pinned(block)
    generation = inside or held
    if generation is not None:
        why = "the caller itself runs inside" if inside else "the caller itself is pinned to"
        raise SwapError(
            f"{block.name}: the swap was refused: it would wait for ever: {why} generation {generation.number}; "
            "swap from outside the block, or without quiesce=",
            block=block.name,
        )


def quiesce(block: Block, gate: Gate, seconds: float, between: Callable[[], None]) -> None:
    """Wait until nothing runs in any generation of `block` that serves or has served, and let nothing begin any more.

    Args:
        gate: the gate of the vector that is in place.
        seconds: how long at most.
        between: called now and then; what it raises ends the wait.

    Raises:
        DrainTimeoutError: something still runs; it is named with file, line and function.
    """
    until = time.monotonic() + seconds
    wanted = list(block.generations.values())
    pause = 0.0005
    while True:
        expired = time.monotonic() >= until
        running, _ = search(block, wanted, whole=expired)
        if not running:
            # What went in while event loops were let through is found by the second search; nothing goes in after it.
            gate.convert(now=True)
            running, _ = search(block, wanted, whole=expired)
            if not running:
                return
            gate.convert(now=False)
        between()
        if expired:
            raise DrainTimeoutError(
                f"{block.name}: the swap was refused: the block did not come to rest in {seconds} s: "
                + "; ".join(map(str, running))
                + f"; generation {block.current.number} still serves; allow more time, or swap without quiesce=",
                block=block.name,
                lingering=tuple(running),
            )
        time.sleep(pause)
        pause = min(0.02, 2 * pause)
