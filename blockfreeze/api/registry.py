"""The blocks of this process, and the finder that makes modules their members: the only module-level mutable state.

What is changed under `_lock`: the blocks by the names of their roots, the patterns of `install` and their pointers, who
has subscribed to events, and whether the finder has been put in front of ``sys.meta_path``. Reading them needs no lock.
And the last events, and the one watcher, of all blocks, what shortens the turns of threads, what forks wait for, and
what tells that code begins to run: each has a lock of its own, or needs none.

Fork: it waits a while for threads that change a block. A child has only the thread that forked. A claim that another
thread held is given up in the child, where the generation that serves goes on serving, and a gate that another thread
has shut is open. What another thread was importing can be imported.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Protocol

from blockfreeze.building.build import spec_of
from blockfreeze.building.facade import shown_by
from blockfreeze.core.chronicle import Chronicle
from blockfreeze.core.errors import BlockfreezeError
from blockfreeze.core.events import Event, Subscriber
from blockfreeze.core.forks import Forks, let_child_import
from blockfreeze.core.hidden import HiddenObjects
from blockfreeze.core.main_greenlets import MainGreenlets
from blockfreeze.core.starts import Starts
from blockfreeze.core.turns import ShortTurns
from blockfreeze.draining.background import Watcher
from blockfreeze.model.block import Block, Generation
from blockfreeze.swapping.claim import release_in_child

_lock = threading.RLock()

_blocks: dict[str, Block] = {}

_patterns: dict[str, frozenset[str]] = {}
"""Each pattern of `install`, with the modules that were loaded before it and are left alone."""

_pointers: dict[str, str] = {}
"""The release pointer of each pattern of `install` that has one."""

_chronicle = Chronicle()

_subscribers: list[Subscriber] = [_chronicle]

_watcher = Watcher()

_turns = ShortTurns()

_starts = Starts()

_forks = Forks()

_frozen = HiddenObjects()

_mains = MainGreenlets()

_control: Control | None = None

_fences: dict[str, Callable[[], bool]] = {}
"""What says of a block, by its name, whether its requests are to be refused; see `blockfreeze.fleet.fence`."""

_exporters: dict[object, Callable[[], None]] = {}
"""What ends each export of metrics, by where it goes to."""


class Control(Protocol):
    """The control socket of this process; see `blockfreeze.control`."""

    def close(self) -> None:
        """Close it, and let nothing of it be left."""


class BlockFinder:
    """Finds the modules of blocks, and makes blocks of what `install` was told; leaves everything else alone."""

    finds_blocks = True

    def __init__(
        self,
        open_block: Callable[[str], ModuleSpec | None],
        reload_spec: Callable[[Block, str], ModuleSpec | None],
    ) -> None:
        self._open_block = open_block
        self._reload_spec = reload_spec

    def find_spec(
        self, name: str, path: Iterable[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module that is, or is to become, a member of a block; None for any other."""
        block = covering(name)
        if block is None:
            return self._open_block(name) if any(fnmatchcase(name, pattern) for pattern in tuple(_patterns)) else None
        if target is not None and target is block.facades.get(name):
            return self._reload_spec(block, name)
        generation: Generation = block.reference.vector[0].generation
        return spec_of(generation, name, path)


def add(block: Block) -> None:
    """Enter a block under each of its roots."""
    with _lock:
        block.subscribers, block.watcher = _subscribers, _watcher
        block.claim.turns, block.claim.starts, block.claim.forks = _turns, _starts, _forks
        block.search.frozen, block.search.mains = _frozen, _mains
        for root in block.roots:
            _blocks[root] = block


def remove(block: Block) -> None:
    """Take a block out again that could not be frozen."""
    with _lock:
        for root in block.roots:
            if _blocks.get(root) is block:
                del _blocks[root]


def add_patterns(patterns: Iterable[str], pointer: str | None = None) -> None:
    """Remember patterns of names that become blocks when they are imported, and the pointer to their releases."""
    with _lock:
        for pattern in patterns:
            if pointer is not None:
                _pointers[pattern] = pointer
            _patterns.setdefault(pattern, frozenset(name for name in tuple(sys.modules) if fnmatchcase(name, pattern)))


def pointer_for(name: str) -> str | None:
    """Return the release pointer of the first pattern that a module matches and that has one."""
    return next((pointer for pattern, pointer in tuple(_pointers.items()) if fnmatchcase(name, pattern)), None)


