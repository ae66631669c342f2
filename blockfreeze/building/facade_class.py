"""The classes of facades: what writes to a module goes through them, and what reads one that is armed.

Writing is the same in both states: a definition may not be rebound (`FrozenBlockError` names the remedy), any other
name is set in the generation of the access. Dunder names stay writable, as on any module.

A module may give itself a class (``sys.modules[__name__].__class__ = ...``). That belongs to the generation whose code
has given it, as all that a body makes does: a refused version leaves none, and a rollback brings the former one back. A
facade's own class derives from it first and from ours second, so that what it overrides goes first and its ``super()``
leads to ours. What the interpreter calls by a type, as ``module[key]`` does, is that of the generation that serves.

Threads: any.
"""

from __future__ import annotations

import importlib
import sys
import types
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from blockfreeze.building.facade_look_up import class_of_module, data_descriptor, looked_up, own_attributes
from blockfreeze.core.errors import FrozenBlockError
from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.dispatch.accesses import IS_COMPILED
from blockfreeze.dispatch.caller_view import skipped
from blockfreeze.dispatch.shown import VIEW, Shown, View, reading
from blockfreeze.model.block import Block, Generation, Member
from blockfreeze.state.patches import set_name

_getframe = sys._getframe  # taken now, as in `vector`
_ORIGIN = "blockfreeze_origin"
_ATTRIBUTE_METHODS = frozenset({"__getattribute__", "__getattr__", "__setattr__", "__delattr__"})


class Origin(NamedTuple):
    """What a facade's class was made for: a member of a block, and the class that the module has given itself."""

    block: Block
    name: str
    kind: type


class Facade(ModuleType):
    """The base of the classes of facades."""

    def __init_subclass__(cls) -> None:
        """Let a class that code has derived from ``type(module)`` derive from what a plain module's type would be."""
        super().__init_subclass__()
        if not is_facade_class(cls):
            cls.__bases__ = tuple(dict.fromkeys(map(_plain, cls.__bases__)))

    def __setattr__(self, attribute: str, value: Any) -> None:
        block, name, _ = origin_of(type(self))
        if attribute == "__class__":
            _give_class(self, value, _getframe(1))
            return
        if (descriptor := _data_descriptor(self, attribute)) is not None:
            type(descriptor).__set__(descriptor, self, value)
            return
        _checked(block, name, attribute, "set", _getframe(1))
        outside = _is_outside(block, _getframe(1))
        assign(block, name, self, attribute, value, outside=outside, patch=outside and block.patchable)

    def __delattr__(self, attribute: str) -> None:
        block, name, _ = origin_of(type(self))
        if (descriptor := _data_descriptor(self, attribute)) is not None:
            type(descriptor).__delete__(descriptor, self)
            return
        _checked(block, name, attribute, "deleted", _getframe(1))
        outside = _is_outside(block, _getframe(1))
        assign(block, name, self, attribute, ABSENT, outside=outside, patch=outside and block.patchable)

    def __reduce__(self) -> Any:
        # Pickled by reference, as tools that look for exactly ModuleType do with a plain module.
        return importlib.import_module, (origin_of(type(self)).name,)


def facade_class(block: Block, name: str, kind: type, *, armed: bool) -> Any:
    """Return a new class for the facade of the member `name`.

    Args:
        kind: the class that the module has given itself; that of modules if none.
        armed: attributes are read in the generation of the access, and not in the facade's own dictionary.
    """
    attributes: dict[str, Any] = {_ORIGIN: Origin(block, name, kind), "__doc__": kind.__doc__}
    attributes |= {"__qualname__": kind.__qualname__, "__module__": kind.__module__}
    if kind is ModuleType:
        return _armed(block, attributes) if armed else _new(kind.__name__, (Facade,), attributes)
    attributes |= {special: _for_generation(special) for special in _ATTRIBUTE_METHODS & own_attributes(kind).keys()}
    base = _armed(block, {_ORIGIN: attributes[_ORIGIN]}) if armed else Facade
    return _new(kind.__name__, (kind, base), attributes)


