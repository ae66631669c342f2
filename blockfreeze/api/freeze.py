"""Freezing: the ways in which a module becomes a block, early, late and from inside.

*Early* (by name, before anyone imports it; `install`): the body runs once, linked. *Late* (a module that is imported
already): the world as it is becomes generation 0, and the body runs once more, as generation 1, by a swap like any
other, so that functions and classes that others took keep their identity. *From inside* (`freeze_block` called by
the module itself while a plain import is running it): late, as soon as the body has ended.

Whatever fails is a `FreezeError`, and nothing was changed.
"""

from __future__ import annotations

import dis
import importlib
import sys
from collections.abc import Callable, Iterable
from importlib.abc import FileLoader
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from blockfreeze.api import registry
from blockfreeze.api.existing_world import adopt_world
from blockfreeze.api.following import follow_at_start, version_for
from blockfreeze.api.opening import begin_in_release, forget_opened, new_block, open_installed, reload_spec
from blockfreeze.building.stages import begin, first_complete
from blockfreeze.core.errors import BlockfreezeError, FreezeError, SwapError
from blockfreeze.core.events import Frozen, announce
from blockfreeze.core.safe_access import is_a, is_our_own, own_attribute
from blockfreeze.dispatch.caller_view import skipped
from blockfreeze.linking import cpython
from blockfreeze.model.block import Block
from blockfreeze.model.records import DEFAULT_OPTIONS, Options
from blockfreeze.swapping.prepare import prepare
from blockfreeze.versions.module_source import find_plain_spec, is_linkable
from blockfreeze.versions.snapshot import Snapshot


def freeze_error(name: str, reason: str, remedy: str) -> FreezeError:
    """Return the error for a module that cannot be a block."""
    return FreezeError(f"{name}: the module was not frozen: {reason}; {remedy}", module=name, reason=reason)


def refuse_unknown(name: str) -> None:
    """Refuse to freeze anything in an interpreter where that is not known to work.

    Raises:
        FreezeError: it is another version, or not the one that the process began with.
    """
    reason = cpython.reason_to_refuse()
    if reason is not None:
        raise freeze_error(name, reason, "let the module be as it is, or run it where blocks work")


@skipped
def freeze(
    names: tuple[str, ...],
    entry_points: Iterable[str] = (),
    options: Options = DEFAULT_OPTIONS,
    pointer: str | None = None,
) -> ModuleType:
    """Make one block of the modules `names`, which a release `pointer` may lead to; return the first one's facade.

    Raises:
        FreezeError: one of them cannot be frozen; nothing was changed.
    """
    existing = registry.covering(names[0])
    if existing is not None:
        return _already_frozen(existing, names, entry_points)
    if options.inline and options.patchable:
        raise freeze_error(names[0], "with inline=True there are no calls to be patched", "leave out patchable=True")
    block = new_block(names, options)
    for name in names:
        others = registry.inside(name) + [one for one in [registry.covering(name)] if one is not None]
        if others:
            raise freeze_error(
                name, f"{others[0].name!r} is a block of its own", "freeze the whole package first, or leave it out"
            )
    registry.put_finder_first(registry.BlockFinder(open_installed, reload_spec))
    inside = [name for name in tuple(sys.modules) if block.covers(name) and name not in names]
    block.elsewhere.update(name for name in inside if _is_elsewhere(name, sys.modules.get(name)))
    loaded = [name for name in sys.modules if block.covers(name) and is_a(sys.modules[name], ModuleType)]
    if any(name in loaded for name in names):
        _freeze_late(block, snapshot_of(names), loaded, pointer)
    else:
        _freeze_early(block, snapshot_of(names) if pointer is None else Snapshot(names), names, pointer)
    announce(block.subscribers, Frozen(block.name, block.current.number, block.current.label))
    if pointer is not None:
        _follow(block)
    block.declared_entries |= set(entry_points)
    _check_entry_points(block, entry_points)
    return block.facades[names[0]]