def is_awaited(name: str) -> bool:
    """Tell whether a module was to become a block when it was loaded."""
    return any(fnmatchcase(name, pattern) and name not in left for pattern, left in tuple(_patterns.items()))


def add_subscriber(subscriber: Subscriber) -> Callable[[], None]:
    """Let `subscriber` be told every event of every block, and return what ends that; ending it twice is harmless."""

    def told(event: Event) -> object:
        return subscriber(event)  # one object for each subscription, though the same function may subscribe twice

    def unsubscribe() -> None:
        with _lock:
            if told in _subscribers:
                _subscribers.remove(told)

    with _lock:
        _subscribers.append(told)
    return unsubscribe


def exporter(to: object, begin: Callable[[], Callable[[], None]]) -> Callable[[], None]:
    """Return what ends the export of metrics `to` a place; it is begun now by `begin`, if there is none."""

    def end() -> None:
        with _lock:
            ended = _exporters.pop(to, None)
        if ended is not None:
            ended()

    with _lock:
        if to not in _exporters:
            _exporters[to] = begin()
    return end


def put_finder_first(finder: BlockFinder) -> None:
    """Put the finder in front of ``sys.meta_path``, or the one that is there, if an import hook has got before it."""
    with _lock:
        ours = next((one for one in sys.meta_path if getattr(one, "finds_blocks", False)), finder)
        if sys.meta_path[:1] != [ours]:
            # An import under way in another thread may ask a finder twice, but leaves none out.
            sys.meta_path[:] = [ours, *(one for one in sys.meta_path if one is not ours)]


def covering(name: str) -> Block | None:
    """Return the block that the module `name` is, or would be, a member of."""
    while name:
        block = _blocks.get(name)
        if block is not None:
            return block
        name = name.rpartition(".")[0]
    return None


def inside(name: str) -> list[Block]:
    """Return the blocks that lie inside the package `name`."""
    return [block for root, block in _blocks.items() if root.startswith(name + ".")]


def named(name: str) -> Block | None:
    """Return the block of that name; None if there is none."""
    return next((block for block in all_blocks() if block.name == name), None)


def all_blocks() -> list[Block]:
    """Return every block once."""
    return list({id(block): block for block in _blocks.values()}.values())


def block_of(module: Any, what: str) -> Block:
    """Return the block that `module`, a module or its name, is a member of.

    Raises:
        BlockfreezeError: it is not frozen.
    """
    if isinstance(module, Block):
        return module
    name = module if isinstance(module, str) else getattr(module, "__name__", repr(module))
    block = covering(name)
    if isinstance(module, ModuleType):
        shown = shown_by(module)  # a module may have given itself another name
        block = shown if shown in all_blocks() else None
    if block is None:
        raise BlockfreezeError(
            f"{name}: the {what} was refused: the module is not a block; freeze it first with freeze_block({name!r})",
            module=name,
        )
    return block


def generation_of(namespace: dict[str, Any]) -> tuple[Block, Generation] | None:
    """Return the block and the generation that a namespace belongs to; None for any other namespace."""
    block = covering(str(namespace.get("__name__", "")))
    generation = None if block is None else block.by_globals.get(id(namespace))
    return None if block is None or generation is None else (block, generation)


def chronicle() -> Chronicle:
    """Return what remembers the last events of all blocks."""
    return _chronicle


def fence(name: str, is_shut: Callable[[], bool]) -> None:
    """Let the entries of servers refuse requests to a block for as long as `is_shut` says so."""
    _fences[name] = is_shut


def is_fenced(block: Block) -> bool:
    """Tell whether the requests to a block are to be refused now."""
    return bool(_fences) and any(_fences[name]() for name in (block.name, *block.roots) if name in _fences)


def forks() -> Forks:
    """Return what lets forks of the process wait for threads that are at work."""
    return _forks


def control(make: Callable[[], Control] | None = None) -> Control | None:
    """Return the control socket of this process, made now if there is none and `make` says how."""
    global _control
    with _lock:
        if _control is None and make is not None:
            _control = make()
        return _control


def forget_control() -> Control | None:
    """Take the control socket out again, and return it."""
    global _control
    with _lock:
        found, _control = _control, None
        return found


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()
    _watcher.renew()
    _turns.renew()
    _starts.renew()
    _forks.renew()
    let_child_import(lambda name: covering(name) is not None)
    for block in all_blocks():
        block.renew_locks()
        if release_in_child(block) and block.generations:
            gate = block.reference.vector[0].gate
            if gate is not None:
                gate.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_forks.before, after_in_parent=_forks.after, after_in_child=_after_fork_in_child)
