"""Declared variables: what `defvar` makes once and every swap keeps, and how a value changes with its meaning.

A declaration has a version. Generations that declare the same version share one variable, in a *home* of its own: a
dictionary with that one name. A generation that declares another version has a variable of its own, made of the other's
value by the hook that the declaration gives; without one the version is refused, since nobody can know what the value
means now. The hook is tried while the new body runs, so a hook that fails refuses the swap early, and the body and
the check of a candidate have a value to work with. It runs again right before the commit, on the value of then.

The way back is the hook's inverse. It is tried when the hook is, so that it is known before the swap whether a rollback
will be possible.

Threads: declarations are made by the thread that builds a generation, and settled by the thread that holds the claim.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from blockfreeze.asking import is_a
from blockfreeze.cpython import ARGUMENT_REFERENCES
from blockfreeze.errors import IncompatibleBlockError
from blockfreeze.outline import FIRST_VERSION, Version, outline_of
from blockfreeze.redirect import ATOMS, redirect
from blockfreeze.report import Migrated

if TYPE_CHECKING:
    from blockfreeze.generation import Block, Generation, Member
    from blockfreeze.names import Linkage
    from blockfreeze.source import ModuleSource

__all__ = ["Migration", "Variable", "Version", "declare", "forget_ancestors", "moved_homes", "no_way_back"]

Hook = Callable[[Any], Any]

_MISSING = object()
_HELD_BY_A_PAIR = 2 + ARGUMENT_REFERENCES  # the pair's, the loop variable's, and `sys.getrefcount`'s own
_COPIED = (dict, list, set, deque, bytearray)


class Variable:
    """A variable as one generation declares it: its version, its home, and how it came out of the version before."""

    def __init__(self, generation: Generation, name: str, version: Version, home: dict[str, Any]) -> None:
        self.generation: Generation | None = generation  # whose hooks these are
        self.name = name
        self.version = version
        self.home = home
        self.origin: Version | None = None  # the version that it was migrated from
        self.parent: Variable | None = None  # that variable, as long as it can come back
        self.hook: Hook | None = None
        self.inverse: Hook | None = None
        self.exact: bool | None = None  # whether the inverse gives back what there was; None if it was not tried
        self.tried: Any = _MISSING  # what the hook made for the body, and what that held before the body went on
        self.held: Any = None

    @property
    def value(self) -> Any:
        """The value that the variable has now."""
        return self.home.get(self.name, _MISSING)

    def lead(self, hook: Hook, value: Any) -> Any:
        """Return what a hook of this declaration makes of `value`: the function of its own generation."""
        return (hook if self.generation is None else self.generation.own(hook))(value)

    @property
    def way_back(self) -> str:
        """What a rollback to the version before has: an ``inverse``, one that is ``inexact``, or ``none``."""
        if self.inverse is None:
            return "none"
        return "inverse" if self.exact else "inexact"


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
        found = Variable(generation, name, version, {} if home is None else home)
        if name not in found.home:
            found.home[name] = factory()
            generation.introduced[id(found.home), name] = found.home
    elif live.version == version:
        if home is not None and home is not live.home:
            home.setdefault(name, live.value)  # functions rebind it from this generation on
        found = Variable(generation, name, version, live.home if home is None else home)
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
    outline = outline_of(member.source)
    literal = None if outline is None else outline.variables.get(name)
    if name in member.linkage.state and literal != version and version != FIRST_VERSION:
        raise IncompatibleBlockError(
            f"{member.name}: the variable {name!r} was not declared: functions rebind it with 'global', so its version "
            f"must be known before the module runs; write version={version!r} as a literal, at the top level",
            block=block.name,
            problems=(f"{member.name}.{name} has no literal version",),
        )


def _undeclared(generation: Generation, member: Member, name: str) -> Variable | None:
    """Return what the module had under this name before it was declared, as its first version."""
    block = generation.block
    before = block.current.members.get(member.name) if generation is not block.current else None
    if before is None:
        return None
    shared = name in before.linkage.state
    home = before.home_of(block, name) if shared else before.namespace
    if name not in home:
        return None
    home = home if shared else {name: home[name]}
    found = block.current.variables[member.name, name] = Variable(block.current, name, FIRST_VERSION, home)
    return found


def moved_homes(block: Block, source: ModuleSource, linkage: Linkage) -> dict[str, dict[str, Any]]:
    """Return the homes of those state variables of a module whose home is not the module's: another version's."""
    outline, shared = outline_of(source), block.homes[source.name]
    # One that is not declared has the meaning that it always had.
    declared: dict[str, Version | None] = {} if outline is None else dict.fromkeys(linkage.always_set, FIRST_VERSION)
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
    found = Variable(generation, live.name, version, {} if home is None else home)
    found.origin, found.parent = live.version, live
    found.hook = _hook_from(migrate, live.version)
    if found.hook is None and live.inverse is not None and live.origin == version:
        found.hook = partial(live.lead, live.inverse)  # an older version comes by a swap: what leads back leads to it
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
    found.tried = found.home[found.name] = found.lead(found.hook, was)
    found.held = _contents(found.tried)
    if found.inverse is not None:
        found.exact = _is_equal(found.lead(found.inverse, found.tried), was)


def _contents(value: Any) -> Any:
    return type(value)(value) if type(value) in _COPIED else None


def _is_equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # what the values think of a comparison is theirs to say
        return False


class Migration:
    """The values that one commit changes: computed before the store, put in place for the generation to come.

    Nothing that the generation before can reach is changed, but by a hook that changes what it is given.
    """

    def __init__(self, block: Block, before: Generation, after: Generation) -> None:
        self.block = block
        self.before = before
        self.after = after
        self.found: list[tuple[str, Variable, Variable]] = []  # qualified name, of before, of after
        for (member, name), variable in after.variables.items():
            was = block.variables.get((member, name))
            if was is None and variable.parent is not None:
                was = variable.parent  # not declared in the generation before
            if was is not None and was.home is not variable.home:
                self.found.append((f"{member}.{name}", was, variable))

    def problems(self) -> list[str]:
        """Return which variables cannot be given the value that they are to have: the way back has no hook."""
        return [
            f"{name} is of version {was.version!r}, and no inverse leads back to {now.version!r}"
            for name, was, now in self.found
            if _path(was, now) is None
        ]

    def run(self) -> tuple[Migrated, ...]:
        """Give each variable the value that it has in the generation to come, and return what was changed.

        Where there is no way, a variable keeps the value that it had when its generation was left.

        Raises:
            IncompatibleBlockError: the body has changed a value that was made for it to try.
            BaseException: whatever a hook raises.
        """
        replaced: list[tuple[Any, Any]] = []
        done: list[Migrated] = []
        for name, was, now in self.found:
            steps = _path(was, now)
            if steps is None:
                done.append(Migrated(name, was.version, now.version, "stale"))
                continue
            self._check_untouched(name, now)
            value = was.value
            for variable, hook in steps:
                value = variable.lead(hook, value)
            if now.value is not value:
                replaced.append((now.value, value))
                self._rebind(name, now.value, value)
                now.home[now.name] = value
            now.tried = now.held = None
            done.append(Migrated(name, was.version, now.version, now.way_back if steps[-1][0] is now else "inverse"))
        # A small number or a text may stand anywhere for something else: what has an identity is followed, if anything
        # but the pair and the names here holds it.
        follow: dict[int, Any] = {}
        for stale, value in replaced:
            if not is_a(stale, ATOMS) and sys.getrefcount(stale) > _HELD_BY_A_PAIR:
                follow[id(stale)] = value
        if follow:
            roots: list[Any] = [member.namespace for member in self.after.members.values()]
            redirect([*roots, *self.after.class_values.values(), *self.after.locals.values()], follow)
        return tuple(done)

    def _rebind(self, qualified: str, stale: Any, value: Any) -> None:
        module, _, name = qualified.rpartition(".")
        namespace = self.after.members[module].namespace if module in self.after.members else {}
        if namespace.get(name, _MISSING) is stale:
            namespace[name] = value

    def _check_untouched(self, name: str, now: Variable) -> None:
        if now.held is not None and now.held != now.tried:
            raise IncompatibleBlockError(
                f"{name}: the swap was refused: the body of the module changes the value after its declaration, and "
                f"the value is migrated once more when the swap is committed; generation {self.before.number} still "
                "serves; make the change in the hook",
                block=self.block.name,
                problems=(f"{name} is changed by the body after it was migrated",),
            )


def _path(was: Variable, now: Variable) -> list[tuple[Variable, Hook]] | None:
    """Return the hooks that lead from one version to the other, on or back, with who declares them; None if none do."""
    for start, end, on in ((now, was, True), (was, now, False)):
        steps: list[tuple[Variable, Hook]] = []
        for one in _line(start):
            if one.home is end.home:
                return steps[::-1] if on else steps
            hook = one.hook if on else one.inverse
            if hook is None:
                break
            steps.append((one, hook))
    return None


def _line(variable: Variable | None) -> Iterator[Variable]:
    while variable is not None:
        yield variable
        variable = variable.parent


def no_way_back(before: Generation, after: Generation) -> list[str]:
    """Return which variables of `after` could not be given back to `before` by a rollback."""
    return [
        f"{name}: {was.version!r} -> {now.version!r} has no inverse"
        for name, was, now in Migration(after.block, before, after).found
        if _path(now, was) is None
    ]


def forget_ancestors(block: Block) -> None:
    """Let go of values and hooks that no kept generation declares any more."""
    kept = [variable for one in block.generations.values() for variable in one.variables.values()]
    homes, known = {id(variable.home) for variable in kept}, set(map(id, kept))
    for variable in (*kept, *block.variables.values()):
        if variable.parent is not None and id(variable.parent.home) not in homes:
            variable.parent = None
        if id(variable) not in known:  # the last value of what is not declared any more is kept alone
            variable.parent = variable.hook = variable.inverse = variable.generation = None