def _is_elsewhere(name: str, found: object) -> bool:
    """Tell whether an imported module has put another object in its place, which is what `sys.modules` has."""
    spec = own_attribute(found, "__spec__")
    another = not is_a(found, ModuleType) or (is_a(spec, ModuleSpec) and spec.name != name)
    return another and found is not None


def _check_entry_points(block: Block, entry_points: Iterable[str]) -> None:
    for entry in entry_points:
        if not any(entry in member.namespace for member in block.current.members.values()):
            raise BlockfreezeError(
                f"{block.name}: the module is frozen, but the entry point {entry!r} is not one of its names; "
                "correct entry_points=",
                block=block.name,
            )


def _already_frozen(block: Block, names: tuple[str, ...], entry_points: Iterable[str]) -> ModuleType:
    for name in names:
        if registry.covering(name) is not block:
            raise freeze_error(
                name, f"{names[0]!r} belongs to the block {block.name!r} already", "freeze them in one call"
            )
        if name not in block.facades:
            importlib.import_module(name)
    block.declared_entries |= set(entry_points)
    return block.facades[names[0]]


def snapshot_of(names: tuple[str, ...]) -> Snapshot:
    """Read the sources of the modules `names` and of everything in them; only their parents are imported.

    Raises:
        FreezeError: one of them cannot be frozen.
    """
    refuse_unknown(names[0])
    importlib.invalidate_caches()
    specs: list[ModuleSpec] = []
    for name in names:
        refuse_unfit(name)
        specs.append(_checked(name, _find_spec(name)))
    try:
        return Snapshot.of_roots(specs)
    except (ImportError, OSError, ValueError) as error:
        raise freeze_error(names[0], f"{type(error).__name__}: {error}", "see the chained exception") from error


def refuse_unfit(name: str) -> None:
    """Refuse a module that is never a block, wherever it comes from.

    Raises:
        FreezeError: it is the script that runs, or blockfreeze itself.
    """
    if name == "__main__":
        raise freeze_error(
            name, "it is being run as a script", "put the code into a module, and import that from the script"
        )
    if is_our_own(name):
        raise freeze_error(name, "it is what does the freezing", "freeze your own modules")


def _find_spec(name: str) -> ModuleSpec | None:
    """Return the spec of a module: that with which it was loaded, or else that which the import system finds."""
    own = _own_spec(name)
    parent = name.rpartition(".")[0]
    try:
        path = importlib.import_module(parent).__path__ if parent else None
        found = find_plain_spec(name, path)
    except (ImportError, ValueError, AttributeError) as error:
        if own is not None:
            return own
        raise freeze_error(name, f"there is no such module ({error})", "check the name and sys.path") from error
    return found if own is None or (found is not None and found.origin == own.origin) else own


def _own_spec(name: str) -> ModuleSpec | None:
    """Return the spec that a loaded module has of its own, where that still tells how to load it.

    Whoever loads a module by `importlib.util.spec_from_file_location` need not put it where imports look.
    """
    spec = own_attribute(sys.modules.get(name), "__spec__")
    if not is_a(spec, ModuleSpec) or spec.name != name or not is_linkable(spec):
        return None
    gone = is_a(spec.loader, FileLoader) and not Path(spec.origin or "").exists()
    return None if gone else spec


def _checked(name: str, spec: ModuleSpec | None) -> ModuleSpec:
    if spec is None:
        raise freeze_error(name, "there is no such module", "check the name and sys.path")
    if spec.origin == "built-in":
        raise freeze_error(name, "it is a built-in module, which has no Python code", "freeze what calls it")
    if spec.submodule_search_locations is not None and spec.origin is None:
        raise freeze_error(
            name, "it is a namespace package, which has no code of its own", "freeze the packages inside it"
        )
    if is_a(spec.loader, ExtensionFileLoader):
        raise freeze_error(name, "it is an extension module, which has no Python code", "freeze what calls it")
    if not is_linkable(spec):
        loader = type(spec.loader).__name__
        raise freeze_error(
            name, f"its loader, a {loader!r}, hands out no code", "give the loader the method 'get_code'"
        )
    return spec


