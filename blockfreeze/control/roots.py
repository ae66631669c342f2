"""In which directories the releases of a block may be."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from blockfreeze.core.errors import ControlError
from blockfreeze.model.block import Block
from blockfreeze.releases.pointer import pointed


def roots_for(block: Block, named: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the directories that were named at the start; if none was, that of the pointer, and that of its release.

    Raises:
        ControlError: there is no pointer either.
    """
    if named:
        return named
    if block.pointer is None:
        raise ControlError(
            f"{block.name}: no directory was named in which releases may be; start with releases=, or freeze the "
            "block with a release pointer"
        )
    found = [Path(block.pointer).parent.resolve()]
    with suppress(OSError, ValueError):
        found.append(pointed(block.pointer).parent)
    return tuple(dict.fromkeys(found))
