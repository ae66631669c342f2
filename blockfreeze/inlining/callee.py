"""The functions that may stand in their callers: which they are, why others are not, and what is put in their place."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_VARARGS, CO_VARKEYWORDS
from types import CodeType

from bytecode.instr import Instr

from blockfreeze.inlining.definitions import Defined
from blockfreeze.inlining.flow import LOADS, Item, assigned, follow, single, size
from blockfreeze.inlining.marks import INLINE, NOT_INLINE
from blockfreeze.linking.analysis import CALLER_NAMES, GLOBAL_CALLER_NAMES, inspects_locals, nested_codes, walk_codes
from blockfreeze.linking.library import read

SMALL = 40
"""The most instructions of a function that is inlined without being marked: some eight lines."""

LARGEST = 400
"""The most instructions of a function that is marked."""

_FAST = LOADS | {"DELETE_FAST", "STORE_FAST"}
_ENTERING = frozenset({"COPY_FREE_VARS", "MAKE_CELL", "NOP", "RESUME"})
_OTHER_KINDS = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
_COLLECTING = CO_VARARGS | CO_VARKEYWORDS

_LOOKING_AT_CALLERS = (
    CALLER_NAMES | GLOBAL_CALLER_NAMES | {"extract_stack", "format_stack", "getouterframes", "print_stack"}
)
_LOOKING_AT_CALLERS |= {"walk_stack", "warn", "warn_explicit"}
_LOOKING_AT_ITSELF = frozenset(
    {"__class__", "breakpoint", "currentframe", "dir", "eval", "exec", "locals", "set_trace", "setprofile", "settrace"}
    | {"super", "vars"}
)
_LOGGING = frozenset({"critical", "debug", "error", "exception", "info", "log", "warning"})
"""What loggers are asked for, which then say who has asked. A function of another kind may have such a name as well; so
a mark overrules it."""

_TOUCHING = frozenset({"__code__", "__defaults__", "__kwdefaults__"})


class Why(enum.Enum):
    """Why a function is not inlined: the closed list that `status` and `check` speak of."""

    NOT_PLAIN = "the name does not always mean this function: it is decorated, rebound or defined more than once"
    MARKED = "it is marked with notinline"
    KIND = "it is a generator or a coroutine"
    COLLECTS = "it takes *args or **kwargs"
    CLOSURE = "it has functions or variables that outlive the call"
    GUARDED = "it has a try or with statement"
    LOOKS = "it, or what it calls, looks at frames"
    UNASSIGNED = "one of its variables may have no value"
    RECURSIVE = "it leads to itself"
    LARGE = "it is too large"
    UNKNOWN = "it never returns, or has instructions that are not known"
    TOUCHED = "the module touches the code or default values of functions"


@dataclass(frozen=True)
class Callee:
    """A function that is put in the place of calls: its instructions, and the variables to be cleared after them."""

    name: str
    body: tuple[Item, ...]
    code: CodeType
    defined: Defined
    cleared: tuple[str, ...]
    """The local variables that have a value at the end. A call would give up what they hold, in this order."""
    emptied: tuple[str, ...]
    """Those that may have one."""
    stored: frozenset[str]
    """Those that its instructions set."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters, those that are passed by keyword alone last."""
        return self.code.co_varnames[: self.code.co_argcount + self.code.co_kwonlyargcount]


def reason_against(defined: Defined, recursive: bool, looking: frozenset[str]) -> Why | None:
    """Return why a function is not inlined, by what is known before its own calls are; None if nothing is against it.

    Args:
        recursive: it leads to itself.
        looking: the functions of the module that look at the frames of their callers, or lead to one that does.
    """
    code = defined.code
    against = {
        Why.MARKED: NOT_INLINE in defined.marks,
        Why.KIND: code.co_flags & _OTHER_KINDS,
        Why.COLLECTS: code.co_flags & _COLLECTING,
        Why.CLOSURE: code.co_cellvars or code.co_freevars or nested_codes(code),
        Why.GUARDED: code.co_exceptiontable,
        Why.LOOKS: defined.name in looking or _looks_at_itself(defined),
        Why.RECURSIVE: recursive,
    }
    return next((why for why, holds in against.items() if holds), None)


