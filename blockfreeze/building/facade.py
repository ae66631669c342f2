"""The facade: the module object of ``sys.modules``, which keeps its identity for ever.

Until its block is first swapped a facade is *direct*: its own ``__dict__`` is the namespace of the first generation,
and reading an attribute is CPython's own look-up. From the first swap on it is *armed*: every attribute is looked up in
the generation to which the access belongs, found by one load of the block's reference.

Most reads of an armed facade need no such look-up: see `blockfreeze.dispatch.shown`, and `show_steady` here.

Threads: reading needs no lock. Nothing here stores the reference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from types import ModuleType

from blockfreeze.building.facade_class import facade_class, is_facade_class, origin_of
from blockfreeze.building.facade_look_up import class_of_module, shown_in
from blockfreeze.dispatch.shown import NOTHING, VIEW
from blockfreeze.model.block import Block, Generation


def create_facade(block: Block, name: str) -> ModuleType:
    """Return a new facade for the member `name`, a direct one, and enter it into the block's table."""
    facade = ModuleType(name)
    make_facade(block, name, facade)
    return facade


def make_facade(block: Block, name: str, module: ModuleType) -> None:
    """Let `module`, which may have given itself a class, be the facade of the member `name`, a direct one."""
    ModuleType.__setattr__(module, "__class__", facade_class(block, name, type(module), armed=False))
    block.facades[name] = module


def is_facade(module: object) -> bool:
    """Tell whether `module` is a facade of some block."""
    return is_facade_class(type(module))


def shown_by(module: ModuleType) -> Block | None:
    """Return the block of which a module is a facade; None if it is none."""
    return origin_of(type(module)).block if is_facade(module) else None


def arm_facade(facade: ModuleType) -> None:
    """Let `facade` answer for the generation of each access; neutral while the first one serves."""
    view = getattr(type(facade), VIEW, None)
    if view is None:
        _become(facade, armed=True)
    else:
        view.shown = NOTHING


def show_as(facade: ModuleType, second: ModuleType) -> None:
    """Let a second module answer as `facade` does when it is armed: its own dictionary is no namespace of the block."""
    block, name, kind = origin_of(type(facade))
    ModuleType.__setattr__(second, "__class__", facade_class(block, name, kind, armed=True))


def disarm_facade(facade: ModuleType) -> None:
    """Let `facade` read its own dictionary again: the block is as it was before its first swap."""
    if hasattr(type(facade), VIEW):
        _become(facade, armed=False)


def _become(facade: ModuleType, *, armed: bool) -> None:
    block, name, _ = origin_of(type(facade))
    kind = class_of_module(block.current, name)
    ModuleType.__setattr__(facade, "__class__", facade_class(block, name, kind, armed=armed))


def show_steady(block: Block, names: Iterable[str] | None = None) -> None:
    """Let reading go straight to the namespaces of the generation that serves, if versions do not overlap.

    Threads: any. Who begins an overlap arms the facades after the vector of the overlap is in place, which needs the
    same lock: so what is shown here is never seen while versions overlap. Who loads a member does not wait for it: if
    it is taken, an overlap begins, and its end shows all.

    Args:
        names: of which members; all if None.
    """
    if not block.locks.arming.acquire(blocking=names is None):
        return
    try:
        head = block.reference.vector[0]
        if not head.is_overlap:
            _show(block, head.current, (), tuple(block.facades) if names is None else names)
    finally:
        block.locks.arming.release()


def show_agreed(block: Block) -> None:
    """While versions overlap: let reading go straight to what a name means in each of them, if that is the same.

    Threads: by the one that holds the block's claim, while no generation is being built.
    """
    with block.locks.arming:
        current = block.current
        others = [one for one in tuple(block.generations.values()) if one is not current]
        _show(block, current, others, tuple(block.facades))


def _show(block: Block, current: Generation, others: Collection[Generation], names: Iterable[str]) -> None:
    for name in names:
        facade = block.facades.get(name)
        if facade is None or not hasattr(type(facade), VIEW):
            continue
        if origin_of(type(facade)).kind is not class_of_module(current, name):
            _become(facade, armed=True)
        getattr(type(facade), VIEW).shown = shown_in(name, current, others)
