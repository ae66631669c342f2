"""Who outside of a block holds definitions of its modules, which are imported already and not frozen yet.

Example: after ``from shop import pay`` in ``app`` and ``app.ROUTES["/pay"] = shop.pay``, the names are ``app.pay`` and
``app.ROUTES``. What neither a module's name nor an attribute of an object with such a name leads to is named by its
type: ``a dict``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any, Final

from blockfreeze.core.forecast import Capture
from blockfreeze.core.safe_access import is_a, own_attribute
from blockfreeze.reporting.holders import Holder, find_holders, namespace_of, program_modules

_CONTAINERS: Final = (dict, list, set, tuple)


def find_captures(names: Iterable[str], covers: Callable[[str], bool]) -> tuple[Capture, ...]:
    """Return who outside of a block holds definitions of its modules `names`.

    Args:
        names: the block's modules; those that are not imported hold nothing that anybody could have.
        covers: tells whether a module belongs to the block.
    """
    labels: dict[int, str] = {}
    wanted: dict[int, Any] = {}  # the one container here that holds them
    inside: set[int] = set()
    for name in names:
        module = sys.modules.get(name)
        for attribute, value in list(namespace_of(module).items()) if is_a(module, ModuleType) else ():
            if is_a(value, _CONTAINERS):
                inside.add(id(value))
            elif _is_definition(name, value):
                labels.setdefault(id(value), f"{name}.{attribute}")
                wanted[id(value)] = value
    paths: dict[int, str] = {}
    for name, module in program_modules() if wanted else ():
        if covers(name):
            inside.add(id(namespace_of(module)))
        else:
            _note_paths(name, module, paths)
    found = {
        Capture(labels[at], where, _consequence(wanted[at], by_name=bool(holder.modules)))
        for holder in find_holders(wanted, inside)
        for where, at in _where_held(holder, paths)
    }
    return tuple(sorted(found, key=lambda capture: (capture.holder, capture.name)))


def _is_definition(module: str, value: Any) -> bool:
    # By type throughout: what others hold may be a proxy, which cannot be asked anything outside of its context.
    if is_a(value, ModuleType) or own_attribute(value, "__module__") != module:
        return False
    return is_a(value, (type, FunctionType)) or own_attribute(value, "__wrapped__") is not None


def _note_paths(name: str, module: ModuleType, paths: dict[int, str]) -> None:
    """Note by which path each container is found that a module's name, or an attribute of what it names, leads to."""
    for attribute, value in list(namespace_of(module).items()):
        if is_a(value, _CONTAINERS):
            paths.setdefault(id(value), f"{name}.{attribute}")
        elif not is_a(value, (ModuleType, type, FunctionType)):
            attributes = own_attribute(value, "__dict__")
            for inner_name, inner in list(attributes.items()) if isinstance(attributes, dict) else ():
                if is_a(inner, _CONTAINERS):
                    paths.setdefault(id(inner), f"{name}.{attribute}.{inner_name}")


def _where_held(holder: Holder, paths: dict[int, str]) -> Iterator[tuple[str, int]]:
    """Yield where one holder has each of what it holds, with the id of that."""
    container, at = holder.container, id(holder.container)
    if holder.modules:
        for attribute, value in list(container.items()):
            yield from ((f"{module}.{attribute}", id(value)) for module in holder.modules if id(value) in holder.held)
    elif is_a(container, _CONTAINERS) and (at in paths or not is_a(container, tuple)):
        yield from ((paths.get(at, holder.kind), one) for one in holder.held)


def _consequence(value: Any, *, by_name: bool) -> str:
    if isinstance(value, FunctionType):
        return "it becomes the entry and stays current"
    if isinstance(value, type):
        return "it stays the class"
    if by_name:
        return "the name is pointed at each generation's own object"
    return "it stays with the version from before the freeze; look it up when it is used"
