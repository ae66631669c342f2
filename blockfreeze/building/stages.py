"""The stages of building a generation: begun, complete, or abandoned."""

from __future__ import annotations

import sys

from blockfreeze.dispatch.vector import plain_vector
from blockfreeze.draining.idle import count_idle
from blockfreeze.identity.enums import apply_to_members
from blockfreeze.identity.unify import unify
from blockfreeze.instances.legacy_methods import offer_legacy_methods
from blockfreeze.model.block import Block, Generation, Member
from blockfreeze.model.reference import store
from blockfreeze.state.containers import record_contents
from blockfreeze.state.merging import bring_over
from blockfreeze.versions.snapshot import Snapshot


def begin(block: Block, snapshot: Snapshot, number: int = 1) -> Generation:
    """Open the first generation of a block: its bodies are about to run, and every access belongs to it."""
    generation = Generation(block, number, snapshot, None)
    block.last_number = number
    block.generations[number] = generation
    block.served.append(number)
    store(block.reference, plain_vector(block, generation))
    return generation


def first_complete(block: Block) -> None:
    """Close the building of a block's first generation: its entries now have slots."""
    complete(block.current)
    store(block.reference, plain_vector(block, block.current))


def complete(generation: Generation) -> None:
    """Close the building of a generation."""
    record_contents(generation)
    generation.phase = generation.phase.completed()
    count_idle(generation)


def finish_build(block: Block, generation: Generation) -> None:
    """Complete a generation whose bodies have run: give its functions and classes the identities that others hold."""
    for member in generation.members.values():
        _publish_overlays(generation, member)
    unify(generation, generation.members.values())
    offer_legacy_methods(block, generation)
    complete(generation)
    bring_over(block.current, generation)


def _publish_overlays(generation: Generation, member: Member) -> None:
    """Let the code of a member, whose generation is complete, work on the homes themselves."""
    introduced = generation.build.introduced
    for overlay in member.overlays:
        overlay.cell.cell_contents = overlay.home
        for name, value in overlay.items():
            if name not in overlay.home or (id(overlay.home), name) in introduced:
                overlay.home[name] = value
                introduced[id(overlay.home), name] = overlay.home
            if name in member.namespace:
                member.namespace[name] = overlay.home[name]
    member.overlays.clear()


def abandon_build(block: Block, generation: Generation, slots: int) -> None:
    """Take a generation that nobody has seen out of the block's tables, and what it has entered there.

    Args:
        slots: how many slots the block had before.
    """
    for name, member in list(generation.members.items()):
        if block.homes.get(name) is member.namespace:
            del block.homes[name]
    for (_, name), home in generation.build.introduced.items():
        home.pop(name, None)
    apply_to_members(generation, block.current)
    block.forget(generation)
    block.drop_entries(slots)
    # Other threads may be importing members into the generation that serves.
    used = {name for one in tuple(block.generations.values()) for name in (*one.members, *one.build.imports)}
    for name in [name for name in tuple(block.facades) if name not in used]:
        if sys.modules.get(name) is block.facades[name]:
            del sys.modules[name]
        del block.facades[name]
