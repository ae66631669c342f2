"""What a picture consists of: definitions, and links between them; and what a picture says of each in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from textwrap import wrap
from types import MappingProxyType
from typing import Final

_WIDTH: Final = 40
"""How many characters a line of a picture has, where it can be broken."""

_MOST: Final = 4
"""How many of what a definition uses are named."""


class LinkKind(StrEnum):
    """How a definition gets at another one that it uses."""

    BOUND = "bound"
    """By a cell that was filled when the generation was built: nothing can come between."""
    BY_NAME = "by name"
    """Looked up, each time, in a namespace of the same generation."""
    VALUE = "as a value"
    """Passed on, stored or compared: a function's value is its entry, which finds the generation of whoever calls."""
    AT_IMPORT = "at import"
    """By the body, once for each generation: a decorator, a base class, a default value, a call at the top level."""
    SEVERAL = "in several ways"
    """Of two modules: their definitions use each other in more than one of these ways."""


class Change(StrEnum):
    """What another version does to a definition; the empty text: nothing."""

    NONE = ""
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    BY_CALLEE = "changed by what it uses"


MARKS: Final[Mapping[Change, str]] = MappingProxyType(
    {
        Change.ADDED: "+",
        Change.REMOVED: "\N{MINUS SIGN}",
        Change.CHANGED: "\N{PLUS-MINUS SIGN}",
        Change.BY_CALLEE: "\N{RIGHTWARDS ARROW}",
    }
)
"""The sign of each change, for those who do not see colours."""

COLOURS: Final[Mapping[Change, tuple[str, str]]] = MappingProxyType(
    {
        Change.ADDED: ("#cdeee2", "#00795a"),
        Change.REMOVED: ("#fbdccb", "#b34700"),
        Change.CHANGED: ("#cfe5f5", "#00639c"),
        Change.BY_CALLEE: ("#fdf0cc", "#8a6100"),
    }
)
"""The colour of a change and of what is around it: after Okabe and Ito, whom those follow who see red as green."""


@dataclass(frozen=True)
class Definition:
    """A definition at the top level, the ``body`` of a module (what it does besides), or a whole ``module``.

    `kind` is ``function``, ``class``, ``body`` or ``module``. `entry` is ``declared`` (``@entry``), ``public`` (by
    ``__all__``, or for want of an underscore), or empty. `reasons` says what of it is not bound, and why.
    `because` says which changed definitions and variables it uses. `inside` counts the definitions of a module.
    """

    name: str
    module: str
    kind: str
    file: str = ""
    line: int = 0
    entry: str = ""
    reasons: tuple[str, ...] = ()
    change: Change = Change.NONE
    because: tuple[str, ...] = ()
    inside: int = 0


@dataclass(frozen=True)
class Link:
    """A use of the definition `callee` by the definition `caller`; `times` counts those of two modules."""

    caller: str
    callee: str
    kind: LinkKind
    times: int = 1


def shown(text: str) -> str:
    """Return a text as pictures show it: what cannot be printed is written as Python would escape it."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def lines_of(one: Definition) -> list[str]:
    """Return what a picture says of a definition, line by line: everything that a colour or a shape tells as well."""
    if one.kind == "body":
        name, said = "(body)", []
    elif one.kind == "module":
        name, said = one.name, [f"definitions: {one.inside}"]
    else:
        name, said = one.name.removeprefix(f"{one.module}."), [", ".join(filter(None, (one.kind, one.entry)))]
    said += [f"not bound: {reason}" for reason in one.reasons]
    if one.change:
        said.append(f"{MARKS[one.change]} {one.change}")
    if one.because:
        more = len(one.because) - _MOST
        said.append(", ".join([*one.because[:_MOST], *([f"and {more} more"] if more > 0 else ())]))
    return [shown(name), *(part for line in said for part in wrap(shown(line), _WIDTH, break_long_words=False))]
