"""The facade: the module object of ``sys.modules``, which keeps its identity for ever.

Until its block is first swapped a facade is *direct*: its own ``__dict__`` is the namespace of the first generation,
and reading an attribute is CPython's own look-up. From the first swap on it is *armed*: every attribute is looked up in
the generation to which the access belongs, found by one load of the block's reference.

Most reads of an armed facade need no such look-up: see `blockfreeze.dispatch.shown`, and `show_steady` here.

Writing is the same in both: a definition may not be rebound (`FrozenBlockError` names the remedy), any other name is
set in the generation of the access. Dunder names stay writable, as on any module.

Threads: reading needs no lock. Nothing here stores the reference.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Collection, Iterable
from types import FrameType, ModuleType
from typing import Any

from blockfreeze.building.facade_look_up import looked_up, shown_in
from blockfreeze.core.errors import FrozenBlockError
from blockfreeze.core.safe_access import ABSENT
from blockfreeze.dispatch.accesses import IS_COMPILED
from blockfreeze.dispatch.caller_view import skipped
from blockfreeze.dispatch.shown import NOTHING, VIEW, Shown, View, reading
from blockfreeze.model.block import Block, Generation, Member
from blockfreeze.state.patches import set_name

_getframe = sys._getframe  # taken now, as in `vector`


def create_facade(block: Block, name: str) -> ModuleType:
    """Return a new facade for the member `name`, a direct one, and enter it into the block's table."""
    facade: ModuleType = direct_class(block, name)(name)
    block.facades[name] = facade
    return facade


def direct_class(block: Block, name: str, base: type = ModuleType) -> Any:
    """Return the class of a direct facade for the member `name`.

    Args:
        base: the class of the module; a module may have given itself one of its own.
    """

    class Facade(base):  # type: ignore[misc]
        def __setattr__(self, attribute: str, value: Any) -> None:
            if attribute == "__class__":
                kind = armed_class if _is_armed(self) else direct_class
                value = kind(block, name, value)
                ModuleType.__setattr__(self, attribute, value)
                return
            _checked(block, name, self, attribute, "set")
            outside = _is_outside(block, _getframe(1))
            assign(block, name, self, attribute, value, outside=outside, patch=outside and block.patchable)

        def __reduce__(self) -> Any:
            # Pickled by reference, as tools that look for exactly ModuleType do with a plain module.
            return importlib.import_module, (name,)

        def __delattr__(self, attribute: str) -> None:
            _checked(block, name, self, attribute, "deleted")
            outside = _is_outside(block, _getframe(1))
            assign(block, name, self, attribute, ABSENT, outside=outside, patch=outside and block.patchable)

    return _named(Facade, base, (block, name, base))


def armed_class(block: Block, name: str, base: type = ModuleType) -> Any:
    """Return the class of an armed facade; the arguments are those of `direct_class`."""

    @skipped
    def look_up(facade: ModuleType, attribute: str, frame: FrameType | None) -> Any:
        return looked_up(block, name, base, facade, attribute, frame)

    view = View(block.reference, look_up)
    attributes: dict[str, Any] = {"blockfreeze_armed": True, VIEW: view}
    bases: tuple[type, ...] = (direct_class(block, name, base),)
    if IS_COMPILED and base is ModuleType:
        bases += (Shown,)
    else:
        attributes["__getattribute__"] = skipped(reading(view))
    armed = types.new_class("Facade", bases, {}, lambda body: body.update(attributes))
    return _named(armed, base, (block, name, base))


def _named(cls: Any, base: type, origin: tuple[Any, ...]) -> Any:
    cls.__name__, cls.__qualname__, cls.__module__ = base.__name__, base.__qualname__, base.__module__
    cls.__doc__ = base.__doc__
    cls.blockfreeze_origin = origin
    return cls


def _is_armed(facade: ModuleType) -> bool:
    return any("blockfreeze_armed" in cls.__dict__ for cls in type(facade).__mro__)


def is_facade(module: object) -> bool:
    """Tell whether `module` is a facade of some block."""
    return any("blockfreeze_origin" in cls.__dict__ for cls in type(module).__mro__)


