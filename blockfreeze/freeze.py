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
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.machinery import ModuleSpec
from types import FrameType, FunctionType, ModuleType
from typing import Any

from blockfreeze import registry
from blockfreeze.asking import is_a, own_attribute
from blockfreeze.build import import_hook_load, load_member, new_facade
from blockfreeze.callers import skipped
from blockfreeze.drain import assume_idle
from blockfreeze.errors import BlockfreezeError, FreezeError
from blockfreeze.facade import born_class
from blockfreeze.generation import Block, Generation, Member
from blockfreeze.hooks import record_class
from blockfreeze.importlib_bootstrap import Body, LoadFacade, block_spec
from blockfreeze.methods import is_own
from blockfreeze.names import analyse, may_be_suspended, walk_codes
from blockfreeze.source import ModuleSource, Snapshot, find_plain_spec, is_linkable
from blockfreeze.swap import begin, first_complete, prepare, swap

__all__ = ["freeze", "freeze_from_inside", "install_patterns", "snapshot_of"]


def freeze_error(name: str, reason: str, remedy: str) -> FreezeError:
    """Return the error for a module that cannot be a block."""
    return FreezeError(f"{name}: the module was not frozen: {reason}; {remedy}", module=name, reason=reason)


def install_patterns(patterns: Iterable[str]) -> None:
    """Make blocks of the modules that match `patterns` when they are imported."""
    registry.add_patterns(patterns)
    registry.put_finder_first(registry.BlockFinder(_open_installed, _reload_spec))


@skipped
def freeze(names: tuple[str, ...], entry_points: Iterable[str], *, patchable: bool, history: int) -> ModuleType:
    """Make one block of the modules `names` and return the first one's facade.

    Raises:
        FreezeError: one of them cannot be frozen; nothing was changed.
    """
    existing = registry.covering(names[0])
    if existing is not None:
        return _already_frozen(existing, names, entry_points)
    block = _new_block(names, patchable=patchable, history=max(1, history))
    snapshot = snapshot_of(names)
    for name in names:
        others = registry.inside(name) + [one for one in [registry.covering(name)] if one is not None]
        if others:
            raise freeze_error(
                name, f"{others[0].name!r} is a block of its own", "freeze the whole package first, or leave it out"
            )
    registry.put_finder_first(registry.BlockFinder(_open_installed, _reload_spec))
    inside = [name for name in tuple(sys.modules) if block.covers(name) and name not in names]
    block.elsewhere.update(name for name in inside if _is_elsewhere(name, sys.modules.get(name)))
    loaded = [name for name in sys.modules if block.covers(name) and is_a(sys.modules[name], ModuleType)]
    if any(name in loaded for name in names):
        _freeze_late(block, snapshot, loaded)
    else:
        _freeze_early(block, snapshot, names)
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
    for name in names:
        if name == "__main__":
            raise freeze_error(
                name, "it is being run as a script", "put the code into a module, and import that from the script"
            )
        if name == "blockfreeze" or name.startswith("blockfreeze."):
            raise freeze_error(name, "it is what does the freezing", "freeze your own modules")
        _check_spec(name, _find_spec(name))
    try:
        return Snapshot.of_roots(names)
    except (ImportError, OSError, ValueError) as error:
        raise freeze_error(names[0], f"{type(error).__name__}: {error}", "see the chained exception") from error


def _find_spec(name: str) -> ModuleSpec | None:
    parent = name.rpartition(".")[0]
    try:
        path = importlib.import_module(parent).__path__ if parent else None
        return find_plain_spec(name, path)
    except (ImportError, ValueError, AttributeError) as error:
        raise freeze_error(name, f"there is no such module ({error})", "check the name and sys.path") from error


def _check_spec(name: str, spec: ModuleSpec | None) -> None:
    if spec is None:
        raise freeze_error(name, "there is no such module", "check the name and sys.path")
    if spec.origin == "built-in":
        raise freeze_error(name, "it is a built-in module, which has no Python code", "freeze what calls it")
    if spec.submodule_search_locations is not None and spec.origin is None:
        raise freeze_error(
            name, "it is a namespace package, which has no code of its own", "freeze the packages inside it"
        )
    if not is_linkable(spec):
        raise freeze_error(name, "it is an extension module, which has no Python code", "freeze what calls it")


def _freeze_early(block: Block, snapshot: Snapshot, names: tuple[str, ...]) -> None:
    registry.add(block)
    begin(block, snapshot)
    try:
        for name in names:
            if importlib.import_module(name) is not block.facades.get(name):
                raise freeze_error(name, "it replaces itself in sys.modules", "freeze the module that it stands for")
        first_complete(block)
    except BaseException as error:
        _forget_opened(block)
        if isinstance(error, KeyboardInterrupt | FreezeError):
            raise
        raise freeze_error(
            names[0], f"its body raised {type(error).__name__}: {error}", "mend the module and freeze it again"
        ) from error


