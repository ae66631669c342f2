"""Declared variables: `defvar` makes the value once, every swap leaves it, and a hook migrates it to another version.

A declaration has a version: ``total = defvar("total", int, version=2, migrate=to_pence)``. Generations that declare the
same version share one variable, in a *home* of its own: a dictionary with that one name. A generation that declares
another version has a variable of its own. Its value is made from the other one's by the hook that the declaration
gives; without a hook the swap is refused, since nobody can know what the value means now.

The hook is tried while the new body runs. So a hook that fails refuses the swap early, and the body and the check of a
candidate have a value to work with. It runs once more right before the commit, on the value of that moment. The way
back is the hook's inverse, which is tried as well: so it is known before the swap whether a rollback will be possible.

Threads: declarations are made by the thread that builds a generation; values are migrated by the one that holds the
claim.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from blockfreeze.core.errors import IncompatibleBlockError
from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.identity.versioned_attribute import outward_value
from blockfreeze.linking.linkage import Linkage
from blockfreeze.model.block import Block, Generation, Member
from blockfreeze.model.declared import Hook, Variable
from blockfreeze.versions.module_source import ModuleSource
from blockfreeze.versions.outline import FIRST_VERSION, Version, declaring_outline_of

_COPIED = (dict, list, set, deque, bytearray)


def declare(
    generation: Generation,
    member: Member,
    name: str,
    factory: Callable[[], Any],
    version: Version,
    migrate: Hook | Mapping[Version, Hook] | None = None,
    inverse: Hook | None = None,
) -> Any:
    """Return the value of a variable in `generation`; see `blockfreeze.defvar`.

    Raises:
        IncompatibleBlockError: the value is of another version, and no hook says how to change it.
        BaseException: whatever a hook or the factory raises.
    """
    block, key = generation.block, (member.name, name)
    _check_literal(block, member, name, version)
    live = block.variables.get(key) or _undeclared(generation, member, name)
    home = member.home_of(block, name) if name in member.linkage.state else None
    if live is None:
        found = Variable(generation.own, name, version, {} if home is None else home)
        if name not in found.home:
            found.home[name] = factory()
            generation.build.introduced[id(found.home), name] = found.home
    elif live.version == version:
        if home is not None and home is not live.home:
            home.setdefault(name, live.value)  # functions rebind it from this generation on
        found = Variable(generation.own, name, version, live.home if home is None else home)
        if live.origin is not None:
            found.origin, found.parent, found.exact = live.origin, live.parent, live.exact
            found.hook, found.inverse = _hook_from(migrate, live.origin), inverse
    else:
        found = _migrated(generation, member, live, version, migrate, home)
        found.inverse = inverse
        _try(found, live)
    generation.variables[key] = found
    if generation is block.current:
        block.variables[key] = found
    return found.value


def _hook_from(migrate: Hook | Mapping[Version, Hook] | None, version: Version) -> Hook | None:
    return migrate.get(version) if is_a(migrate, Mapping) else migrate


def _check_literal(block: Block, member: Member, name: str, version: Version) -> None:
    outline = declaring_outline_of(member.source)
    literal = None if outline is None else outline.variables.get(name)
    if name in member.linkage.state and literal != version and version != FIRST_VERSION:
        raise IncompatibleBlockError(
            f"{member.name}: the variable {name!r} was not declared: functions rebind it with 'global', so its version "
            f"must be known before the module runs; write version={version!r} as a literal, at the top level",
            block=block.name,
            problems=(f"{member.name}.{name} has no literal version",),
        )


def _undeclared(generation: Generation, member: Member, name: str) -> Variable | None:
    """Return what the module or the class had under this name before it was declared, as its first version."""
    block = generation.block
    before = block.current.members.get(member.name) if generation is not block.current else None
    if before is None:
        return None
    shared = name in before.linkage.state
    above, _, attribute = name.rpartition(".")
    if above:
        cls = block.current.classes.named.get((member.name, above))
        value = ABSENT if cls is None else outward_value(cls.__dict__.get(attribute, ABSENT), block.current)
        home = {} if value is ABSENT else {name: value}
    else:
        home = before.home_of(block, name) if shared else before.namespace
    if name not in home:
        return None
    home = home if shared else {name: home[name]}
    found = block.current.variables[member.name, name] = Variable(block.current.own, name, FIRST_VERSION, home)
    return found


def moved_homes(block: Block, source: ModuleSource, linkage: Linkage) -> dict[str, dict[str, Any]]:
    """Return the homes of those state variables of a module that are of another version than the module's home has."""
    if not linkage.state:
        return {}
    shared, outline = block.homes[source.name], declaring_outline_of(source)
    # A variable that is not declared is of the first version.
    readable = () if source.data is None or (source.may_use_us and outline is None) else linkage.always_set
    declared: dict[str, Version | None] = dict.fromkeys(readable, FIRST_VERSION)
    declared |= {} if outline is None else outline.variables
    moved: dict[str, dict[str, Any]] = {}
    for name in linkage.state:
        live, wanted = block.variables.get((source.name, name)), declared.get(name)
        if wanted is not None and wanted != (FIRST_VERSION if live is None else live.version):
            if live is not None or _has(block, source.name, name):
                moved[name] = {}
        elif live is not None and name in shared and live.home is not shared:
            moved[name] = live.home
    return moved


def _has(block: Block, member: str, name: str) -> bool:
    before = block.current.members.get(member)
    return name in block.homes[member] or (before is not None and name in before.namespace)


def _migrated(
    generation: Generation,
    member: Member,
    live: Variable,
    version: Version,
    migrate: Hook | Mapping[Version, Hook] | None,
    home: dict[str, Any] | None,
) -> Variable:
    block = generation.block
    found = Variable(generation.own, live.name, version, {} if home is None else home)
    found.origin, found.parent = live.version, live
    found.hook = _hook_from(migrate, live.version)
    if found.hook is None and live.inverse is not None and live.origin == version:
        found.hook = partial(live.apply, live.inverse)  # an older version comes by a swap
    if found.hook is None:
        raise IncompatibleBlockError(
            f"{member.name}: the swap was refused: the variable {live.name!r} is of version {live.version!r}, and the "
            f"new version of the module declares {version!r} without migrate= for that; generation "
            f"{block.current.number} still serves; say how to change the value, or give the variable a new name",
            block=block.name,
            problems=(f"{member.name}.{live.name} is of version {live.version!r}, and declared as {version!r}",),
        )
    return found


def _try(found: Variable, live: Variable) -> None:
    assert found.hook is not None
    was = live.value
    found.tried = found.home[found.name] = found.apply(found.hook, was)
    found.held = _contents(found.tried)
    if found.inverse is not None:
        found.exact = _is_equal(found.apply(found.inverse, found.tried), was)


def _contents(value: Any) -> Any:
    return type(value)(value) if type(value) in _COPIED else None


def _is_equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # what the values think of a comparison is theirs to say
        return False
