"""What an armed facade answers where its view does not: the attribute in the generation to which an access belongs.

Threads: reading needs no lock.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from types import FrameType, ModuleType
from typing import Any

from blockfreeze.building.late_import import PATIENCE
from blockfreeze.core.safe_access import ABSENT
from blockfreeze.dispatch.caller_view import skipped
from blockfreeze.dispatch.lazy_names import LAZY, is_pending, resolved, shown
from blockfreeze.dispatch.shown import NOTHING, Tables
from blockfreeze.model.block import Block, Generation, Member

_OF_EVERY_MODULE = frozenset({"__name__", "__file__", "__doc__", "__package__", "__loader__", "__cached__"})


def class_of_module(generation: Generation, name: str) -> type:
    """Return the class that the member `name` of a generation has given itself; that of modules if none."""
    return generation.classes.of_modules.get(name, ModuleType)


def shown_in(name: str, current: Generation, others: Collection[Generation]) -> Tables:
    """Return the tables for a view of the member `name`.

    What is not simply what a namespace says is left apart: state, which may live elsewhere, and promised imports.

    Args:
        others: the generations besides the current one that an access may belong to.
    """
    members = [one.members[name] for one in (current, *others) if name in one.members]
    if len(members) < 1 + len(others):
        return NOTHING
    namespaces = [member.namespace for member in members]
    computed = (_computed(class_of_module(one, name)) for one in (current, *others))
    apart = {"__dict__"}.union(*(member.linkage.state for member in members), *computed).intersection(namespaces[0])
    if LAZY is not ABSENT:
        apart.update(key for one in namespaces for key, value in list(one.items()) if type(value) is LAZY)
    return namespaces[0], frozenset(apart), tuple(namespaces[1:]), current


def own_attributes(kind: type) -> dict[str, Any]:
    """Return what the class that a module has given itself has, and a module has not."""
    found: dict[str, Any] = {}
    for cls in reversed(kind.__mro__):
        if cls not in ModuleType.__mro__:
            found.update(vars(cls))
    return found


def data_descriptor(kind: type, attribute: str) -> Any:
    """Return what such a class has under a name, if it goes before what the module contains; None if nothing does."""
    found = None if kind is ModuleType else own_attributes(kind).get(attribute)
    return found if hasattr(type(found), "__set__") else None


def _computed(kind: type) -> set[str]:
    return {name for name, value in own_attributes(kind).items() if hasattr(type(value), "__set__")}


@skipped
def looked_up(
    facade: ModuleType, attribute: str, frame: FrameType | None, class_in: Callable[[Generation, ModuleType], Any]
) -> Any:
    """Return an attribute of a facade, for an access from `frame`.

    Args:
        class_in: returns the class by which a facade is looked at in a generation.

    Raises:
        AttributeError: as reading it of a plain module would.
    """
    block, name, _ = type(facade).blockfreeze_origin  # type: ignore[attr-defined]
    generation = block.reference.vector[0].locate(frame)[0]
    member = generation.members.get(name)
    if member is None:
        # Every form of import reads __spec__ of a module that it finds in sys.modules: that is the sign that
        # the code of this generation imports the module now. Who reads a name that it has (a package's
        # __path__), has imported it while an older generation served. Who reads what every module has, or a
        # dunder name that this one lacks, may be a mere scan of sys.modules.
        own = ModuleType.__getattribute__(facade, "__dict__")
        if attribute in _OF_EVERY_MODULE and attribute in own:
            return own[attribute]
        wanted = attribute in own or attribute == "__spec__" or not attribute.startswith("__")
        member = block.load_member(generation, name) if wanted else None
        if member is None:
            return _type_attribute(facade, class_in(generation, facade), name, attribute)
    namespace = member.namespace
    if data_descriptor(class_of_module(generation, name), attribute) is not None:
        return _type_attribute(facade, class_in(generation, facade), name, attribute)
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
    return _type_attribute(facade, class_in(generation, facade), name, attribute, namespace.get("__getattr__"))


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
def _type_attribute(facade: ModuleType, cls: Any, name: str, attribute: str, missing: Any = None) -> Any:
    if attribute == "__class__":
        return cls
    for one in cls.__mro__:
        found = one.__dict__.get(attribute, ABSENT)
        if found is not ABSENT and attribute != "__getattribute__":
            get = getattr(type(found), "__get__", None)
            return found if get is None else get(found, facade, cls)
    # If the facade's own class has one, the interpreter calls it, and that goes on here.
    last = None if hasattr(type(facade), "__getattr__") else getattr(cls.blockfreeze_origin.kind, "__getattr__", None)
    if missing is not None:
        try:
            return missing(attribute)
        except AttributeError:
            if last is None:
                raise
    if last is not None:
        return last(facade, attribute)
    raise AttributeError(f"module {name!r} has no attribute {attribute!r}", name=attribute, obj=facade)
