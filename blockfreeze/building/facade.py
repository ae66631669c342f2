"""The facade: the module object of ``sys.modules``, which keeps its identity for ever.

Until its block is first swapped a facade is *direct*: its own ``__dict__`` is the namespace of the first generation,
and reading an attribute is CPython's own look-up. From the first swap on it is *armed*: every attribute is looked up in
the generation to which the access belongs, found by one load of the block's reference.

Writing is the same in both: a definition may not be rebound (`FrozenBlockError` names the remedy), any other name is
set in the generation of the access. Dunder names stay writable, as on any module.

Threads: reading needs no lock. Nothing here stores the reference.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress
from types import FrameType, ModuleType
from typing import Any

from blockfreeze.building.late_import import PATIENCE
from blockfreeze.core.errors import FrozenBlockError
from blockfreeze.core.safe_access import ABSENT
from blockfreeze.dispatch.caller_view import skipped
from blockfreeze.dispatch.lazy_names import LAZY, is_pending, resolved, shown
from blockfreeze.model.block import Block, Generation, Member
from blockfreeze.state.patches import set_name

_OF_EVERY_MODULE = frozenset({"__name__", "__file__", "__doc__", "__package__", "__loader__", "__cached__"})

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
    reference = block.reference

    class ArmedFacade(direct_class(block, name, base)):  # type: ignore[misc]
        blockfreeze_armed = True

        @skipped
        def __getattribute__(self, attribute: str) -> Any:
            generation = reference.vector[0].of_caller
            member = generation.members.get(name)
            if member is None:
                # Every form of import reads __spec__ of a module that it finds in sys.modules: that is the sign that
                # the code of this generation imports the module now. Who reads a name that it has (a package's
                # __path__), has imported it while an older generation served. Who reads what every module has, or a
                # dunder name that this one lacks, may be a mere scan of sys.modules.
                own = ModuleType.__getattribute__(self, "__dict__")
                if attribute in _OF_EVERY_MODULE and attribute in own:
                    return own[attribute]
                wanted = attribute in own or attribute == "__spec__" or not attribute.startswith("__")
                member = block.load_member(generation, name) if wanted else None
                if member is None:
                    return _type_attribute(self, base, name, attribute)
            namespace = member.namespace
            if attribute in member.linkage.state and name in block.homes:
                home = member.home_of(block, attribute)
                if attribute in home:
                    return resolved(home, attribute)
            value = namespace.get(attribute, ABSENT)
            if type(value) is LAZY:
                value = shown(namespace, attribute)
            if value is ABSENT and not member.finished:
                value = _once_loaded(block, namespace, attribute)
            if value is not ABSENT and attribute != "__dict__":
                return value
            if attribute == "__dict__":
                return _mirrored(block, member)
            if attribute in ("__annotations__", "__annotate__"):
                return _annotations(namespace, attribute)
            child = f"{name}.{attribute}"
            if is_pending(child):
                with suppress(ModuleNotFoundError):
                    importlib.import_module(child)
            if child in block.published and block.load_member(generation, child) is not None:
                return block.facades[child]  # imported while an older generation served, maybe a moment ago
            if child not in block.facades and sys.modules.get(child) is not None:
                return sys.modules[child]  # no member (an extension module): the import system has told the first one
            return _type_attribute(self, base, name, attribute, namespace.get("__getattr__"))

    return _named(ArmedFacade, base, (block, name, base))


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
    if not _is_armed(facade):
        ModuleType.__setattr__(facade, "__class__", armed_class(*type(facade).blockfreeze_origin))  # type: ignore[attr-defined]


def show_as(facade: ModuleType, second: ModuleType) -> None:
    """Let a second module answer as `facade` does when it is armed: its own dictionary is no namespace of the block."""
    ModuleType.__setattr__(second, "__class__", armed_class(*type(facade).blockfreeze_origin))  # type: ignore[attr-defined]


def disarm_facade(facade: ModuleType) -> None:
    """Let `facade` read its own dictionary again: the block is as it was before its first swap."""
    if _is_armed(facade):
        ModuleType.__setattr__(facade, "__class__", direct_class(*type(facade).blockfreeze_origin))  # type: ignore[attr-defined]


def _once_loaded(block: Block, namespace: dict[str, Any], attribute: str) -> Any:
    """Return what a name means when the thread that loads a member is done with it; absent, if it never is.

    That thread may wait for a module which the reader is importing. The import system goes on with an incomplete module
    then, and so does this.
    """
    if block.locks.loading.acquire(timeout=PATIENCE):
        block.locks.loading.release()
    return namespace.get(attribute, ABSENT)


def _mirrored(block: Block, member: Member) -> dict[str, Any]:
    if member.name in block.homes:
        for key in member.linkage.state:
            home = member.home_of(block, key)
            if home is not member.namespace and key in home:
                member.namespace[key] = home[key]
    return member.namespace


def _annotations(namespace: dict[str, Any], attribute: str) -> Any:
    # CPython computes them from the module's own dictionary, which is that of the first generation: let it compute
    # them for a module that has this generation's.
    module = ModuleType("annotations")
    vars(module).update(namespace)
    value = ModuleType.__getattribute__(module, attribute)
    return namespace.setdefault(attribute, value) if attribute == "__annotations__" else value


@skipped
def _type_attribute(facade: ModuleType, base: type, name: str, attribute: str, missing: Any = None) -> Any:
    if attribute == "__class__":
        return type(facade)
    for cls in type(facade).__mro__:
        found = cls.__dict__.get(attribute, ABSENT)
        if found is not ABSENT and attribute != "__getattribute__":
            get = getattr(type(found), "__get__", None)
            return found if get is None else get(found, facade, type(facade))
    if missing is not None:
        return missing(attribute)
    raise AttributeError(f"module {name!r} has no attribute {attribute!r}", name=attribute, obj=facade)


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
