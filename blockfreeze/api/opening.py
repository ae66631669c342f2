"""Opening a block: for modules that match a pattern, for a second module of one source, for `importlib.reload`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from importlib.machinery import ModuleSpec
from types import ModuleType

from blockfreeze.api import registry
from blockfreeze.api.following import follow_at_start, version_for
from blockfreeze.building.build import import_hook_load, load_member, member_spec, new_facade
from blockfreeze.building.facade import show_as
from blockfreeze.building.importlib_bootstrap import Body, LoadFacade, block_spec
from blockfreeze.building.stages import begin, first_complete
from blockfreeze.core.events import Frozen, announce
from blockfreeze.dispatch.caller_view import skipped
from blockfreeze.model.block import Block
from blockfreeze.model.records import DEFAULT_OPTIONS, Options
from blockfreeze.releases.version import Version, read
from blockfreeze.state.patches import Patches
from blockfreeze.swapping.prepare import swap
from blockfreeze.versions.module_source import ModuleSource, find_plain_spec, is_linkable
from blockfreeze.versions.snapshot import Snapshot


def install_patterns(patterns: Iterable[str], pointer: str | None) -> None:
    """Make blocks of the modules that match `patterns` when they are imported, from where the pointer leads."""
    registry.add_patterns(patterns, pointer)
    registry.put_finder_first(registry.BlockFinder(open_installed, reload_spec))


def forget_opened(block: Block) -> None:
    """Take a block whose first bodies have failed out of the registry and of `sys.modules`."""
    registry.remove(block)
    for name in [name for name in sys.modules if block.covers(name)]:
        if sys.modules[name] is block.facades.get(name) or name in block.facades:
            del sys.modules[name]
    for name in tuple(block.facades):
        parent, _, tail = name.rpartition(".")
        holder = sys.modules.get(parent)
        if holder is not None and vars(holder).get(tail) is block.facades[name]:
            delattr(holder, tail)


def new_block(names: tuple[str, ...], options: Options) -> Block:
    """Return a block of the modules `names`, with no generation yet."""
    block = Block(names, Patches(), options)
    block.open_copy, block.load_member = open_copy, load_member
    return block


def open_installed(name: str) -> ModuleSpec | None:
    """Open a block for a module that matches a pattern of `install` and is being imported for the first time."""
    pointer = registry.pointer_for(name)
    block = new_block((name,), DEFAULT_OPTIONS)
    snapshot = Snapshot((name,))
    if pointer is None:
        parent = name.rpartition(".")[0]
        spec = find_plain_spec(name, sys.modules[parent].__path__ if parent else None)
        unfit = spec is None or not is_linkable(spec)
        if spec is None or unfit or (spec.origin is None and spec.submodule_search_locations is not None):
            return None
        snapshot.take(spec)
    block.pointer = pointer
    registry.add(block)
    if pointer is None:
        begin(block, snapshot)
    else:
        _begin_pointed(block, snapshot, pointer)

    @contextmanager
    def load(facade: ModuleType) -> Iterator[Body | None]:
        try:
            with import_hook_load(block, name, facade) as body:
                yield body
            first_complete(block)
        except BaseException:
            forget_opened(block)
            raise
        announce(block.subscribers, Frozen(name, block.current.number, block.current.label))
        follow_at_start(block)

    return member_spec(block, block.current.snapshot.modules[name], load)


def _begin_pointed(block: Block, snapshot: Snapshot, pointer: str) -> None:
    """Open a block in the pointed release.

    Raises:
        ImportError: the pointer leads to nothing, or the release does not have the module.
    """
    try:
        begin_in_release(block, snapshot, pointer)
    except (OSError, ValueError) as error:
        registry.remove(block)
        raise ImportError(
            f"{block.name}: the release at {pointer!r} was not read: {error}; correct the pointer", name=block.name
        ) from error


def begin_in_release(block: Block, snapshot: Snapshot, pointer: str) -> None:
    """Open a block whose first generation is the release that `pointer` leads to now.

    Args:
        snapshot: any of the block's modules; it says what they are.

    Raises:
        OSError, ValueError, SyntaxError, ImportError: the release cannot be read.
    """
    reading = read(snapshot, Version(release=pointer), 1)
    block.pointer = pointer
    generation = begin(block, reading.snapshot)
    generation.release, generation.label = reading.release, reading.label
    generation.build.awaits_pointer = True


def open_copy(block: Block, source: ModuleSource) -> tuple[ModuleType, LoadFacade]:
    """Open a block for a second module of a member's source, linked as the first one is, which no swap concerns.

    But a host may load it by itself: it makes a module of the spec, puts that in the place of the one that is there,
    and lets the loader execute it. That is its way to reload. So it is a swap, and both modules show the block.

    Returns:
        its facade, and what runs the body.
    """
    name, facade = source.name, block.facades[source.name]
    in_place = sys.modules.get(name) is facade
    copy = new_block((name,), replace(block.options, history=1))
    copy.open_copy = None  # a third module of that source is a second one of the block
    snapshot = Snapshot((name,))
    snapshot.modules[name] = source
    begin(copy, snapshot)

    @contextmanager
    def load(second: ModuleType) -> Iterator[Body | None]:
        if in_place and sys.modules.get(name) is second:
            show_as(facade, second)
            sys.modules[name] = facade
            swap(block, version_for(block), None, wait=True, strict=False)
            yield None
            return
        with import_hook_load(copy, name, second) as body:
            yield body
        first_complete(copy)

    return new_facade(copy, name), load


def reload_spec(block: Block, name: str) -> ModuleSpec | None:
    """Return the spec with which ``importlib.reload`` swaps the whole block."""
    source = block.current.members[name].source if name in block.current.members else None
    if source is None:
        return None

    @skipped
    def load(facade: ModuleType) -> AbstractContextManager[None]:
        swap(block, version_for(block), None, wait=True, strict=False)
        return nullcontext()

    return block_spec(source, lambda: block.facades[name], load)
