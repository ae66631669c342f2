"""Functions and methods that outside code holds are made to forward; the generation that uses them gets copies.

A swap does so before it prepares (`swapping.arming`). It is also done when a module joins a second generation: one that
a call is the first to import after its generation was armed. Its functions are direct then, and each generation is to
have its own.

Threads: a module may join in any thread, while another one swaps. What is done to one function is neutral.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Container, Iterable
from types import CellType, FunctionType
from typing import Any, NamedTuple

from blockfreeze.core.safe_access import cell_content, is_a
from blockfreeze.dispatch.forwarders import (
    contents_to_call,
    copy_function,
    forward,
    narrow,
    takes_the_same,
)
from blockfreeze.dispatch.frames import is_forwarder
from blockfreeze.dispatch.late_signature import is_shown_late, shown_signature
from blockfreeze.dispatch.resolution import LegacyChoice
from blockfreeze.identity.methods import is_own, live_methods, method_function, rewrapped
from blockfreeze.identity.wrapped_methods import live_wrapped
from blockfreeze.linking.cpython import ARGUMENT_REFERENCES
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import Entry, EntryKind


class Armed(NamedTuple):
    """A function that outside code may hold and that is to forward, and the copy with which its generation goes on."""

    entry: Entry
    function: FunctionType
    copy: FunctionType


def forward_functions(block: Block, member: str, *generations: Generation) -> None:
    """Let the functions of `member` forward that the first of `generations` has and that are direct.

    The methods of its classes, which are read from the class each time, stay what they are and get entries: what
    another generation hands out of its own will have to forward.

    Args:
        generations: what may serve the calls.
    """
    first = generations[0]
    with block.locks.arming:
        for armed in copy_functions(block, first, member, direct=True):
            widen(block, armed.entry, *generations)
        for entry in tuple(block.slots):
            # One of which no generation is left that has made it: whoever holds it called what is gone.
            if entry.member == member and not entry.armed and entry.kind is not EntryKind.METHOD:
                if first.locals.get(entry, entry.function) is not entry.function:
                    widen(block, entry, *generations)
        for (module, path), _, name, value in live_methods(block, first):
            if module == member:
                function = method_function(value)
                first.locals.setdefault(_entry_of_method(block, first, module, f"{path}.{name}", function), function)
        for module, path, function in live_wrapped(block, first):
            if module == member:
                first.locals.setdefault(_entry_of_method(block, first, module, path, function), function)


def forward_all(block: Block, *generations: Generation) -> None:
    """Let everything forward that the first of `generations` has and that is direct, methods too, as it is left."""
    with block.locks.arming:
        functions = copy_functions(block, generations[0], direct=True)
        methods = copy_methods(block, generations[0])
        for armed in functions:
            widen(block, armed.entry, *generations)
        let_forward(block, methods)


def copy_functions(block: Block, generation: Generation, member: str = "", *, direct: bool) -> list[Armed]:
    """Give a generation copies of its functions that are about to forward, and point its cells at them.

    Args:
        member: of this module alone.
        direct: only of those that are the function which others hold and that do not forward yet.
    """
    chosen: list[tuple[Entry, FunctionType]] = []
    for entry in tuple(block.slots):
        local = generation.locals.get(entry)
        wanted = entry.kind is not EntryKind.METHOD and member in ("", entry.member)
        if direct:
            wanted = wanted and not entry.armed and local is entry.function
        if wanted and is_a(local, FunctionType) and is_own(block, local):
            chosen.append((entry, local))
    copies = _copies_of([local for _, local in chosen])
    made: list[Armed] = []
    for entry, local in chosen:
        copy = copies[id(local)]
        if entry.wrapper:
            # What a decorator puts on its wrapper belongs to this generation; the entry's may be replaced.
            copy.__dict__ = dict(local.__dict__)
        generation.locals[entry] = copy
        made.append(Armed(entry, local, copy))
    point_cells(generation, {id(local): copy for _, local, copy in made})
    return made


def _copies_of(functions: Iterable[FunctionType]) -> dict[int, FunctionType]:
    """Return copies of functions by the ids of these.

    A wrapper reaches what it wraps through its closure: the copy of the one, the copy of the other, and itself where it
    calls itself.
    """
    wanted = {id(one): one for one in functions}
    copies: dict[int, FunctionType] = {}
    cells: list[tuple[CellType, int]] = []
    for key, function in wanted.items():
        closure = function.__closure__
        if closure is not None and _wraps_one_of(function, wanted):
            own = [(CellType(), found) if found in wanted else (cell, 0) for cell, found in _called_from(function)]
            cells += [(cell, found) for cell, found in own if found]
            closure = tuple(cell for cell, _ in own)
        copies[key] = copy_function(function, closure)
    for cell, found in cells:
        cell.cell_contents = copies[found]
    return copies


def _wraps_one_of(function: FunctionType, wanted: Container[int]) -> bool:
    # The cells of the block's own names are pointed at the copies; a closure's own have to be replaced.
    if "<locals>" not in function.__code__.co_qualname:
        return False
    return any(content in wanted and content != id(function) for content in contents_to_call(function))


def _called_from(function: FunctionType) -> Iterable[tuple[CellType, int]]:
    return zip(function.__closure__ or (), contents_to_call(function), strict=True)


def copy_methods(block: Block, generation: Generation) -> list[Armed]:
    """Give every method of a generation's classes a slot, and the generation a copy of it.

    Returns:
        the functions that are to forward once a vector with those slots is in place. Their number grows by what outside
        code holds, not by the number of swaps.
    """
    made: dict[int, Armed] = {}
    copies = generation.classes.copies = {}
    reference, entries, locals_ = block.reference, block.entries, generation.locals
    for (member, path), cls, name, value in live_methods(block, generation):
        function: FunctionType = method_function(value)
        entry = entries.get((member, f"{path}.{name}"))
        there: Any = None if entry is None else locals_.get(entry)
        if is_forwarder(function.__code__, reference):
            # It was armed before, and stands for what serves in its place already.
            own = there.served if is_a(there, LegacyChoice) else there
            if is_a(own, FunctionType) and not is_forwarder(own.__code__, reference):
                copies.setdefault(cls, {})[name] = rewrapped(value, own)
            continue
        entry = entry or block.add_entry(generation, member, f"{path}.{name}", function)
        armed = made.get(id(function))
        if armed is None:
            armed = made[id(function)] = Armed(entry, function, copy_function(function))
        _, _, copy = armed
        # A call may be under way to the slot: the choice among methods of older generations stays in front.
        locals_[entry] = LegacyChoice(entry, generation, copy) if is_a(there, LegacyChoice) else copy
        copies.setdefault(cls, {})[name] = copy if value is function else rewrapped(value, copy)
    for member, path, function in live_wrapped(block, generation):
        if id(function) not in made and not is_forwarder(function.__code__, block.reference):
            entry = _entry_of_method(block, generation, member, path, function)
            generation.locals[entry] = copy = copy_function(function)
            made[id(function)] = Armed(entry, function, copy)
    return list(made.values())


def _entry_of_method(block: Block, generation: Generation, member: str, path: str, function: FunctionType) -> Entry:
    key = member, path
    return block.entries.get(key) or block.add_entry(generation, *key, function)


def let_forward(block: Block, armed: Iterable[Armed]) -> None:
    """Make functions forward whose copies their generation uses; neutral once the vector has their slots.

    The one function that others hold of an entry is left to `widen`, which knows what may serve it.
    """
    for entry, function, copy in armed:
        if entry.kind is EntryKind.METHOD:
            shown = function.__dict__
            signature = None if "__signature__" in shown else shown_signature(copy)
            if signature is not None:
                shown.setdefault("__signature__", signature)
        elif function is entry.function:
            continue
        forward(block, entry, function)


def let_methods_be(generation: Generation, methods: Collection[Armed]) -> None:
    """Undo `let_forward` and `copy_methods` for methods: the functions have their own code again, and serve."""
    functions = {id(copy): function for _, function, copy in methods}
    for entry, there in list(generation.locals.items()):
        function = functions.get(id(there.served if is_a(there, LegacyChoice) else there))
        if function is not None:
            chosen = is_a(there, LegacyChoice)
            generation.locals[entry] = LegacyChoice(entry, generation, function) if chosen else function
    generation.classes.copies = {}
    for _, function, copy in methods:
        function.__code__ = copy.__code__
        shown = function.__dict__.pop("__signature__", None)
        if shown is not None and not is_shown_late(shown) and shown != shown_signature(function):
            function.__dict__["__signature__"] = shown  # it says something else than the code: the function's own


def forward_copies(block: Block, unused: Iterable[Armed]) -> None:
    """Let copies forward with which no generation goes on, and that others hold: its code may have told them of one."""
    for entry, _, copy in unused:
        # Beside the name: the record of it, and the argument.
        if sys.getrefcount(copy) > 2 + ARGUMENT_REFERENCES:
            forward(block, entry, copy)


def point_cells(generation: Generation, copies: dict[int, FunctionType]) -> None:
    """Point the cells of a generation at `copies` of the functions that they hold, by those functions' ids."""
    for member in generation.members.values() if copies else ():
        for cell in member.cells.values():
            copy = copies.get(id(cell_content(cell)))
            if copy is not None:
                cell.cell_contents = copy


def widen(block: Block, entry: Entry, *generations: Generation) -> None:
    """Let `entry` forward calls that any of `generations` may serve: exactly where all agree, else whatever comes."""
    locals_ = [generation.locals.get(entry) for generation in generations]
    first = locals_[0]
    if is_a(first, FunctionType) and all(takes_the_same(first, other) for other in locals_):
        if not narrow(block, entry, first):
            show_signature(entry, first)
    else:
        show_signature(entry, locals_[-1] or entry.function)
        forward(block, entry, entry.function)
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
