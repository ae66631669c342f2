"""What the instructions of functions and calls are, as the `bytecode` library names them on each CPython.

==========================  ===================  ===================  =========================
fact                        3.11                 3.12                 3.13 and later
==========================  ===================  ===================  =========================
a call                      PRECALL, CALL        CALL                 CALL
a call with keywords        KW_NAMES before it   KW_NAMES before it   their names, then CALL_KW
attributes of a function    flags of MAKE_...    flags of MAKE_...    SET_FUNCTION_ATTRIBUTE
two variables at once       no                   no                   borrowed too since 3.14
==========================  ===================  ===================  =========================
"""

from __future__ import annotations

import dis
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bytecode.instr import Instr

from blockfreeze.linking.cpython import CALLS, SINCE_313

BORROWING = MappingProxyType({"LOAD_FAST_BORROW": "LOAD_FAST"})

PAIRS = MappingProxyType(
    {
        "LOAD_FAST_BORROW_LOAD_FAST_BORROW": ("LOAD_FAST", "LOAD_FAST"),
        "LOAD_FAST_LOAD_FAST": ("LOAD_FAST", "LOAD_FAST"),
        "STORE_FAST_LOAD_FAST": ("STORE_FAST", "LOAD_FAST"),
        "STORE_FAST_STORE_FAST": ("STORE_FAST", "STORE_FAST"),
    }
)

FUSED = MappingProxyType({both: name for name, both in PAIRS.items() if name in dis.opmap})
"""The instruction that does the work of two, where there is one; of two such, that which borrows nothing."""

_FLAGS = (1, 2, 4, 8, 16)


def attributes_of_function(items: Sequence[Any], at: int) -> tuple[int, ...]:
    """Return the flags of the attributes that a function gets with the MAKE_FUNCTION at an index.

    Each is one place of the stack beneath it: the default values first, under everything else.
    """
    if SINCE_313:
        found: list[int] = []
        for item in items[at + 1 :]:
            if not isinstance(item, Instr) or item.name != "SET_FUNCTION_ATTRIBUTE":
                break
            found.append(int(str(item.arg)))
        return tuple(sorted(found))
    return tuple(flag for flag in _FLAGS if int(items[at].arg) & flag)


@dataclass(frozen=True)
class Call:
    """A call of `size` arguments, of which the last ones have the names `keywords`.

    It is what the instructions `first` to `last` do, given the callable and the arguments.
    """

    size: int
    keywords: tuple[str, ...]
    first: int
    last: int


def call_at(items: Sequence[Any], at: int) -> Call | None:
    """Return the call whose first instruction is at an index; None if no call begins there."""
    item = items[at]
    names: tuple[str, ...] = ()
    first = at
    if item.name == "KW_NAMES":
        names, at = item.arg, at + 1
    elif item.name == "LOAD_CONST" and getattr(items[at + 1], "name", "") == "CALL_KW":
        return Call(int(items[at + 1].arg), item.arg, first, at + 1)
    item = items[at]
    if item.name != CALLS:
        return None
    return Call(int(item.arg), names, first, at + (CALLS == "PRECALL"))


def name_and_call(item: Instr) -> tuple[str, bool]:
    """Return the name that an instruction uses, and whether it pushes what a call wants too."""
    if isinstance(item.arg, tuple):
        return str(item.arg[-1]), bool(item.arg[0])
    return str(item.arg), item.name == "LOAD_METHOD"


def decorates(item: Instr) -> bool:
    """Tell whether the instruction is one of those that call a decorator: a call without arguments but its ``self``."""
    return item.name in ("PRECALL", "CALL") and item.arg == 0


def begins_decoration(item: Instr) -> bool:
    """Tell whether the instruction is the first of those that call one decorator."""
    return item.name == CALLS and item.arg == 0
