"""What others hold of a module that is imported already and not frozen yet."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any, Final

from blockfreeze.core.forecast import Capture
from blockfreeze.core.safe_access import is_a, own_attribute

_CONTAINERS: Final = (dict, list, set, tuple)


def find_captures(names: Iterable[str], covers: Callable[[str], bool]) -> tuple[Capture, ...]:
    """Return who outside of a block holds definitions of its modules `names`, imported and not frozen yet.

    Names in other modules are found by identity, and so are the containers that refer to a definition: a container is
    named by the module-level name or the instance attribute that leads to it, or by its type.

    Args:
        names: the block's modules; those that are not imported hold nothing that anybody could have.
        covers: tells whether a module belongs to the block.
    """
    modules = [(name, sys.modules[name]) for name in names if isinstance(sys.modules.get(name), ModuleType)]
    wanted: dict[int, tuple[str, Any]] = {}
    own: set[int] = set()
    for name, module in modules:
        own.add(id(vars(module)))
        for attribute, value in list(vars(module).items()):
            if _is_definition(name, value):
                wanted.setdefault(id(value), (f"{name}.{attribute}", value))
            elif is_a(value, _CONTAINERS):
                own.add(id(value))
    if not wanted:
        return ()
    found: dict[tuple[str, str], Capture] = {}
    places: dict[int, str] = {}
    others = [(name, vars(module)) for name, module in list(sys.modules.items()) if _is_other(name, module, covers)]
    for holder, namespace in others:
        own.add(id(namespace))
        for attribute, value in list(namespace.items()):
            match = wanted.get(id(value))
            if match is not None and match[1] is value:
                place = f"{holder}.{attribute}"
                found[place, match[0]] = Capture(match[0], place, _consequence(value, by_name=True))
            for inner, path in _containers(value, f"{holder}.{attribute}"):
                places.setdefault(id(inner), path)
    for holder_object in gc.get_referrers(*(value for _, value in wanted.values())):
        if isinstance(holder_object, _CONTAINERS) and id(holder_object) not in own:
            at = places.get(id(holder_object), f"a {type(holder_object).__name__}")
            for name, value in _held(holder_object, wanted):
                if id(holder_object) in places or not isinstance(holder_object, tuple):
                    found[at, name] = Capture(name, at, _consequence(value, by_name=False))
    return tuple(found[key] for key in sorted(found))


def _is_definition(module: str, value: Any) -> bool:
    # By type throughout: what others hold may be a proxy, which cannot be asked anything outside of its context.
    if is_a(value, ModuleType) or own_attribute(value, "__module__") != module:
        return False
    return is_a(value, (type, FunctionType)) or own_attribute(value, "__wrapped__") is not None


def _is_other(name: str, module: object, covers: Callable[[str], bool]) -> bool:
    return isinstance(module, ModuleType) and not covers(name) and name.partition(".")[0] != "blockfreeze"


def _containers(value: Any, path: str) -> Iterator[tuple[Any, str]]:
    if is_a(value, _CONTAINERS):
        yield value, path
    elif not is_a(value, (ModuleType, type, FunctionType)):
        attributes = own_attribute(value, "__dict__")
        for name, inner in list(attributes.items()) if isinstance(attributes, dict) else ():
            if is_a(inner, _CONTAINERS):
                yield inner, f"{path}.{name}"


def _held(holder: Any, wanted: dict[int, tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    values = [*holder.keys(), *holder.values()] if isinstance(holder, dict) else list(holder)
    for value in values:
        match = wanted.get(id(value))
        if match is not None and match[1] is value:
            yield match


def _consequence(value: Any, *, by_name: bool) -> str:
    if isinstance(value, FunctionType):
        return "it becomes the entry and stays current"
    if isinstance(value, type):
        return "it stays the class"
    if by_name:
        return "the name is pointed at each generation's own object"
    return "it stays with the version from before the freeze; look it up when it is used"
