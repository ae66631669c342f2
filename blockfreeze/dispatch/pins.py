"""Pins: a context that stays in one generation of a block, until it is unpinned and all that it started has ended.

A context variable refers to a `Hold`, which says what generation of which block its context stays in. Contexts are
copied to tasks, so a task that was created inside is held as well. An access from a frame that no block frame encloses
belongs to the pinned generation; inside a block frame, the frame says more than the pin (a call stays where it began).

Invariants:
- A pin changes nothing while its generation serves: the plain vector does the same, and nobody looks here. Once another
  generation serves, the pin is lingering, so the overlap, whose vector asks for pins, lasts as long as the pin.
- A hold is counted while its ``with`` statement is open, and after that while a task that has inherited it is not done.
  A mere copy of the context (a callback that is registered for the life of a connection has one) is not counted: its
  hold is voided when the overlap ends.
- A generation is chosen by a pin only if the hold still has it once the choice can be seen on the stack.

Threads: a hold is entered into a block's table before it is relied on, and taken out when it dies.
"""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context, ContextVar, Token
from types import FrameType
from typing import Any, Final, Generic, TypeVar, cast

from blockfreeze.core.errors import BlockfreezeError
from blockfreeze.core.report import Lingering
from blockfreeze.dispatch.gate import Gate
from blockfreeze.dispatch.tasks import all_tasks, running_task
from blockfreeze.model.block import Block, Generation

G = TypeVar("G")

_getframe = sys._getframe  # taken now, as in `vector`


class Hold:
    """What one pin, and those around it, hold: a generation for each block, and who asked for it, and where."""

    __slots__ = ("__weakref__", "file", "function", "generations", "is_open", "leave", "line", "owner", "tasks")

    def __init__(self, generations: dict[Block, Generation], place: FrameType, function: str) -> None:
        self.generations = generations
        self.is_open = True
        self.owner = running_task() or threading.current_thread().name
        self.file = place.f_code.co_filename
        self.line = place.f_lineno or 0
        self.function = function or place.f_code.co_qualname
        self.leave: Callable[[int], object] | None = None  # closes its connection with a code, from any thread
        self.tasks: list[weakref.ref[Any]] = []  # those that have inherited it, as the last search found them

    def register(self) -> None:
        """Let every block of the hold know of it, as long as it lives."""
        key = id(self)
        for block in self.generations:
            table = block.search.pins

            def died(_: object, table: dict[int, Any] = table) -> None:
                table.pop(key, None)

            table[key] = weakref.ref(self, died)

    def unregister(self) -> None:
        """Take it out again: it did not come about."""
        for block in self.generations:
            block.search.pins.pop(id(self), None)


PINNED: Final[ContextVar[Hold | None]] = ContextVar("blockfreeze.pinned", default=None)
"""The hold of each context; set by `Pin` and `held_in` alone."""


def pinned(block: Block) -> Generation | None:
    """Return the generation of `block` that the running context is pinned to; None if to none."""
    hold = PINNED.get()
    return None if hold is None else hold.generations.get(block)


class Pin(Generic[G]):
    """A ``with`` statement, or ``async with``, whose context stays in one generation of each of its blocks.

    Entering returns the number of the generation, or a tuple of them. The generations are those of one moment: no
    commit of any of the blocks lies between. Inside a call of a block it is the generation in which the call runs, in
    a pinned context the pinned one, and the current one everywhere else. If a gate is shut, entering waits as a new
    call does; on the thread of an event loop ``async with`` awaits it.

    Threads: one ``with`` statement at a time for each object.
    """

    def __init__(self, blocks: tuple[Block, ...], function: str = "") -> None:
        self._blocks = blocks
        self._function = function
        self._hold: Hold | None = None
        self._token: Token[Hold | None] | None = None

    def __enter__(self) -> G:
        return self._enter(_getframe(1))

    async def __aenter__(self) -> G:
        frame = _getframe(1)
        while (gate := self._shut_gate(frame)) is not None:
            await gate.opened()
        return self._enter(frame)

    def let_leave(self, leave: Callable[[int], object] | None) -> None:
        """Say what closes the connection that is pinned, inside of the ``with`` statement."""
        if self._hold is not None:
            self._hold.leave = leave

    def __exit__(self, *exc: object) -> None:
        if self._hold is not None and self._token is not None:
            self._hold.is_open = False
            # Left in another context than it was entered in, as when a generator is finalized: nothing is to be reset.
            with suppress(ValueError):
                PINNED.reset(self._token)
            self._hold = self._token = None

    async def __aexit__(self, *exc: object) -> None:
        self.__exit__()

    def _enter(self, frame: FrameType) -> G:
        if self._hold is not None:
            name = "+".join(block.name for block in self._blocks)
            raise BlockfreezeError(
                f"{name}: the pin was refused: this object is in use by another with statement; "
                "call blockfreeze.pin() for each",
                block=name,
            )
        while True:
            vectors = [block.reference.vector for block in self._blocks]
            found = self._locate(frame)
            outer = PINNED.get()
            hold = Hold({**(outer.generations if outer else {}), **found}, frame, self._function)
            hold.register()
            # From here on every search sees the hold. What was found before holds if nothing has been stored since.
            stored = any(now.reference.vector is not then for now, then in zip(self._blocks, vectors, strict=True))
            gate = self._shut_gate(frame)
            if not stored and self._locate(frame) == found and (gate is None or not gate.blocks_thread()):
                break
            hold.unregister()
            if gate is not None:
                gate.wait()
        self._token = PINNED.set(hold)
        self._hold = hold
        numbers = tuple(found[block].number for block in self._blocks)
        return cast("G", numbers[0] if len(numbers) == 1 else numbers)

    def _locate(self, frame: FrameType) -> dict[Block, Generation]:
        return {block: block.reference.vector[0].locate(frame)[0] for block in self._blocks}

    def _shut_gate(self, frame: FrameType) -> Gate | None:
        """Return a gate that stops a pin from `frame`, as it would stop a new call; None if there is none."""
        for block in self._blocks:
            head = block.reference.vector[0]
            if head.gate is not None and head.gate.stops_thread():
                if not head.locate(frame)[1] and pinned(block) is None:
                    gate: Gate = head.gate
                    return gate
        return None


