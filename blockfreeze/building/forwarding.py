"""Functions of a block that outside code holds are made to forward; the generation that uses them gets copies.

A swap does so before it prepares. It is also done when a module joins a second generation: one that a call is the first
to import after its generation was armed. Its functions are born direct; then each generation is to have its own.

Threads: a module may join in any thread, while another one swaps; what is done to one function is neutral.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

from blockfreeze.core.safe_access import cell_content, is_a
from blockfreeze.dispatch.forwarders import copy_function, forward, narrow, shown_signature, takes_the_same
from blockfreeze.dispatch.warning_names import hides_forwarders
from blockfreeze.identity.methods import enter_methods, forward_methods, retire_methods
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import Entry, EntryKind


def forward_functions(block: Block, member: str, *generations: Generation) -> None:
    """Let the functions of `member` forward that the first of `generations` has and that are direct.

    The methods of its classes, which are read from the class each time, stay what they are and get entries: what
    another generation hands out of its own will have to forward.

    Args:
        generations: what may serve the calls.
    """
    with block.locks.arming:
        for entry in copy_direct(block, generations[0], member):
            widen(block, entry, *generations)
        for entry in tuple(block.slots):
            # One of which no generation is left that has made it: whoever holds it called what is gone.
            if entry.member == member and not entry.armed and entry.kind is not EntryKind.METHOD:
                if generations[0].locals.get(entry, entry.function) is not entry.function:
                    widen(block, entry, *generations)
        enter_methods(block, generations[0], member)


def forward_all(block: Block, *generations: Generation) -> None:
    """Let everything forward that the first of `generations` has and that is direct, methods too, as it is left."""
    with block.locks.arming:
        entries = copy_direct(block, generations[0])
        methods = retire_methods(block, generations[0])
        for entry in entries:
            widen(block, entry, *generations)
        forward_methods(block, methods)


def copy_direct(block: Block, generation: Generation, member: str = "") -> list[Entry]:
    """Give a generation copies of those of its functions that are about to forward; return their entries.

    Args:
        member: of this module alone.
    """
    direct = [
        one
        for one in tuple(block.slots)
        if not one.armed and one.kind is not EntryKind.METHOD and member in ("", one.member)
    ]
    entries = [entry for entry in direct if generation.locals.get(entry) is entry.function]
    copies = {id(entry.function): copy_function(entry.function) for entry in entries}
    generation.locals.update({entry: copies[id(entry.function)] for entry in entries})
    point_cells(generation, copies)
    return entries


def point_cells(generation: Generation, copies: dict[int, FunctionType]) -> None:
    """Point the cells of a generation at `copies` of the functions that they hold, by those functions' ids."""
    for member in generation.members.values() if copies else ():
        for cell in member.cells.values():
            if id(cell_content(cell)) in copies:
                cell.cell_contents = copies[id(cell_content(cell))]


def widen(block: Block, entry: Entry, *generations: Generation) -> None:
    """Let `entry` forward calls that any of `generations` may serve: exactly where all agree, else whatever comes."""
    locals_ = [generation.locals.get(entry) for generation in generations]
    first = locals_[0]
    if is_a(first, FunctionType) and all(takes_the_same(first, other) for other in locals_):
        if not narrow(entry.function, block.reference, entry.slot, first, hide=hides_forwarders(block, entry)):
            show_signature(entry, first)
    else:
        show_signature(entry, locals_[-1] or entry.function)
        forward(entry.function, block.reference, entry.slot, hide=hides_forwarders(block, entry))
    entry.armed = True


def show_signature(entry: Entry, like: Any) -> None:
    """Let inspection see the signature of `like`, unless the function says another one itself."""
    if "__signature__" not in entry.function.__dict__:
        signature = shown_signature(like)
        if signature is not None:
            entry.function.__dict__["__signature__"] = entry.signature = signature


def drop_signature(entry: Entry) -> None:
    """Take away the signature that a wide forwarder was given; the code shows the right one again."""
    if entry.signature is not None:
        if entry.function.__dict__.get("__signature__") is entry.signature:
            del entry.function.__dict__["__signature__"]
        entry.signature = None
