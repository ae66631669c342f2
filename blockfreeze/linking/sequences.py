"""Instructions that linked code gains, as sequences of steps; they know nothing of blocks, nor of how code is written.

What differs from one CPython to the next is read off `cpython`.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

from blockfreeze.linking.cpython import SINCE_312, SINCE_313

_CLOSURE = 8


class Kind(enum.Enum):
    """What the operand of a step is."""

    NUMBER = "the argument of the instruction"
    CONSTANT = "an object, whose index among the constants is the argument"
    NAME = "a name, whose index among the names is the argument"
    GLOBAL = "the same of LOAD_GLOBAL, which has a bit beside the index"
    VARIABLE = "a free variable, whose index among the variables of the frame is the argument"
    ITSELF = "the instruction that is replaced stands here, as it was"


class Step(NamedTuple):
    """One instruction of those that take the place of another one, and its source position."""

    opname: str
    operand: object = 0
    kind: Kind = Kind.NUMBER


Steps = tuple[Step, ...]

ITSELF: Final = Step("", None, Kind.ITSELF)
SWAP: Final = Step("SWAP", 2)
POP: Final = Step("POP_TOP")
COPY: Final = Step("COPY", 1)

_COPY_LOWER: Final = Step("COPY", 2)
_NULL: Final = Step("PUSH_NULL")
_CALL: Final[tuple[Steps, ...]] = tuple(
    ((Step("CALL", count),) if SINCE_312 else (Step("PRECALL", count), Step("CALL", count))) for count in range(3)
)


def variable_load(name: str) -> Step:
    """Return the instruction that pushes the content of the free variable `name`."""
    return Step("LOAD_DEREF", name, Kind.VARIABLE)


def constant_load(value: object) -> Step:
    """Return the instruction that pushes an object."""
    return Step("LOAD_CONST", value, Kind.CONSTANT)


def global_load(name: str) -> Step:
    """Return the instruction that pushes a global, without the null that a call wants beside it."""
    return Step("LOAD_GLOBAL", name, Kind.GLOBAL)


def global_store(name: str) -> Step:
    """Return the instruction that stores a global."""
    return Step("STORE_GLOBAL", name, Kind.NAME)


def class_load(name: str) -> Steps:
    """Return what pushes, in the body of a class, the class's own `name` or the content of the free variable `name`."""
    if SINCE_312:
        return Step("LOAD_LOCALS"), Step("LOAD_FROM_DICT_OR_DEREF", name, Kind.VARIABLE)
    return (Step("LOAD_CLASSDEREF", name, Kind.VARIABLE),)


def callable_load(loads: Steps) -> Steps:
    """Return `loads`, which push one callable, together with the null that a call wants beside it."""
    return (*loads, _NULL) if SINCE_313 else (_NULL, *loads)


def call_hook(hook: str, *names: str) -> Steps:
    """Return the call ``hook(*names)`` of what the free variable `hook` holds; its result is pushed."""
    return *callable_load((variable_load(hook),)), *map(constant_load, names), *_CALL[len(names)]


def call_for_effect(hook: str, *names: str) -> Steps:
    """Return the same call for a statement: nothing is pushed."""
    return *call_hook(hook, *names), POP


def call_with_value(hook: str | Step, *names: str) -> Steps:
    """Return the call ``hook(value, *names)`` where the value is on top of the stack and is replaced by the result.

    The hook is what the free variable of that name holds, or what the given instruction pushes.

    It is the sequence with which CPython applies a decorator: the callable and its first argument lie on the stack as
    a method and its ``self`` would, so no null is needed on any version.
    """
    load = variable_load(hook) if isinstance(hook, str) else hook
    return load, SWAP, *map(constant_load, names), *_CALL[len(names)]


def call_with_two(hook: str, name: str) -> Steps:
    """Return the call ``hook(upper, name, lower)`` that takes two values off the stack and pushes its result."""
    # lower, upper -> lower, upper, hook -> hook, upper, lower -> hook, upper, lower, name -> hook, upper, name, lower
    return variable_load(hook), Step("SWAP", 3), constant_load(name), SWAP, *_CALL[2]


def call_with_two_seen(hook: str, name: str) -> Steps:
    """Return the same call for the two values that are on top of the stack and stay there; nothing is pushed."""
    return _COPY_LOWER, _COPY_LOWER, *call_with_two(hook, name), POP


def null_for_callable() -> Steps:
    """Return what pushes the null of a call when the callable is on the stack already."""
    return (_NULL,) if SINCE_313 else (_NULL, SWAP)


def with_longer_closure(gained: tuple[str, ...], *, had: int) -> Steps:
    """Return what makes the tuple of a function's cells, of which `had` lie on the stack already."""
    opname = "LOAD_FAST" if SINCE_313 else "LOAD_CLOSURE"
    loads = (Step(opname, name, Kind.VARIABLE) for name in gained)
    return *loads, Step("BUILD_TUPLE", had + len(gained))


def make_with_closure(flags: int) -> Steps:
    """Return what makes a function whose closure tuple is on the stack, under its code object.

    3.11 and 3.12 say it in the argument of MAKE_FUNCTION, later versions in an instruction that follows.

    Args:
        flags: the argument of the MAKE_FUNCTION that is replaced, which makes a function without closure.
    """
    if SINCE_313:
        return ITSELF, Step("SET_FUNCTION_ATTRIBUTE", _CLOSURE)
    return (Step("MAKE_FUNCTION", flags | _CLOSURE),)


def home_load(home: str, hook: str, name: str, *, always_set: bool) -> Steps:
    """Return the look-up of `name` in the dictionary that the free variable `home` holds.

    3.12 and later fall back to globals and built-ins and raise NameError, as a global would. 3.11 has no such
    instruction: a name that may be missing is looked up by the function in the free variable `hook`.
    """
    if SINCE_312:
        return variable_load(home), Step("LOAD_FROM_DICT_OR_GLOBALS", name, Kind.NAME)
    if always_set:
        return variable_load(home), constant_load(name), Step("BINARY_SUBSCR")
    return call_hook(hook, name)


def store_subscript(mapping: str, name: str) -> Steps:
    """Return what stores the value on top of the stack under `name` in the free variable `mapping`."""
    return variable_load(mapping), constant_load(name), Step("STORE_SUBSCR")
