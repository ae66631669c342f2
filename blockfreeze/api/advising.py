"""Advice before a deploy: what of another version may be met by what outlives the swap, read off both texts."""

from __future__ import annotations

from types import ModuleType

from blockfreeze.api import registry
from blockfreeze.api.freeze import snapshot_of
from blockfreeze.core.advice import Advice
from blockfreeze.versions.snapshot import SourceGiven


def advise(module: str | ModuleType, /, *more: str | ModuleType, source: SourceGiven) -> tuple[Advice, ...]:
    """Return what changes its meaning between two versions without an error, and who can meet it; nothing is executed.

    A call inside of a block never meets two versions, so nothing is said of those. What outlives a swap can: instances
    and state that the version before made, and code outside that has asked both. Only what can be told from the texts
    is said: what is not said may be met as well. A module that cannot be parsed is left out; whoever builds the version
    is told. What `source` has is neither imported nor built.

    Args:
        module: a module or its name, frozen or not. If it is frozen, the version that serves is compared.
        more: the other modules of a block of several, if it is not frozen yet.
        source: where the other version is, as for `swap`.

    Returns:
        the advice, warnings first.

    Raises:
        FreezeError: it is not frozen, and cannot be.
        FileNotFoundError: there is no such source, or it has no such module.
        ValueError: a single file or text was given for a block of more than one module.
    """
    from blockfreeze.advice.comparing import (
        advise_on,
    )  # nobody else needs the room, and every program imports this file

    first, *others = (one if isinstance(one, str) else one.__name__ for one in (module, *more))
    block = registry.covering(first)
    before = snapshot_of((first, *others)) if block is None else block.current.snapshot
    number = 1 if block is None else block.current.number + 1
    return advise_on(before.modules, before.given(source, number).modules)