def block_of(module: Any, what: str) -> Block:
    """Return the block of `module`, a module or its name; see `registry.block_of`.

    A module that matches a pattern of `install`, and was loaded without asking the import system, becomes a block now.
    """
    name = module if isinstance(module, str) else own_attribute(module, "__name__")
    if isinstance(name, str) and isinstance(module, str | ModuleType) and registry.covering(name) is None:
        loaded = sys.modules.get(name)
        if registry.is_awaited(name) and is_a(loaded, ModuleType) and module in (name, loaded):
            freeze((name,))
    return registry.block_of(module, what)


def _follow(block: Block) -> None:
    try:
        follow_at_start(block)
    except (SwapError, OSError, ValueError) as error:
        raise FreezeError(
            f"{block.name}: the module is frozen, but the pointer has moved, and its release was refused: {error}",
            module=block.name,
            reason=str(error),
        ) from error


def _begin(block: Block, snapshot: Snapshot, pointer: str | None) -> None:
    if pointer is None:
        begin(block, snapshot)
        return
    refuse_unknown(block.name)
    for name in block.roots:
        refuse_unfit(name)
    try:
        begin_in_release(block, snapshot, pointer)
    except (ImportError, OSError, ValueError) as error:
        registry.remove(block)
        reason = f"the release at {pointer!r} cannot be read: {type(error).__name__}: {error}"
        raise freeze_error(block.name, reason, "let the pointer lead to a release that has it") from error


def _freeze_early(block: Block, snapshot: Snapshot, names: tuple[str, ...], pointer: str | None) -> None:
    block.pointer = pointer
    registry.add(block)
    _begin(block, snapshot, pointer)
    try:
        for name in names:
            if importlib.import_module(name) is not block.facades.get(name):
                raise freeze_error(name, "it replaces itself in sys.modules", "freeze the module that it stands for")
        first_complete(block)
    except BaseException as error:
        forget_opened(block)
        if isinstance(error, KeyboardInterrupt | FreezeError):
            raise
        raise freeze_error(
            names[0], f"its body raised {type(error).__name__}: {error}", "mend the module and freeze it again"
        ) from error


@skipped
def _freeze_late(block: Block, snapshot: Snapshot, loaded: list[str], pointer: str | None) -> None:
    kinds = {name: type(sys.modules[name]) for name in loaded}
    try:
        adopt_world(block, begin(block, snapshot, number=0), loaded)
        registry.add(block)
        block.pointer = pointer
        candidate = prepare(block, version_for(block))
        candidate.forget_predecessor()
        candidate.commit()
    except BaseException as error:
        registry.remove(block)
        for name, kind in kinds.items():
            if sys.modules.get(name) is block.facades.get(name):
                ModuleType.__setattr__(sys.modules[name], "__class__", kind)
        if isinstance(error, KeyboardInterrupt | FreezeError):
            raise
        cause = error.__cause__ if error.__cause__ is not None else error
        raise freeze_error(
            block.name,
            f"its body could not be run once more: {type(cause).__name__}: {cause}",
            "freeze it by name before it is first imported, or make its body fit to run again",
        ) from cause


def freeze_from_inside(frame: FrameType, name: str, freeze_now: Callable[[], object]) -> None:
    """Freeze the module whose body runs in `frame` as soon as that body has ended.

    The profiler is the one hook that every version has for the end of a frame; one that was set is called as before.
    """
    previous: Any = sys.getprofile()

    def watch(found: FrameType, event: str, argument: Any) -> None:
        if previous is not None:
            previous(found, event, argument)
        if found is frame and event == "return":
            sys.setprofile(previous)
            if dis.opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN"):
                freeze_now()

    sys.setprofile(watch)