def shown_by(module: ModuleType) -> Block | None:
    """Return the block of which a module is a facade; None if it is none."""
    block = getattr(type(module), "blockfreeze_origin", (None,))[0]
    return block if isinstance(block, Block) else None


def arm_facade(facade: ModuleType) -> None:
    """Let `facade` answer for the generation of each access; neutral while the first one serves."""
    view = getattr(type(facade), VIEW, None)
    if view is not None:
        view.shown = NOTHING
    if not _is_armed(facade):
        ModuleType.__setattr__(facade, "__class__", armed_class(*type(facade).blockfreeze_origin))  # type: ignore[attr-defined]


def show_as(facade: ModuleType, second: ModuleType) -> None:
    """Let a second module answer as `facade` does when it is armed: its own dictionary is no namespace of the block."""
    ModuleType.__setattr__(second, "__class__", armed_class(*type(facade).blockfreeze_origin))  # type: ignore[attr-defined]


def disarm_facade(facade: ModuleType) -> None:
    """Let `facade` read its own dictionary again: the block is as it was before its first swap."""
    if _is_armed(facade):
        ModuleType.__setattr__(facade, "__class__", direct_class(*type(facade).blockfreeze_origin))  # type: ignore[attr-defined]


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
        view = getattr(type(facade), VIEW, None)
        if view is not None:
            view.shown = shown_in(name, current, others)


def _member_of(block: Block, name: str) -> tuple[Generation | None, Member | None]:
    head = getattr(block.reference, "vector", (None,))[0]
    generation = None if head is None else head.generation
    return generation, None if generation is None else generation.members.get(name)


def _is_outside(block: Block, frame: FrameType) -> bool:
    # The import system sets a package's sub-modules.
    return id(frame.f_globals) not in block.by_globals and frame.f_globals.get("__name__") != "importlib._bootstrap"


def _checked(block: Block, name: str, facade: ModuleType, attribute: str, verb: str) -> None:
    generation, member = _member_of(block, name)
    if (
        member is None
        or generation is None
        or block.patchable
        or not member.finished
        or not generation.phase.is_complete
    ):
        return
    if not _is_outside(block, _getframe(2)):
        return  # the block's own code is not the outside: it does as it would unfrozen
    definition = member.linkage.bound.get(attribute)
    frozen = attribute in member.linkage.unbound or (definition is not None and definition.kind != "import")
    if frozen and not attribute.startswith("__"):
        raise FrozenBlockError(
            f"{name}: the definition {attribute!r} was not {verb}: its module is frozen as the block {block.name!r}; "
            f"change the source and swap, or in a test use blockfreeze.patched({name}, {attribute}=...), "
            "or freeze with patchable=True",
            module=name,
            name=attribute,
        )


def assign(
    block: Block, name: str, facade: ModuleType, attribute: str, value: Any, *, outside: bool = True, patch: bool
) -> None:
    """Set a name of the generation of this access, or delete it (`ABSENT`).

    Args:
        outside: it is not code of the block that does so.
        patch: it is set for a time, see `blockfreeze.patches`; state has that by itself.

    Raises:
        AttributeError: a name is to be deleted that there is not.
    """
    generation, member = _member_of(block, name)
    if member is None or generation is None:
        if value is ABSENT:
            ModuleType.__delattr__(facade, attribute)
        else:
            ModuleType.__setattr__(facade, attribute, value)
        return
    state = attribute in member.linkage.state and name in block.homes
    known = attribute in member.namespace or (state and attribute in member.home_of(block, attribute))
    if value is ABSENT and not known:
        raise AttributeError(f"module {name!r} has no attribute {attribute!r}", name=attribute, obj=facade)
    finished = member.finished and generation.phase.is_complete
    goes = finished and not state and (name, attribute) not in generation.variables
    if patch and goes:
        block.patches.put(block, generation, name, attribute, value)
    else:
        if outside and goes:
            member.set_outside.add(attribute)
        set_name(block, generation, member, attribute, value)
