"""Migration: the values of declared variables that one commit changes, from one version to another and back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from blockfreeze.core.errors import IncompatibleBlockError
from blockfreeze.core.report import Migrated
from blockfreeze.core.safe_access import ABSENT, ATOMS, is_a
from blockfreeze.identity.redirect import redirect
from blockfreeze.linking.cpython import ARGUMENT_REFERENCES
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.declared import Hook, Variable

_HELD_BY_A_PAIR = 2 + ARGUMENT_REFERENCES  # the pair's, the loop variable's, and `sys.getrefcount`'s own


class Migration:
    """The values that one commit changes: computed before the store, and put in place for `after`.

    Nothing that code of `before` can reach is changed, unless a hook changes what it is given.
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
        """Return which variables no hook leads to the version of `after`: in a rollback, an inverse is missing."""
        return [
            f"{name} is of version {was.version!r}, and no inverse leads back to {now.version!r}"
            for name, was, now in self.found
            if _path(was, now) is None
        ]

    def run(self) -> tuple[Migrated, ...]:
        """Give each variable the value that it has in `after`, and return what was changed.

        A variable to whose version no hook leads has the value that it had when its generation was left.

        Raises:
            IncompatibleBlockError: the body has changed a value that a hook had made on trial.
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
                value = variable.apply(hook, value)
            if now.value is not value:
                replaced.append((now.value, value))
                self._rebind(name, now.value, value)
                now.home[now.name] = value
            now.tried = now.held = None
            done.append(Migrated(name, was.version, now.version, now.way_back if steps[-1][0] is now else "inverse"))
        # A small number or a text may mean something else wherever it is found. Other values are replaced in all that
        # the generation holds, if anything but the pair and the names here refers to them.
        follow: dict[int, Any] = {}
        for stale, value in replaced:
            if not is_a(stale, ATOMS) and sys.getrefcount(stale) > _HELD_BY_A_PAIR:
                follow[id(stale)] = value
        if follow:
            roots: list[Any] = [member.namespace for member in self.after.members.values()]
            redirect([*roots, *self.after.classes.values.values(), *self.after.locals.values()], follow)
        return tuple(done)

    def _rebind(self, qualified: str, stale: Any, value: Any) -> None:
        module, _, name = qualified.rpartition(".")
        namespace = self.after.members[module].namespace if module in self.after.members else {}
        if namespace.get(name, ABSENT) is stale:
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
    """Return the hooks that lead from one version to the other, forwards or back, each with who declares it.

    Returns:
        None if a hook is missing.
    """
    for start, end, forwards in ((now, was, True), (was, now, False)):
        steps: list[tuple[Variable, Hook]] = []
        for one in _with_ancestors(start):
            if one.home is end.home:
                return steps[::-1] if forwards else steps
            hook = one.hook if forwards else one.inverse
            if hook is None:
                break
            steps.append((one, hook))
    return None


def _with_ancestors(variable: Variable | None) -> Iterator[Variable]:
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
    declared = [variable for one in block.generations.values() for variable in one.variables.values()]
    homes, known = {id(variable.home) for variable in declared}, set(map(id, declared))
    for variable in (*declared, *block.variables.values()):
        if variable.parent is not None and id(variable.parent.home) not in homes:
            variable.parent = None
        if id(variable) not in known:  # of a variable that is not declared any more, only the last value stays
            variable.forget_hooks()
