"""Following the release pointer: which version a swap is to bring, and how a process comes to be in the pointed one.

Whoever starts reads the pointer once. It may be moved meanwhile, so it is looked at once more when the block is there:
who moves a pointer first moves it and then looks for processes; who starts first shows itself and then looks at the
pointer. So one of the two sees the other.
"""

from __future__ import annotations

import os
from contextlib import suppress

from blockfreeze.core.errors import BlockfreezeError, SwapError
from blockfreeze.core.report import SwapReport
from blockfreeze.model.block import Block
from blockfreeze.releases.pointer import pointed
from blockfreeze.releases.version import Version
from blockfreeze.swapping.claim import ending_for_service
from blockfreeze.swapping.prepare import swap
from blockfreeze.swapping.rollback import rollback
from blockfreeze.versions.snapshot import SourceGiven

PathGiven = str | os.PathLike[str]


def version_for(
    block: Block,
    source: SourceGiven | None = None,
    release: PathGiven | None = None,
    label: str | None = None,
    expect_hash: str | None = None,
) -> Version:
    """Return the version that a swap is to bring: the pointed one, if there is a pointer and nothing else is said.

    Raises:
        BlockfreezeError: both are given.
    """
    if source is not None and release is not None:
        raise BlockfreezeError(
            f"{block.name}: the swap was refused: it names a source and a release; give one of them", block=block.name
        )
    if source is None and release is None:
        release = block.pointer
    return Version(source, release, label or "", expect_hash)


def is_followed(block: Block) -> bool:
    """Tell whether the block serves the release that its pointer leads to now; true if it has no pointer.

    Raises:
        OSError, ValueError: the pointer leads to nothing.
    """
    return block.pointer is None or block.current.release == str(pointed(block.pointer))


def follow_pointer(block: Block, wait: bool | float = True) -> SwapReport | None:
    """Bring a block into the pointed release, if it is in another one: by a rollback if that is kept, else by a swap.

    While somebody has begun something for the service and has not settled it, which ends with a look at the pointer, it
    is waited for that.

    Args:
        wait: for so many seconds; for ever if true.

    Returns:
        what changed last; None if nothing had to.

    Raises:
        SwapInProgressError: it was not settled in time.
        SwapError: it could not be brought there; it goes on serving what it served.
        OSError, ValueError: the pointer leads to nothing.
    """
    report = None
    with ending_for_service(block, wait, "following of the pointer"):
        while not is_followed(block):
            assert block.pointer is not None
            place = str(pointed(block.pointer))
            kept = [number for number, one in sorted(block.generations.items()) if one.release == place]
            report = None
            for number in reversed(kept):
                with suppress(SwapError):
                    report = rollback(block, number, wait=True)
                    break
            if report is None:
                report = swap(block, Version(release=place), None, True, strict=False)
    return report


def follow_at_start(block: Block) -> None:
    """Look at the pointer once more, when the first bodies have run, and follow it; then whoever imports goes on.

    So does the child of a fork before it goes on: its parent may not have been where the pointer leads.

    Raises:
        SwapError: the release that is pointed at now was refused; the block serves the one before.
        OSError, ValueError: the pointer leads to nothing.
    """
    first = block.current
    while True:
        first.build.awaits_pointer = True
        try:
            follow_pointer(block)
        finally:
            first.build.awaits_pointer = False
        # Whoever has moved the pointer after that look, and was told that the block looks by itself, is right.
        if is_followed(block):
            return
