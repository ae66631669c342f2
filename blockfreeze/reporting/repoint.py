"""After the commit: point from-imports of what could not keep its identity at the new object.

Functions and classes that keep their identity need nothing. What is left are classes of another shape and the objects
that some decorators make of a function (a cache, a single-dispatch table's class). A name in another module's
namespace is changed only where the very object is found.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, NamedTuple

from blockfreeze.building.build import load_joined
from blockfreeze.building.facade import is_facade
from blockfreeze.core.report import Repointed
from blockfreeze.core.safe_access import ATOMS, is_a, module_of, own_attribute
from blockfreeze.identity.layout import can_change
from blockfreeze.model.block import Block, Generation
from blockfreeze.reporting.holders import namespace_of, program_modules


def publish_members(block: Block, before: Generation, after: Generation) -> None:
    """Let ``sys.modules`` have exactly the members of `after`, as a cold start would."""
    load_joined(before, after)
    for name in before.members.keys() - after.members.keys():
        if name in after.snapshot.modules:
            continue
        if sys.modules.get(name) is block.facades.get(name):
            sys.modules.pop(name, None)
        block.published.discard(name)
    for name in after.members:
        # One that was taken out of sys.modules by somebody stays out.
        if name not in before.members or name not in block.published:
            sys.modules[name] = block.facades[name]
            block.published.add(name)


class Replaced(NamedTuple):
    """An object of one generation whose place another one has in the next; `name` is qualified by the module."""

    old: Any
    new: Any
    name: str


def find_replaced(block: Block, before: Generation, after: Generation) -> dict[int, Replaced]:
    """Return what `before` made and could not keep its identity in `after`, by the old object's id."""
    found: dict[int, Replaced] = {}
    for member in before.members.values():
        now = after.members.get(member.name)
        if now is None:
            continue
        for name, old in member.namespace.items():
            definition = member.linkage.bound.get(name)
            if (definition is not None and definition.kind == "import") or name not in now.namespace:
                continue
            new = now.namespace[name]
            if old is not new and id(old) not in member.foreign and _is_made_by(block, member.name, old):
                found[id(old)] = Replaced(old, new, f"{member.name}.{name}")
    for (module, name), variable in after.variables.items():
        was = before.variables.get((module, name))
        if was is not None and was.value is not variable.value and not is_a(was.value, ATOMS):
            found[id(was.value)] = Replaced(was.value, variable.value, f"{module}.{name}")
    return found


def _is_made_by(block: Block, name: str, value: Any) -> bool:
    """Tell whether `value` is a callable of the module `name`'s own making, and not an object that others have too."""
    if not callable(value) or is_a(value, (ModuleType, BuiltinFunctionType)) or block.entry_of(value) is not None:
        return False
    if is_a(value, type) and not can_change(value):
        return False  # an extension module's, which says that it is of this one
    if is_a(value, FunctionType) and not _is_at_home(value):
        return True  # made by exec in a namespace of its own
    if is_a(value, (type, FunctionType)) or own_attribute(value, "__wrapped__") is not None:
        return bool(own_attribute(value, "__module__") == name)
    return is_a(value, partial) or block.covers(module_of(type(value)))


def _is_at_home(function: FunctionType) -> bool:
    module = sys.modules.get(function.__module__ or "")
    return module is not None and (vars(module) is function.__globals__ or "__wrapped__" in function.__dict__)


def repoint(replaced: Mapping[int, Replaced]) -> list[Repointed]:
    """Point names elsewhere at the objects that have taken the place of the `replaced` ones, and return them."""
    pointed: list[Repointed] = []
    modules = program_modules() if replaced else ()
    for holder, namespace in [(name, namespace_of(module)) for name, module in modules if not is_facade(module)]:
        if replaced.keys().isdisjoint(map(id, list(namespace.values()))):
            continue
        for attribute, value in list(namespace.items()):
            match = replaced.get(id(value))
            if match is not None and match.old is value:
                namespace[attribute] = match.new
                pointed.append(Repointed(holder, attribute, match.name))
    return pointed
