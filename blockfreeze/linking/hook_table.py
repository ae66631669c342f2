"""The hooks: what linked code calls by the name of a free variable, and when."""

from __future__ import annotations

__all__ = [
    "ASSIGN",
    "AS_IT_IS",
    "AT_FORK",
    "BIND",
    "BUILD",
    "CALLER",
    "CLASS_HOOKS",
    "DECORATOR",
    "DEFINE",
    "DICTIONARY",
    "HOME",
    "IMPORT",
    "PRESERVE",
    "LOAD",
    "REFRESH",
    "REGISTER_AT_FORK",
    "SETTER",
    "STAR",
    "STATE",
    "UNASSIGN",
    "UNSET",
    "VARIABLES",
    "home_variable",
]

AT_FORK = "blockfreeze.at_fork"

BIND = "blockfreeze.bind"

DEFINE = "blockfreeze.define"

PRESERVE = "blockfreeze.keep"

REFRESH = "blockfreeze.refresh"

STAR = "blockfreeze.star"

STATE = "blockfreeze.state"

HOME = "blockfreeze.home"

LOAD = "blockfreeze.load"

UNSET = "blockfreeze.unset"

IMPORT = "blockfreeze.import"

CALLER = "blockfreeze.caller"

BUILD = "blockfreeze.build"

DECORATOR = "blockfreeze.decorator"

REGISTER_AT_FORK = "register_at_fork"
"""The function of `os` with which a body tells the interpreter what nothing can take back."""

AS_IT_IS = "blockfreeze.as_it_is"
"""A name as well: it stands in the place of a decorator that is left out."""


def home_variable(name: str) -> str:
    """Return the free variable that holds the home of a state name that has one of its own."""
    return f"{HOME}.{name}"


ASSIGN = "blockfreeze.assign"

UNASSIGN = "blockfreeze.unassign"

SETTER = "blockfreeze.setter"

DICTIONARY = "blockfreeze.dictionary"

VARIABLES = "blockfreeze.variables"

CLASS_HOOKS = frozenset({ASSIGN, UNASSIGN, SETTER, DICTIONARY, VARIABLES})
