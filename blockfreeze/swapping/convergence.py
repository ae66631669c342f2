"""The end of an overlap: once a retired generation has drained, the plain vector goes in, and nothing is left over.

Instances that a swap could not convert while calls were under way are converted here, when the block is at rest for a
moment: new calls are held back for `_MOMENT`, and for the conversion if those in flight have ended by then. Otherwise
everything goes on, and whoever converges next tries again. That is tried while older generations run, too: the methods
of such an instance are those of the generation that made it, so calls of it would begin there for ever.

Threads: `converge` may be called by any thread; `converge_claimed` by the one that holds the block's claim.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from types import FunctionType

from blockfreeze.building.facade import show_agreed, show_steady
from blockfreeze.core.errors import DrainTimeoutError
from blockfreeze.core.events import Converged, Drained, GateOpened, InstancesConverted, announce
from blockfreeze.core.report import Lingering
from blockfreeze.core.safe_access import is_a
from blockfreeze.dispatch.frames import is_forwarder
from blockfreeze.dispatch.gate import Gate
from blockfreeze.dispatch.pins import void_pins
from blockfreeze.dispatch.vector import is_overlapping, overlap_vector, plain_vector
from blockfreeze.draining.closures import bind_closures_to_own
from blockfreeze.draining.drain import search
from blockfreeze.draining.quiesce import go_on, quiesce
from blockfreeze.identity import class_attributes
from blockfreeze.instances.legacy_classes import disarm_legacy_classes, return_from_legacy_classes
from blockfreeze.instances.legacy_methods import release_classes
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.phase import Phase
from blockfreeze.model.records import PendingConversion
from blockfreeze.model.reference import store
from blockfreeze.state.migration import forget_ancestors
from blockfreeze.swapping.arming import armed, restore_cells, retire_copies
from blockfreeze.swapping.claim import claimed_to_converge, wait_for_convergence
from blockfreeze.swapping.following import keep_up, let_follow
from blockfreeze.swapping.presentation import disarm_entries

_MOMENT = 0.02
"""How long new calls are held back for a conversion that no swap has asked them to wait for, in seconds."""

_LONGEST_PAUSE = 60.0
"""How long it is waited at most, in seconds, until that is tried again beside calls that go on for long."""


def converge(block: Block, *, whole: bool = False) -> list[Lingering]:
    """End the overlap if the retired generations have drained, or wait while another thread does; return who lingers.

    Without `whole`, one of those who linger is enough. While a swap holds the claim nothing is ended: it is about to
    open the next overlap.
    """
    if not is_overlapping(block):
        wait_for_convergence(block)  # the plain vector is in place, and another thread may be clearing up behind it
        if block.instances.unconverted is None:
            return []
    served = block.served[-1:]
    running, _ = search(block, block.retired(), whole=whole)
    if running and not _is_rest_due(block):
        return running
    with claimed_to_converge(block, lambda: block.served[-1:] == served) as taken, block.claim.at_work():
        return converge_claimed(block, whole=whole) if taken else running


def converge_claimed(block: Block, *, whole: bool = False) -> list[Lingering]:
    """Do what `converge` does, for the thread that holds the claim."""
    running = _end_overlap(block, whole=whole) if is_overlapping(block) else []
    if running and len(block.retired()) > block.history:
        _free_drained(block)
    conversion = block.instances.unconverted
    if conversion is None or (running and not _is_rest_due(block)):
        return running
    converted = _convert_at_rest(block, conversion, alone=not running)
    return _end_overlap(block, whole=whole) if running and converted else running


def _is_rest_due(block: Block) -> bool:
    """Tell whether to try for a moment of rest though calls of a generation that was left are under way."""
    return block.instances.unconverted is not None and time.monotonic() >= block.instances.rest_due


def _convert_at_rest(block: Block, conversion: PendingConversion, *, alone: bool) -> bool:
    """Hold new calls back for a moment; if the block comes to rest, convert what a swap has left unconverted.

    Args:
        alone: nothing runs in older generations. Otherwise it may be that calls begin there all the time, those of the
            very instances that are to be converted.

    Returns:
        whether it came to rest.
    """
    current, gate, error = block.current, Gate(), ""
    try:
        with armed(block, alone=alone):
            try:
                store(block.reference, overlap_vector(block, current, gate))
                quiesce(block, gate, _MOMENT, go_on)
                conversion.run(committed=True)
            finally:
                gate.open()
                announce(block.subscribers, GateOpened(block.name, current.number, gate.seconds))
    except DrainTimeoutError:
        # Calls are under way all the time: whoever converges next tries again, less and less often beside old ones.
        block.instances.wait_for_rest(min(2 * block.instances.rest_pause, _LONGEST_PAUSE))
        return False
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
    block.instances.unconverted = None
    conversion.forget_undo()
    release_classes(block, current)
    counts = tuple((one.name, one.count) for one in conversion.counted())
    stayed = tuple((one.name, one.reason) for one in conversion.not_converted({}))
    announce(block.subscribers, InstancesConverted(block.name, current.number, counts, stayed, error))
    return True


def _end_overlap(block: Block, *, whole: bool) -> list[Lingering]:
    retired = block.retired()
    running, _ = search(block, retired, whole=whole)
    if running:
        return running
    # What old generations have handed out is seen to while accesses still find their generation. Whatever was called
    # before it forwarded is found by the second search; from then on nothing can begin in an old generation.
    void_pins(block, retired)
    for one in retired:
        retire_copies(block, one)
    running, held = search(block, retired, whole=whole)
    if not running and let_follow(block, held + _handed_out(block, retired)):
        running, held = search(block, retired, whole=whole)  # for calls of them that had begun by then
    if not running:
        _disarm(block, held)
        current = block.current.number
        drained = [one for one in retired if one.phase is not Phase.DRAINED]
        for one in drained:
            one.phase = Phase.DRAINED
        announce(block.subscribers, Drained(block.name, current, tuple(one.number for one in drained)))
        freed = (one.number for one in retired if one.number not in block.generations)
        announce(block.subscribers, Converged(block.name, current, tuple(freed)))
    return running


def _disarm(block: Block, held: list[tuple[Generation, FunctionType]]) -> None:
    current = block.current
    _let_stay(block, held, block.retired())
    keep_up(block)
    restore_cells(current)
    store(block.reference, plain_vector(block, current))
    show_steady(block)
    class_attributes.disarm_classes(current)
    disarm_legacy_classes(block)
    # Not before: a call of a generation that was left, on an instance that this one takes back, needs the old methods.
    return_from_legacy_classes(current)
    release_classes(block, current)
    disarm_entries(block, current)
    for one in block.retired():
        _let_go(block, one)
    forget_ancestors(block)


def _handed_out(block: Block, generations: Collection[Generation]) -> list[tuple[Generation, FunctionType]]:
    """Return the functions that bodies have told others of, and that do not follow yet."""
    told = ((one, ref()) for one in generations for ref in one.drain.told_of)
    return [
        (one, function)
        for one, function in told
        if function is not None and not is_forwarder(function.__code__, block.reference)
    ]


def _let_stay(block: Block, held: list[tuple[Generation, FunctionType]], drained: Collection[Generation]) -> None:
    """Let what others hold of drained generations, and what cannot follow, go on with these, whole."""
    bind_closures_to_own(held + _handed_out(block, drained))
    for one in drained:
        one.drain.told_of = ()


def _let_go(block: Block, generation: Generation) -> None:
    """Clear what a drained generation has cached, and forget it unless the history keeps it."""
    for cache in generation.build.caches:
        cache.cache_clear()
    if generation.number not in block.served[-block.history :]:
        block.served = [number for number in block.served if number != generation.number]
        block.forget(generation)
        _drop_removed_classes(block, generation)


def _drop_removed_classes(block: Block, generation: Generation) -> None:
    """Take the classes that no kept generation has out of the namespaces that outlive their generation.

    They are the first ones of each module: the facade's own dictionary, with the module's state in it. Code reads
    the name of a bound class from its cell, also where an instance of the class lives on.
    """
    for name, member in generation.members.items():
        home = block.homes.get(name, {})
        kept = [one.members[name] for one in tuple(block.generations.values()) if name in one.members]
        for key, definition in member.linkage.bound.items():
            value = home.get(key)
            needed = any(one.namespace.get(key) is value or key in one.linkage.state for one in kept)
            if definition.kind == "class" and is_a(value, type) and not needed:
                del home[key]


def _free_drained(block: Block) -> None:
    """Forget the generations that nobody runs or holds, while another one lingers and the overlap goes on.

    The steps are those of the end of an overlap; what belongs to the generations that stay is left alone.
    """
    history, retired = block.served[-block.history :], block.retired()
    running, held = search(block, retired, whole=True)
    busy = {one.generation for one in running}
    held += _handed_out(block, retired)
    if let_follow(block, [(one, closure) for one, closure in held if one.number not in busy]):
        running, held = search(block, retired, whole=True)
    lingering = {one.generation for one in running}.union(one.number for one, _ in held)
    unused = [one for one in retired if one.number not in lingering and one.number not in history]
    # Instances on legacy classes of a generation are seen to when the overlap ends.
    unused = [one for one in unused if not one.classes.legacy]
    void_pins(block, unused)
    for one in unused:
        retire_copies(block, one)
    running, held = search(block, unused, whole=True)
    leaving = [one for one in unused if one.number not in {found.generation for found in running}]
    _let_stay(block, held, leaving)
    if leaving:
        keep_up(block, leaving)
    for one in leaving:
        class_attributes.withdraw(block.current, one)
        _let_go(block, one)
    forget_ancestors(block)
    show_agreed(block)
