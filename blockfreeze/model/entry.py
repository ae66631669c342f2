"""An entry: one function of a block that outside code can hold, and its slot in the vector."""

from __future__ import annotations

import enum
from types import CodeType, FunctionType

_MARK = "@"
_RAW = _MARK + "raw"


class EntryKind(enum.Enum):
    """What an entry stands for: its path says it."""

    FUNCTION = "a top-level function, or what its decorators have made of it"
    UNDECORATED = "a function as it was before its decorators; of a class, one that the class does not have"
    METHOD = "a function of a class, also where a decorator has put it into something else"


class Entry:
    """A stable function and its slot. `path` is the name inside `member`, a class's methods behind its name and a dot.

    Attributes:
        plain_path: the path without the mark of a function before its decorators, and what follows it.
        where: of a method that a decorator has put into something else: where in it. Otherwise nothing.
        attribute: the last part of the path: of a method, its name in the class.

    Threads: changed only by the thread that holds the block's claim or its lock `arming`.
    """

    __slots__ = (
        "armed",
        "attribute",
        "binding",
        "forwarder",
        "function",
        "kind",
        "member",
        "own_attributes",
        "path",
        "plain_path",
        "shown",
        "signature",
        "slot",
        "where",
        "wrapper",
    )

    def __init__(self, member: str, path: str, function: FunctionType, slot: int, *, wrapper: bool) -> None:
        self.member = member
        self.path = path
        self.kind = _kind_of(path)
        self.plain_path, _, where = path.partition(_MARK)
        self.where = where if self.kind is EntryKind.METHOD else ""
        self.attribute = self.plain_path.rpartition(".")[2]
        self.function = function
        self.slot = slot
        self.wrapper = wrapper
        self.armed = False
        # The last forwarders that its function was given, that which binds default values apart, since overlaps and
        # the steady state take turns: all that distinguishes one from another one, and its code.
        self.forwarder: tuple[tuple[object, ...], CodeType] | None = None
        self.binding: tuple[tuple[object, ...], CodeType] | None = None
        self.signature: object = None  # what inspection is shown while the forwarder takes more than the function
        self.shown = 0  # the number of the generation whose name, default values and so on it has
        self.own_attributes = dict(function.__dict__)  # those that it has from the version that serves

    @property
    def name(self) -> str:
        """The qualified name, for messages."""
        return f"{self.member}.{self.plain_path}"

    def __repr__(self) -> str:
        return f"<entry {self.name}>"


def _kind_of(path: str) -> EntryKind:
    """Return the kind of the entry with this path."""
    if path.endswith(_RAW):
        return EntryKind.UNDECORATED
    return EntryKind.METHOD if "." in path else EntryKind.FUNCTION


def place(slot: int) -> int:
    """Return where in a vector what serves an entry is, for calls that bind no default values."""
    return 2 * slot - 1


def bound_place(slot: int) -> int:
    """Return where in a vector what serves an entry is, for calls that have bound default values."""
    return 2 * slot


def undecorated(name: str) -> str:
    """Return the path of a function as it is before its decorators are applied."""
    return name + _RAW


def wrapped(path: str, where: str) -> str:
    """Return the path of a method that a decorator has put into something else, which the class has in its place."""
    return path + _MARK + where