def _armed(block: Block, attributes: dict[str, Any]) -> Any:
    @skipped
    def look_up(facade: ModuleType, attribute: str, frame: FrameType | None) -> Any:
        return looked_up(facade, attribute, frame, _class_in)

    view = View(block.reference, look_up)
    if IS_COMPILED and attributes[_ORIGIN].kind is ModuleType:  # a class of one's own may have descriptors
        return _new(ModuleType.__name__, (Facade, Shown), attributes | {VIEW: view})
    return _new(ModuleType.__name__, (Facade,), attributes | {VIEW: view, "__getattribute__": skipped(reading(view))})


def _new(name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> Any:
    return types.new_class(name, bases, {}, lambda body: body.update(attributes))


def _class_in(generation: Generation, facade: ModuleType) -> Any:
    """Return the class by which a facade is looked at in a generation: its own, if the generation's module has that."""
    block, name, kind = origin_of(type(facade))
    wanted = class_of_module(generation, name)
    if wanted is kind:
        return type(facade)
    classes = generation.classes.of_facades
    if name not in classes or origin_of(classes[name]).kind is not wanted:
        classes[name] = facade_class(block, name, wanted, armed=True)
    return classes[name]


def _for_generation(special: str) -> Any:
    """Return what calls a special method of the class that the module has in the generation of the access."""

    @skipped
    def call(self: ModuleType, *args: Any) -> Any:
        block, name, _ = origin_of(type(self))
        cls = _class_in(block.reference.vector[0].locate(_getframe(1))[0], self)
        # Ours, which would come back here, is in the class itself if the module has given itself one.
        classes = cls.__mro__[origin_of(cls).kind is not ModuleType :]
        for one in classes:
            if special in one.__dict__:
                return one.__dict__[special](self, *args)
        raise AttributeError(f"module {name!r} has no attribute {args[0]!r}", name=args[0], obj=self)

    return call


def is_facade_class(cls: type) -> bool:
    """Tell whether a class is one that `facade_class` has made."""
    return _ORIGIN in cls.__dict__


def origin_of(cls: Any) -> Origin:
    """Return what the class of a facade was made for."""
    found: Origin = cls.blockfreeze_origin
    return found


def _plain(cls: type) -> type:
    """Return what the code that runs would have in the place of `cls` if its module were no block."""
    if not is_facade_class(cls):
        return ModuleType if cls is Facade else cls
    block, name, kind = origin_of(cls)
    generation, _ = _member_of(block, name)
    return kind if generation is None else class_of_module(generation, name)


def _data_descriptor(facade: ModuleType, attribute: str) -> Any:
    block, name, kind = origin_of(type(facade))
    generation, _ = (None, None) if kind is ModuleType else _member_of(block, name)
    return None if generation is None else data_descriptor(class_of_module(generation, name), attribute)


def _give_class(facade: ModuleType, value: Any, frame: FrameType) -> None:
    block, name, _ = origin_of(type(facade))
    kind = _plain(value) if is_a(value, type) else value
    ModuleType(name).__class__ = kind  # refuses what it would refuse of a plain module
    generation, member = _member_of(block, name)
    if generation is not None and member is not None:
        generation.classes.of_modules[name] = kind
        generation.classes.given_outside.discard(name)
        if member.finished and _is_outside(block, frame):
            generation.classes.given_outside.add(name)
    if generation in (None, block.current):
        ModuleType.__setattr__(facade, "__class__", facade_class(block, name, kind, armed=hasattr(type(facade), VIEW)))


def _member_of(block: Block, name: str) -> tuple[Generation | None, Member | None]:
    head = getattr(block.reference, "vector", (None,))[0]
    generation = None if head is None else head.generation
    return generation, None if generation is None else generation.members.get(name)


def _is_outside(block: Block, frame: FrameType) -> bool:
    # The import system sets a package's sub-modules.
    return id(frame.f_globals) not in block.by_globals and frame.f_globals.get("__name__") != "importlib._bootstrap"


def _checked(block: Block, name: str, attribute: str, verb: str, frame: FrameType) -> None:
    generation, member = _member_of(block, name)
    if (
        member is None
        or generation is None
        or block.patchable
        or not member.finished
        or not generation.phase.is_complete
    ):
        return
    if not _is_outside(block, frame):
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
