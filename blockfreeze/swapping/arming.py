"""Arming and settling: the neutral steps before the one store and after the drain. Nothing here stores the reference.

*Arm* makes everything that outside code can hold go through the reference: functions forward, facades look names up,
the generation that serves keeps copies of its own functions. While the same generation serves, nobody can tell.
*Settle* takes off the call path what only an overlap needs.
"""

from __future__ import annotations
import __future__

import functools
import re
import sys
from collections import Counter
from collections.abc import Callable
from types import FunctionType
from typing import Any

from blockfreeze.building.facade import arm_facade, disarm_facade
from blockfreeze.building.forwarding import copy_direct, drop_signature, point_cells, show_signature, widen
from blockfreeze.core.safe_access import cell_content, is_a
from blockfreeze.dispatch.forwarders import content_to_call, copy_function, forward, narrow, present
from blockfreeze.dispatch.vector import is_forwarder
from blockfreeze.dispatch.warning_names import hides_forwarders
from blockfreeze.identity import class_attributes
from blockfreeze.identity.assignment_cells import assign_by_hooks
from blockfreeze.identity.methods import forward_methods, is_own, replace_functions, restore_methods, retire_methods
from blockfreeze.instances.legacy_methods import offer_legacy_methods
from blockfreeze.linking.cpython import ARGUMENT_REFERENCES, VERSIONS_COLLIDE
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import Entry, EntryKind

_STRING_ANNOTATIONS = __future__.annotations.compiler_flag

_NAME = re.compile(r"[^\W\d]\w*")


class Arming:
    """The arming of one block for one swap, and the means to undo it.

    Use: `plan`, then put in place a vector with all the slots, then `apply`; `undo` if the swap comes to nothing.
    """

    def __init__(self, block: Block, generation: Generation) -> None:
        self.block = block
        self.generation = generation
        self.first = not block.armed
        self.slots = len(block.slots)
        self._copies: list[tuple[Entry, FunctionType, FunctionType]] = []
        self._methods: list[tuple[FunctionType, int, FunctionType]] = []

    def plan(self) -> None:
        """Make the copies that the generation is to use from now on; nothing that anybody holds changes."""
        with self.block.locks.arming:
            self._plan()

    def _plan(self) -> None:
        block, generation = self.block, self.generation
        generation.build.armed_with = generation.complete_members()
        for other in block.generations.values():
            if other is not generation:
                copy_direct(block, other)  # of a module that has joined it after it was left
        copies: dict[int, Any] = {}
        copied: list[tuple[Entry, FunctionType]] = []
        for entry in block.slots:
            local = generation.locals.get(entry)
            if entry.kind is not EntryKind.METHOD and is_a(local, FunctionType) and is_own(block, local):
                copy = copies[id(local)] = copy_function(local)
                if entry.wrapper:
                    # What a decorator puts on its wrapper belongs to this generation; the entry's may be replaced.
                    copy.__dict__ = dict(local.__dict__)
                copied.append((entry, local))
        for entry, local in copied:
            copy = copies[id(local)]
            if _holds(local, copies):
                # A wrapper reaches what it wraps through its closure: the copy of the one, the copy of the other.
                copy = copy_function(copy, copies)
            generation.locals[entry] = copy
            self._copies.append((entry, local, copy))
        self._methods = retire_methods(block, generation)
        offer_legacy_methods(block, generation)
        self.slots = len(block.slots)  # whatever is added from now on belongs to the generation that is being built

    def apply(self) -> None:
        """Make functions forward and facades look up; each step is neutral."""
        with self.block.locks.arming:
            self._apply()

    def _apply(self) -> None:
        block, generation = self.block, self.generation
        assign_by_hooks(generation)
        private = {id(local): generation.locals[entry] for entry, local, _ in self._copies}
        caches = {id(cache) for cache in generation.build.caches}
        for member in generation.members.values():
            for cell in member.cells.values():
                content = cell_content(cell)
                if id(content) in private:
                    cell.cell_contents = private[id(content)]
                elif id(content) in caches:
                    # Callers outside fill the shared cache with whatever generation serves them.
                    cell.cell_contents = self._private_cache(content)
        for entry in block.slots[: self.slots]:
            # A module may have joined since the copies were made: its functions are direct until it is left.
            if entry.kind is not EntryKind.METHOD and (
                entry.armed or generation.locals.get(entry, entry.function) is not entry.function
            ):
                widen(block, entry, generation)
        for entry, local, _ in self._copies:
            if local is not entry.function:
                forward(local, block.reference, entry.slot, hide=hides_forwarders(block, entry))
        forward_methods(block, self._methods)
        for facade in tuple(block.facades.values()):
            arm_facade(facade)
        block.armed = True

    def _private_cache(self, cache: Any) -> Any:
        wrapped = getattr(cache, "__wrapped__", None)
        entry = self.block.entry_of(wrapped)
        if entry is None or entry not in self.generation.locals:
            return cache
        again = functools.lru_cache(**cache.cache_parameters())(self.generation.locals[entry])
        again.__dict__.update(cache.__dict__)
        return again

    def undo(self, abandoned: Generation | None, *, alone: bool) -> None:
        """Restore the steady state of the generation that serves: direct again if the block was never swapped.

        Args:
            abandoned: the generation that does not come to serve, if there is one.
            alone: nothing runs in an older generation; otherwise what an overlap needs stays.
        """
        block, generation = self.block, self.generation
        if abandoned is not None:
            class_attributes.withdraw(generation, abandoned)
        if alone:
            class_attributes.disarm_classes(generation)
        # A swap that comes to nothing leaves no trace. Where nothing has failed, methods go on forwarding if a function
        # whose code is assigned may be taken for another one.
        if abandoned is not None or not VERSIONS_COLLIDE:
            restore_methods(generation, self._methods)
        for entry, local, copy in self._copies:
            if local is not entry.function or self.first:
                local.__code__ = copy.__code__
            generation.locals[entry] = local if self.first else generation.locals[entry]
        if self.first:
            for entry in block.slots:
                # What has begun to forward because its module joined a candidate goes on.
                entry.armed = is_forwarder(entry.function.__code__, block.reference)
                drop_signature(entry)
            for facade in tuple(block.facades.values()):
                disarm_facade(facade)
            block.armed = False
        restore_cells(block, generation)
        if alone:
            disarm_entries(block, generation)


