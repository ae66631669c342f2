"""What follows the one store: names, modules and objects outside are brought up to date. Nothing here can fail a swap.

The new generation serves already. What cannot be done any more is reported, and is no error.
"""

from __future__ import annotations

from collections.abc import Callable

from blockfreeze.building.overloads import publish_overloads
from blockfreeze.core.report import Repointed, Unreached
from blockfreeze.identity.class_attributes import apply_metadata
from blockfreeze.identity.enums import apply_to_members
from blockfreeze.model.block import Block, Generation
from blockfreeze.reporting.repoint import Replaced, find_replaced, publish_members, repoint
from blockfreeze.reporting.stale_holders import find_replacements, find_stale
from blockfreeze.swapping.presentation import present_entries


def bring_up_to_date(
    block: Block, before: Generation, after: Generation, stayed: list[Unreached]
) -> tuple[list[Repointed], list[Unreached]]:
    """Let everything that is not reached through the reference follow the commit of `after`.

    Args:
        stayed: the instances that stay as they were.

    Returns:
        the names elsewhere that were pointed at new objects, and what could not be reached.
    """
    pointed: list[Repointed] = []
    unreached: list[Unreached] = []

    replaced: dict[int, Replaced] = {}

    def point() -> None:
        replaced.update(find_replaced(block, before, after))
        pointed.extend(repoint(replaced))

    steps: tuple[Callable[[], object], ...] = (
        lambda: publish_members(block, before, after),
        lambda: present_entries(block, before, after),
        lambda: apply_metadata(after),
        lambda: apply_to_members(before, after),
        lambda: _clear_caches(before, after),
        lambda: publish_overloads(before, after),
        point,
        lambda: unreached.extend(find_stale(block, before, after, replaced)),
        lambda: unreached.extend(find_replacements(block, after)),
    )
    for step in steps:
        try:
            step()
        except Exception as error:  # metaclasses and descriptors of users may raise anything here
            unreached.append(Unreached(block.name, f"after the commit: {type(error).__name__}: {error}"))
    return pointed, unreached + stayed


def _clear_caches(*generations: Generation) -> None:
    for cache in {id(cache): cache for one in generations for cache in one.build.caches}.values():
        cache.cache_clear()