def callee_of(defined: Defined, code: CodeType) -> Callee | Why:
    """Return a function as it is put in the place of calls, or why it is not.

    Args:
        code: that of the function, after calls in it have been replaced.
    """
    source, exchanged = read(code)
    items = [one for one in single(source) if not (isinstance(one, Instr) and one.name in _ENTERING)]
    if exchanged:
        return Why.UNKNOWN
    if size(items) > (LARGEST if INLINE in defined.marks else SMALL):
        return Why.LARGE
    parameters = frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    before = assigned(items, parameters)
    ends: list[frozenset[str]] = []
    for index, names in before.items():
        item = items[index]
        if "_FAST" in item.name and item.name not in _FAST:
            return Why.UNKNOWN
        deleted = item.name == "DELETE_FAST" and not is_inlined(item.arg)
        if deleted or (item.name in LOADS and item.arg not in names):
            return Why.UNASSIGNED
        if item.name in ("RETURN_CONST", "RETURN_VALUE"):
            ends.append(names)
    if not ends or not _leaves_one_value(items):
        return Why.UNKNOWN
    have_values = frozenset.intersection(*ends)
    stored = frozenset(str(one.arg) for one in items if isinstance(one, Instr) and one.name == "STORE_FAST")
    own = [name for name in code.co_varnames if not is_inlined(name)]
    return Callee(
        defined.name,
        tuple(items),
        code,
        defined,
        cleared=tuple(name for name in own if name in have_values),
        emptied=tuple(name for name in own if name in stored - have_values),
        stored=stored,
    )


def is_inlined(variable: str) -> bool:
    """Tell whether a local variable is one of an inlined function: no identifier has a dot in it."""
    return "." in variable.lstrip(".")


def _leaves_one_value(items: list[Item]) -> bool:
    """Tell whether nothing but the result is on the stack wherever the function returns."""
    expected = {"RETURN_CONST": 0, "RETURN_VALUE": 1}
    return all(expected.get(item.name, before) == before for _, item, before, _ in follow(items, 0))


def mentions(code: CodeType) -> frozenset[str]:
    """Return the names that a function and what is inside it use."""
    return frozenset(name for one in walk_codes(code) for name in one.co_names)


def looks_at_callers(code: CodeType) -> bool:
    """Tell whether a function, or something inside it, may look at the frames of its callers."""
    warns = any(isinstance(one, tuple) and "stacklevel" in one for inner in walk_codes(code) for one in inner.co_consts)
    return warns or not _LOOKING_AT_CALLERS.isdisjoint(mentions(code))


def _looks_at_itself(defined: Defined) -> bool:
    names = _LOOKING_AT_ITSELF if INLINE in defined.marks else _LOOKING_AT_ITSELF | _LOGGING
    return inspects_locals(defined.code) or not names.isdisjoint(mentions(defined.code))


def touches_functions(codes: Iterable[CodeType]) -> bool:
    """Tell whether code of a module may exchange what its functions do."""
    return any(not _TOUCHING.isdisjoint(one.co_names) for one in codes)


def leading_to(uses: Mapping[str, frozenset[str]], start: frozenset[str]) -> frozenset[str]:
    """Return the names from which one of `start` is reached, and `start`, given which names each uses."""
    found = set(start)
    while True:
        more = {name for name, used in uses.items() if name not in found and not used.isdisjoint(found)}
        if not more:
            return frozenset(found)
        found |= more


def reached_from(uses: Mapping[str, frozenset[str]], name: str) -> frozenset[str]:
    """Return the names that are reached from `name`, itself only if it is reached again."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        more = (uses.get(waiting.pop(), frozenset()) & uses.keys()) - found
        found |= more
        waiting += more
    return frozenset(found)