@contextmanager
def held_in(generation: Generation, place: FrameType) -> Iterator[Hold]:
    """Let the running context be in `generation`, which need not serve, for the length of a ``with`` statement.

    Args:
        place: the frame of that statement, for those who look for pins.
    """
    outer = PINNED.get()
    hold = Hold({**(outer.generations if outer else {}), generation.block: generation}, place, "")
    hold.register()
    token = PINNED.set(hold)
    try:
        yield hold
    finally:
        hold.is_open = False
        with suppress(ValueError):  # left in another context than it was entered in, as in `Pin`
            PINNED.reset(token)


def open_connections(block: Block, wanted: Collection[Generation]) -> list[Hold]:
    """Return the open pins to the `wanted` generations whose connections can be closed."""
    return [one for one in _holds(block) if one.is_open and one.leave and one.generations.get(block) in wanted]


def held_by(task: Any) -> Hold | None:
    """Return the hold that the context of a task has."""
    return next((hold for one in _contexts_of(task) if (hold := one.get(PINNED))), None)


def _contexts_of(task: Any) -> list[Any]:
    return [one for one in gc.get_referents(task, getattr(task, "__dict__", None)) if type(one) is Context]


def _holds(block: Block) -> list[Hold]:
    found = [reference() for reference in list(block.search.pins.values())]
    return [hold for hold in found if hold is not None]


def lingering_pins(block: Block, wanted: Collection[Generation], *, whole: bool = True) -> list[Lingering]:
    """Return the pins that hold one of the `wanted` generations, each with who holds it.

    Args:
        whole: find all of them. Otherwise one is enough, and the collector is asked last.
    """
    found: list[Lingering] = []
    inherited: list[tuple[Hold, Generation]] = []
    for hold in _holds(block):
        generation = hold.generations.get(block)
        if generation is None or generation not in wanted:
            continue
        if hold.is_open:
            found.append(_describe(hold, generation, hold.owner))
        else:
            inherited.append((hold, generation))
    if not whole:
        known = [(one, *held) for held in inherited for ref in held[0].tasks if (one := ref()) and not one.done()]
        found += [_describe(hold, generation, task.get_name()) for task, hold, generation in known]
        if found:
            return found
    _find_tasks([hold for hold, _ in inherited])
    for hold, generation in inherited:
        found += [_describe(hold, generation, task.get_name()) for ref in hold.tasks if (task := ref()) is not None]
    return found


def _describe(hold: Hold, generation: Generation, owner: str) -> Lingering:
    return Lingering(generation.number, "pin", owner, hold.file, hold.line, hold.function)


def void_pins(block: Block, generations: Iterable[Generation]) -> None:
    """Take `generations`, which have drained, out of the holds that only copies of contexts still have."""
    wanted = set(generations)
    for hold in _holds(block):
        if not hold.is_open and hold.generations.get(block) in wanted:
            hold.generations.pop(block, None)


def _find_tasks(holds: list[Hold]) -> None:
    """Note for each of `holds` the tasks that are not done and whose context has it.

    Several threads may do so at once: each stores whole lists.
    """
    found: dict[int, list[weakref.ref[Any]]] = {id(hold): [] for hold in holds}
    if holds:
        for task in all_tasks():
            contexts = _contexts_of(task)
            # A task cannot lose its hold before it is done, so whoever only waits for it need not search again.
            if not task.done():
                for held in {id(one.get(PINNED)) for one in contexts} & found.keys():
                    found[held].append(weakref.ref(task))
    for hold in holds:
        hold.tasks = found[id(hold)]
