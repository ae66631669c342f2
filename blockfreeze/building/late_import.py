"""A module joins a generation that serves, or has served: some call is the first in it to import the module.

Another generation may have the module already. Then both are to share identities, as after a swap, and each is to have
functions of its own. The generation that serves gets a module no later than one that was left: what a call in the old
one hands out is to be current for whoever calls it later.

Threads: modules join in any thread, while another one swaps. Two that load the same module, for one generation or for
two, wait for each other, though not for long: they may be waiting for the same import.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from blockfreeze.building.forwarding import forward_functions
from blockfreeze.identity.unify import unify
from blockfreeze.model.block import Block, Generation, Member
from blockfreeze.state.containers import record_contents
from blockfreeze.state.joining import Joining

PATIENCE: Final = 1.0
"""How long a thread waits for another one that is importing, in seconds: they may be waiting for each other."""


@contextmanager
def loading(block: Block) -> Iterator[None]:
    """Hold the lock under which members are loaded; it is made anew if who has it hangs and is abandoned."""
    while True:
        lock = block.locks.loading
        if lock.acquire(timeout=PATIENCE):
            if lock is block.locks.loading:
                break
            lock.release()
    try:
        yield
    finally:
        lock.release()


def begins_loading(generation: Generation, name: str) -> bool:
    """Tell whether the calling thread is to load a member that `generation` does not have, and no other one is.

    Another one is waited for, though not for long: it may wait for one that waits for this one.
    """
    block, deadline = generation.block, time.monotonic() + PATIENCE
    while name not in generation.members:
        with block.locks.tables:
            if name not in generation.build.opening or time.monotonic() > deadline:
                generation.build.opening.add(name)
                return True
        time.sleep(0.001)
    return False


def wait_for(generation: Generation, names: Iterable[str]) -> None:
    """Wait, though not for long, until the bodies of members have run that another thread is importing."""
    deadline = time.monotonic() + PATIENCE
    for name in names:
        while (member := generation.members.get(name)) and not member.finished and time.monotonic() < deadline:
            time.sleep(0.001)


def before_joining(generation: Generation, name: str) -> None:
    """Find the generation with which a module that is about to be loaded shares identities, and prepare that one."""
    block = generation.block
    if generation.phase.is_complete:
        generation.contents.joining[name] = Joining(generation)
    if _serves_or_served(generation):
        _let_current_join(generation, name)
    for other in tuple(block.generations.values()):
        if other is not generation:
            wait_for(other, [name])
    before = _holder(generation, name)
    if before is not None:
        generation.compared[name] = before
        if before is not block.current or generation.phase.is_complete:
            forward_functions(block, name, before, generation)


def complete_joined(generation: Generation, member: Member) -> None:
    """Complete a module that has joined `generation`; what a swap builds is completed as a whole."""
    joining = generation.contents.joining.pop(member.name, None)
    if not generation.phase.is_complete:
        return
    if joining is not None:
        joining.end()
    before = generation.compared.get(member.name)
    alone = before is None and not member.remade
    if not alone:
        unify(generation, [member], objects=False)
    record_contents(generation, [member.name])
    if not _serves_or_served(generation):
        return  # a candidate: what it has made is forwarded when it is committed
    if not alone or generation is not generation.block.current:
        forward_functions(generation.block, member.name, generation, *(() if before is None else (before,)))
    _let_current_join(generation, member.name)  # it may have been left meanwhile


def _holder(generation: Generation, name: str) -> Generation | None:
    """Return another generation that has the complete member `name`: the one that serves, or else the latest."""
    block = generation.block
    for one in (block.current, *sorted(block.generations.values(), key=lambda one: -one.number)):
        member = one.members.get(name)
        if one is not generation and member is not None and member.finished:
            return one
    return None


def _serves_or_served(generation: Generation) -> bool:
    return generation.phase.is_complete and generation.phase.has_served


def _let_current_join(generation: Generation, name: str) -> None:
    block = generation.block
    current = block.current
    if generation is current or name in current.members or not block.locks.loading.acquire(timeout=PATIENCE):
        return
    # The new version may have no such module, or one whose body fails: who imports it there is told.
    try:
        with suppress(Exception):
            block.load_member(current, name)
    finally:
        block.locks.loading.release()
