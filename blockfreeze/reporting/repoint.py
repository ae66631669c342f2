"""After the commit: point from-imports of what could not keep its identity at the new object.

Functions and classes that keep their identity need nothing. What is left are classes of another shape and the objects
that some decorators make of a function (a cache, a single-dispatch table's class). A name in another module's
namespace is changed only where the very object is found.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from functools import lru_cache, partial
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final

from blockfreeze.building.build import load_joined
from blockfreeze.building.facade import is_facade
from blockfreeze.core.report import Repointed, Unreached
from blockfreeze.core.safe_access import ATOMS, is_a, own_attribute
from blockfreeze.identity.layout import can_change
from blockfreeze.model.block import Block, Generation

_HOLDERS = frozenset({dict, list, set})

_OWN_HOLDERS: Final[Mapping[type, int]] = {type(lru_cache(maxsize=1)(len)): 1}  # a generation lists its caches


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


def _replaced(block: Block, before: Generation, after: Generation) -> dict[int, tuple[Any, Any, str]]:
    found: dict[int, tuple[Any, Any, str]] = {}
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
                found[id(old)] = old, new, f"{member.name}.{name}"
    for (module, name), variable in after.variables.items():
        was = before.variables.get((module, name))
        if was is not None and was.value is not variable.value and not is_a(was.value, ATOMS):
            found[id(was.value)] = was.value, variable.value, f"{module}.{name}"
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
    return is_a(value, partial) or block.covers(type(value).__module__)


def _is_at_home(function: FunctionType) -> bool:
    module = sys.modules.get(function.__module__ or "")
    return module is not None and (vars(module) is function.__globals__ or "__wrapped__" in function.__dict__)


def repoint(block: Block, before: Generation, after: Generation) -> tuple[list[Repointed], list[Unreached]]:
    """Point names elsewhere at the objects of `after`; return those, and the objects that others still hold."""
    wanted = _replaced(block, before, after)
    pointed: list[Repointed] = []
    if not wanted:
        return pointed, []
    holders: list[tuple[str, Any]] = list(sys.modules.items())  # anything may be put into sys.modules
    for holder, module in holders:
        # What blockfreeze works with is what it was started with.
        if not is_a(module, ModuleType) or is_facade(module) or holder.partition(".")[0] == "blockfreeze":
            continue
        namespace = vars(module)
        for attribute, value in list(namespace.items()):
            match = wanted.get(id(value))
            if match is not None and match[0] is value:
                namespace[attribute] = match[1]
                pointed.append(Repointed(holder, attribute, match[2]))
    return pointed, _still_held(block, wanted)


def _still_held(block: Block, wanted: dict[int, tuple[Any, Any, str]]) -> list[Unreached]:
    counts = dict.fromkeys(wanted, 0)
    ours = {*block.by_globals}
    ours.update(id(one.classes.named) for one in block.generations.values())
    ours.update(id(one.home) for each in block.generations.values() for one in each.variables.values())
    # One walk through the heap for all of them: each holds up every thread for as long as it takes.
    for holder in gc.get_referrers(*(old for old, _, _ in wanted.values())):
        if type(holder) in _HOLDERS and id(holder) not in ours and holder is not wanted:
            for value in holder.values() if type(holder) is dict else holder:
                if id(value) in counts:
                    counts[id(value)] += 1
    found = []
    for at, (old, _, name) in wanted.items():
        if counts[at] > _OWN_HOLDERS.get(type(old), 0):
            kind = "class" if isinstance(old, type) else "function" if isinstance(old, FunctionType) else "object"
            found.append(Unreached(name, f"the old {kind} is still held by containers elsewhere"))
    return found