def _holds(function: FunctionType, copies: dict[int, Any]) -> bool:
    # The cells of the block's own names are pointed at the copies; a closure's own have to be replaced.
    if "<locals>" not in function.__code__.co_qualname:
        return False
    cells = function.__closure__ or ()
    return any(
        content is not function and content_to_call(function, at) in copies
        for at, content in enumerate(map(cell_content, cells))
    )


def restore_cells(block: Block, generation: Generation) -> None:
    """Point the cells of the generation that serves alone at its own functions and at the caches that all can see."""
    for member in generation.members.values():
        for name, cell in member.cells.items():
            if name in member.namespace:
                cell.cell_contents = generation.own_value(member.namespace[name])


def retire_copies(block: Block, generation: Generation) -> None:
    """Once `generation` has drained: let those of its own functions forward that it has handed out.

    While it was being left, its code could pass such a function on (a bound method that a call returned). A function
    that has no more references than the generation's own tables is nobody else's, and stays.
    """
    known: Counter[int] = Counter()
    for member in generation.members.values():
        known.update(id(cell_content(cell)) for cell in member.cells.values())
    for values in list(generation.classes.values.values()):
        known.update(id(value) for value in values.values())
    copies: dict[int, FunctionType] = {}
    for entry, local in list(generation.locals.items()):
        own = is_a(local, FunctionType) and local is not entry.function and is_own(block, local)
        own = own and id(local) not in generation.drain.lent
        # Beside the tables: the table of locals, the pair made above, the name, the argument.
        alone = known[id(local)] + 3 + ARGUMENT_REFERENCES
        if own and sys.getrefcount(local) > alone and not is_forwarder(local.__code__, block.reference):
            assert isinstance(local, FunctionType)
            copies[id(local)] = generation.locals[entry] = copy_function(local)
            forward(local, block.reference, entry.slot, hide=hides_forwarders(block, entry))
    if copies:
        point_cells(generation, copies)
        replace_functions(generation, copies)


def present_entries(block: Block, before: Generation, after: Generation) -> None:
    """After the commit: let inspection of each entry see the function of `after`."""
    for entry in block.slots:
        local = after.locals.get(entry)
        if not entry.armed or not is_a(local, FunctionType) or entry.kind is EntryKind.METHOD:
            continue
        drop_signature(entry)
        _present(block, entry, before.locals.get(entry), after)
        widen(block, entry, before, after)


def _present(block: Block, entry: Entry, was: Callable[..., Any] | None, generation: Generation) -> None:
    local = generation.locals[entry]
    assert isinstance(local, FunctionType)
    entry.shown = generation.number
    present(entry.function, local)
    _resolve_annotations(entry.function, local)
    _share_attributes(block, entry, was, local)


def _resolve_annotations(function: FunctionType, local: FunctionType) -> None:
    """Replace string annotations that would be looked up wrongly in the namespace where the entry was born.

    ``typing.get_type_hints`` evaluates them in ``__globals__``, which cannot be changed. Only those in which some name
    means another object now are replaced, by what they mean.
    """
    born, now = function.__globals__, local.__globals__
    strings = local.__code__.co_flags & _STRING_ANNOTATIONS
    if born is now or (getattr(function, "__annotate__", None) is not None and not strings):
        return
    changed = {}
    for name, annotation in function.__annotations__.items():
        if is_a(annotation, str) and any(born.get(one) is not now.get(one) for one in _NAME.findall(annotation)):
            try:
                changed[name] = eval(annotation, now)
            except Exception:
                continue  # a name that exists for type checkers only: it has no meaning in the old namespace either
    if changed:
        function.__annotations__ = {**function.__annotations__, **changed}


def _share_attributes(block: Block, entry: Entry, was: Callable[..., Any] | None, local: FunctionType) -> None:
    """Give an entry the attributes of its new function, and keep those that others have set on it."""
    held = entry.function.__dict__
    if local.__dict__ is held:
        return
    born = was.__dict__ if is_a(was, FunctionType) and entry.wrapper else entry.own_attributes
    entry.own_attributes = dict(local.__dict__)
    for key, value in held.items():
        if key not in born:
            local.__dict__.setdefault(key, value)
        elif block.patchable and block.patches.is_patch(entry.function, key, value, born[key]):
            local.__dict__[key] = value  # a test has put it there, and puts back what it found
    entry.function.__dict__ = local.__dict__


def disarm_entries(block: Block, generation: Generation) -> None:
    """Once nothing older runs: give each entry the exact signature of the function that it forwards to."""
    for entry in block.slots:
        local = generation.locals.get(entry)
        drop_signature(entry)
        if entry.armed and entry.kind is not EntryKind.METHOD and is_a(local, FunctionType):
            if entry.shown != generation.number:
                _present(block, entry, None, generation)  # its module has joined this generation since the commit
            hide = hides_forwarders(block, entry)
            number = generation.number
            if not narrow(entry.function, block.reference, entry.slot, local, generation=number, hide=hide):
                show_signature(entry, local)
