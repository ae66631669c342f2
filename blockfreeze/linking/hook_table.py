"""The hooks: what linked code calls by the name of a free variable. One table says all of it.

A hook is a method of `blockfreeze.building.body_hooks.Hooks`, of the name that follows the dot. Its free variable
cannot be a program's, whose names have no dots, and nothing of blockfreeze appears in a module's namespace.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Any

AS_IT_IS = "blockfreeze.as_it_is"
"""A name as well: it stands in the place of a decorator that is not applied again."""
ASSIGN = "blockfreeze.assign"
AT_FORK = "blockfreeze.at_fork"
BIND = "blockfreeze.bind"
BUILD = "blockfreeze.build"
CALLER = "blockfreeze.caller"
DECORATOR = "blockfreeze.decorator"
DEFINE = "blockfreeze.define"
DICTIONARY = "blockfreeze.dictionary"
IMPORT_MEMBER = "blockfreeze.import_member"
LOAD = "blockfreeze.load"
PRESERVE = "blockfreeze.preserve"
REFRESH = "blockfreeze.refresh"
SETTER = "blockfreeze.setter"
STAR = "blockfreeze.star"
STATE = "blockfreeze.state"
UNASSIGN = "blockfreeze.unassign"
UNSET = "blockfreeze.unset"
VARIABLES = "blockfreeze.variables"

HOME = "blockfreeze.home"
"""The free variable that holds the dictionary with a module's state; not a hook."""

REGISTER_AT_FORK = "register_at_fork"
"""The function of `os` with which a body tells the interpreter what nothing can take back."""


class Place(enum.Enum):
    """Where linked code calls a hook."""

    EVERY_BODY = "at the top level of every generation"
    LATER_BODY = "at the top level of every generation but the first"
    CLASS_ACCESS = "wherever code works on what may be a class"


HOOKS: Mapping[str, Place] = MappingProxyType(
    {
        AS_IT_IS: Place.LATER_BODY,  # in the place of a decorator that is not applied again
        ASSIGN: Place.CLASS_ACCESS,  # `cls.name = value`
        AT_FORK: Place.EVERY_BODY,  # `os.register_at_fork`
        BIND: Place.EVERY_BODY,  # around what is stored under the name of a definition
        BUILD: Place.LATER_BODY,  # what a class statement calls
        CALLER: Place.EVERY_BODY,  # `sys._getframe`, `frame.f_back` and such, in functions too
        DECORATOR: Place.LATER_BODY,  # around a class's decorator
        DEFINE: Place.EVERY_BODY,  # a decorated function, before its decorators see it
        DICTIONARY: Place.CLASS_ACCESS,  # `cls.__dict__`
        IMPORT_MEMBER: Place.LATER_BODY,  # an import of a member
        LOAD: Place.LATER_BODY,  # a state variable that may be missing is read, in functions too
        PRESERVE: Place.LATER_BODY,  # around what else is made and stored
        REFRESH: Place.EVERY_BODY,  # after a star import
        SETTER: Place.CLASS_ACCESS,  # `setattr`, `delattr`
        STAR: Place.EVERY_BODY,  # around the module of a star import
        STATE: Place.LATER_BODY,  # a state variable is stored
        UNASSIGN: Place.CLASS_ACCESS,  # `del cls.name`
        UNSET: Place.LATER_BODY,  # a state variable is deleted, in functions too
        VARIABLES: Place.CLASS_ACCESS,  # `vars(cls)`
    }
)

CLASS_HOOKS = frozenset(hook for hook, place in HOOKS.items() if place is Place.CLASS_ACCESS)

WITHOUT_HOOK: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {ASSIGN: setattr, UNASSIGN: delattr, DICTIONARY: attrgetter("__dict__")}
)
"""What does the work of a hook while one generation is alone: nothing is paid for what only an overlap needs."""


def hooks_of(*, later: bool) -> frozenset[str]:
    """Return the hooks that a module's top level may call, in the first generation or in a later one."""
    return frozenset(hook for hook, place in HOOKS.items() if later or place is not Place.LATER_BODY)


def method_of(hook: str) -> str:
    """Return the name of the method that does the work of a hook."""
    return hook.partition(".")[2]


def home_variable(name: str) -> str:
    """Return the free variable that holds the home of a state name that has one of its own."""
    return f"{HOME}.{name}"
