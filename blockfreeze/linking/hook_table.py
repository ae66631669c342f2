"""The hooks: what linked code calls by the name of a free variable. One table says all of it.

A hook is a method of `blockfreeze.building.body_hooks.Hooks`; its name follows the dot. No variable of a program can
have such a name, since it has no dots, and nothing of blockfreeze appears in a module's namespace.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Any

AS_IT_IS = "blockfreeze.as_it_is"
"""A name as well: `compile_without` puts it where a decorator was that is not applied again."""
ASSIGN = "blockfreeze.assign"
AT_FORK = "blockfreeze.at_fork"
BIND = "blockfreeze.bind"
BUILD = "blockfreeze.build"
CALLER = "blockfreeze.caller"
DECORATOR = "blockfreeze.decorator"
DEFINE = "blockfreeze.define"
DICTIONARY = "blockfreeze.dictionary"
IMPORT_MEMBER = "blockfreeze.import_member"
LAZY_IMPORT = "blockfreeze.lazy_import"
LOAD = "blockfreeze.load"
PERHAPS_LAZY = "blockfreeze.perhaps_lazy"
PRESERVE = "blockfreeze.preserve"
REFRESH = "blockfreeze.refresh"
SETTER = "blockfreeze.setter"
STAR = "blockfreeze.star"
STATE = "blockfreeze.state"
SUBCLASSES = "blockfreeze.subclasses"
UNASSIGN = "blockfreeze.unassign"
UNSET = "blockfreeze.unset"
VARIABLES = "blockfreeze.variables"

FOUND = "blockfreeze.found"
REPLACE = "blockfreeze.replace"
SAVE = "blockfreeze.save"

HOME = "blockfreeze.home"
"""The free variable that holds the dictionary with a module's state; not a hook."""

REGISTER_AT_FORK = "register_at_fork"
"""The function of `os` with which a body tells the interpreter what to call after a fork. No function takes it back."""


class CalledIn(enum.Enum):
    """Where linked code calls a hook."""

    EVERY_BODY = "at the top level of every generation"
    LATER_BODY = "at the top level of every generation but the first"
    CLASS_ACCESS = "wherever code works on what may be a class"


HOOKS: Mapping[str, CalledIn] = MappingProxyType(
    {
        AS_IT_IS: CalledIn.LATER_BODY,  # instead of a decorator that is not applied again
        ASSIGN: CalledIn.CLASS_ACCESS,  # `cls.name = value`
        AT_FORK: CalledIn.EVERY_BODY,  # `os.register_at_fork`
        BIND: CalledIn.EVERY_BODY,  # around what is stored under the name of a definition
        BUILD: CalledIn.LATER_BODY,  # what a class statement calls
        CALLER: CalledIn.EVERY_BODY,  # `sys._getframe`, `frame.f_back` and such, in functions too
        DECORATOR: CalledIn.LATER_BODY,  # around a class's decorator
        DEFINE: CalledIn.EVERY_BODY,  # a decorated function, before its decorators see it
        DICTIONARY: CalledIn.CLASS_ACCESS,  # `cls.__dict__`
        FOUND: CalledIn.LATER_BODY,  # an attribute is read
        IMPORT_MEMBER: CalledIn.LATER_BODY,  # an import of a member
        LAZY_IMPORT: CalledIn.EVERY_BODY,  # a lazy import of a member
        LOAD: CalledIn.LATER_BODY,  # a state variable that may be missing is read, in functions too
        PERHAPS_LAZY: CalledIn.EVERY_BODY,  # one that is lazy if the process or the module asks for it
        PRESERVE: CalledIn.LATER_BODY,  # around what else is made and stored
        REFRESH: CalledIn.EVERY_BODY,  # after a star import
        REPLACE: CalledIn.EVERY_BODY,  # an attribute is about to be set
        SAVE: CalledIn.LATER_BODY,  # around an attribute that is read and stored
        SETTER: CalledIn.CLASS_ACCESS,  # `setattr`, `delattr`
        STAR: CalledIn.EVERY_BODY,  # around the module of a star import
        STATE: CalledIn.LATER_BODY,  # a state variable is stored
        SUBCLASSES: CalledIn.CLASS_ACCESS,  # `cls.__subclasses__`
        UNASSIGN: CalledIn.CLASS_ACCESS,  # `del cls.name`
        UNSET: CalledIn.LATER_BODY,  # a state variable is deleted, in functions too
        VARIABLES: CalledIn.CLASS_ACCESS,  # `vars(cls)`
    }
)

CLASS_HOOKS = frozenset(hook for hook, where in HOOKS.items() if where is CalledIn.CLASS_ACCESS)

WITHOUT_HOOK: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        ASSIGN: setattr,
        UNASSIGN: delattr,
        DICTIONARY: attrgetter("__dict__"),
        SUBCLASSES: attrgetter("__subclasses__"),
    }
)
"""What a hook's cell holds while one generation is alone, so that only an overlap pays for the hook."""


def hooks_of(*, later: bool) -> frozenset[str]:
    """Return the hooks that a module's top level may call, in the first generation or in a later one."""
    return frozenset(hook for hook, where in HOOKS.items() if later or where is not CalledIn.LATER_BODY)


def method_of(hook: str) -> str:
    """Return the name of the method that does the work of a hook."""
    return hook[len("blockfreeze.") :]


def home_variable(name: str) -> str:
    """Return the free variable that holds the home of a state name that has one of its own."""
    return f"{HOME}.{name}"