def _forget_opened(block: Block) -> None:
    registry.remove(block)
    for name in [name for name in sys.modules if block.covers(name)]:
        if sys.modules[name] is block.facades.get(name) or name in block.facades:
            del sys.modules[name]
    for name in tuple(block.facades):
        parent, _, tail = name.rpartition(".")
        holder = sys.modules.get(parent)
        if holder is not None and vars(holder).get(tail) is block.facades[name]:
            delattr(holder, tail)


def _new_block(names: tuple[str, ...], *, patchable: bool, history: int) -> Block:
    block = Block(names, patchable=patchable, history=history)
    block.open_copy, block.load_member = open_copy, load_member
    return block


def _open_installed(name: str) -> ModuleSpec | None:
    """Open a block for a module that matches a pattern of `install` and is being imported for the first time."""
    parent = name.rpartition(".")[0]
    spec = find_plain_spec(name, sys.modules[parent].__path__ if parent else None)
    if spec is None or not is_linkable(spec) or (spec.origin is None and spec.submodule_search_locations is not None):
        return None
    block = _new_block((name,), patchable=False, history=2)
    snapshot = Snapshot((name,))
    snapshot.take(spec)
    registry.add(block)
    begin(block, snapshot)

    @contextmanager
    def load(facade: ModuleType) -> Iterator[Body | None]:
        try:
            with import_hook_load(block, name, facade) as body:
                yield body
            first_complete(block)
        except BaseException:
            _forget_opened(block)
            raise

    return block_spec(snapshot.modules[name], lambda: new_facade(block, name), load)


def open_copy(block: Block, source: ModuleSource) -> tuple[ModuleType, LoadFacade]:
    """Open a block for a second module of a member's source, linked as the first one is, which no swap concerns.

    Returns:
        its facade, and what runs the body.
    """
    name = source.name
    copy = _new_block((name,), patchable=block.patchable, history=1)
    copy.open_copy = None  # a third module of that source is a second one of the block
    snapshot = Snapshot((name,))
    snapshot.modules[name] = source
    begin(copy, snapshot)

    @contextmanager
    def load(facade: ModuleType) -> Iterator[Body | None]:
        with import_hook_load(copy, name, facade) as body:
            yield body
        first_complete(copy)

    return new_facade(copy, name), load


def _reload_spec(block: Block, name: str) -> ModuleSpec | None:
    """Return the spec with which ``importlib.reload`` swaps the whole block."""
    source = block.current.members[name].source if name in block.current.members else None
    if source is None:
        return None

    @skipped
    def load(facade: ModuleType) -> AbstractContextManager[None]:
        swap(block, None, None, wait=True, strict=False)
        return nullcontext()

    return block_spec(source, lambda: block.facades[name], load)


@skipped
def _freeze_late(block: Block, snapshot: Snapshot, loaded: list[str]) -> None:
    kinds = {name: type(sys.modules[name]) for name in loaded}
    try:
        adopt_world(block, begin(block, snapshot, number=0), loaded)
        registry.add(block)
        candidate = prepare(block, None)
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


def adopt_world(block: Block, world: Generation, loaded: list[str]) -> None:
    """Enter modules that are imported already as generation 0: what they define gets entries and classes."""
    for name in loaded:
        module = sys.modules[name]
        parent = name.rpartition(".")[0]
        path = getattr(sys.modules.get(parent), "__path__", None)
        source = world.snapshot.find(name, path)
        if source is None:
            continue  # an extension module, or one that was put together by hand: it is left as it is
        namespace: dict[str, Any] = vars(module)
        member = Member(name, namespace, source)
        member.linkage = analyse(source.compile(), lambda name, level: bool(level) or block.covers(name))
        block.adopt(world, member)
        block.homes[name] = namespace
        block.facades[name] = module
        block.published.add(name)
        ModuleType.__setattr__(module, "__class__", born_class(block, name, type(module)))
    for member in world.members.values():
        _adopt_definitions(block, world, member)
        member.finished = True
    first_complete(block)
    assume_idle(world)


def _adopt_definitions(block: Block, world: Generation, member: Member) -> None:
    functions: list[FunctionType] = []
    for name, definition in member.linkage.bound.items():
        value = member.namespace.get(name)
        if is_a(value, FunctionType) and definition.kind != "import" and is_own(block, value):
            if block.entry_of(value) is None:
                wrapped = definition.decorated and value.__globals__ is not member.namespace
                block.add_entry(world, member.name, name, value, wrapper=wrapped)
            functions.append(value)
        elif is_a(value, type) and definition.kind == "class" and member.made(value):
            record_class(world, (member.name, name), value)
            functions += [one for one in vars(value).values() if is_a(one, FunctionType)]
    for function in functions:
        world.codes += [code for code in walk_codes(function.__code__) if may_be_suspended(code)]


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
