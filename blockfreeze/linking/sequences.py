"""Instructions that linked code gains, as sequences for the `bytecode` library; they know nothing of blocks.

What differs from one CPython to the next is read off `cpython`.
"""

from __future__ import annotations

from bytecode.instr import CellVar, FreeVar, Instr, InstrLocation

from blockfreeze.linking.cpython import SINCE_312, SINCE_313

_CLOSURE = 8


def free_load(name: str, at: InstrLocation | None) -> Instr:
    """Return the instruction that pushes the content of the free variable `name`."""
    return Instr("LOAD_DEREF", FreeVar(name), location=at)


def class_load(name: str, at: InstrLocation | None) -> list[Instr]:
    """Return what pushes, in the body of a class, the class's own `name` or the content of the free variable `name`."""
    if SINCE_312:
        return [Instr("LOAD_LOCALS", location=at), Instr("LOAD_FROM_DICT_OR_DEREF", FreeVar(name), location=at)]
    return [Instr("LOAD_CLASSDEREF", FreeVar(name), location=at)]


def callable_load(loads: list[Instr], at: InstrLocation | None) -> list[Instr]:
    """Return `loads`, which push one callable, together with the null that a call wants beside it."""
    null = Instr("PUSH_NULL", location=at)
    return [*loads, null] if SINCE_313 else [null, *loads]


def _call(names: tuple[str, ...], at: InstrLocation | None) -> list[Instr]:
    sequence = [Instr("LOAD_CONST", name, location=at) for name in names]
    if not SINCE_312:
        sequence.append(Instr("PRECALL", len(names), location=at))
    return [*sequence, Instr("CALL", len(names), location=at)]


def call_hook(hook: str, names: tuple[str, ...], at: InstrLocation | None) -> list[Instr]:
    """Return the call ``hook(*names)`` of what the free variable `hook` holds; its result is pushed."""
    return [*callable_load([free_load(hook, at)], at), *_call(names, at)]


def call_for_effect(hook: str, names: tuple[str, ...], at: InstrLocation | None) -> list[Instr]:
    """Return the same call for a statement: nothing is pushed."""
    return [*call_hook(hook, names, at), Instr("POP_TOP", location=at)]


def call_with_value(hook: str | Instr, names: tuple[str, ...], at: InstrLocation | None) -> list[Instr]:
    """Return the call ``hook(value, *names)`` where the value is on top of the stack and is replaced by the result.

    The hook is what the free variable of that name holds, or what the given instruction pushes.

    It is the sequence with which CPython applies a decorator: the callable and its first argument lie on the stack as
    a method and its ``self`` would, so no null is needed on any version.
    """
    load = free_load(hook, at) if isinstance(hook, str) else hook
    return [load, Instr("SWAP", 2, location=at), *_call(names, at)]


def call_with_two(hook: str, name: str, at: InstrLocation | None, *, push: bool = False) -> list[Instr]:
    """Return the call ``hook(upper, name, lower)`` that takes two values off the stack, as STORE_ATTR does.

    Args:
        push: leave the result on the stack, as IMPORT_NAME does.
    """
    # lower, upper -> lower, upper, hook -> hook, upper, lower -> hook, upper, lower, name -> hook, upper, name, lower
    turn = [free_load(hook, at), Instr("SWAP", 3, location=at)]
    sequence = [*turn, Instr("LOAD_CONST", name, location=at), Instr("SWAP", 2, location=at)]
    if not SINCE_312:
        sequence.append(Instr("PRECALL", 2, location=at))
    sequence.append(Instr("CALL", 2, location=at))
    return sequence if push else [*sequence, Instr("POP_TOP", location=at)]


def null_for(at: InstrLocation | None) -> list[Instr]:
    """Return what pushes the null of a call when the callable is on the stack already."""
    null = Instr("PUSH_NULL", location=at)
    return [null] if SINCE_313 else [null, Instr("SWAP", 2, location=at)]


def closure_load(variable: CellVar | FreeVar, at: InstrLocation | None) -> Instr:
    """Return the instruction that pushes the cell itself, for the closure of a function that is being made."""
    return Instr("LOAD_FAST" if SINCE_313 else "LOAD_CLOSURE", variable, location=at)


def make_with_closure(make: Instr, *, had_closure: bool) -> list[Instr]:
    """Return what makes a function whose closure tuple is on the stack, under its code object.

    3.11 and 3.12 say it in the argument of MAKE_FUNCTION, later versions in an instruction that follows; a function
    that had a closure has the flag, or is followed by the instruction, already.
    """
    if had_closure:
        return [make]
    if SINCE_313:
        return [make, Instr("SET_FUNCTION_ATTRIBUTE", _CLOSURE, location=make.location)]
    assert isinstance(make.arg, int)
    return [Instr("MAKE_FUNCTION", make.arg | _CLOSURE, location=make.location)]


def home_load(home: str, hook: str, name: str, at: InstrLocation | None, *, always_set: bool) -> list[Instr]:
    """Return the look-up of `name` in the dictionary that the free variable `home` holds.

    3.12 and later fall back to globals and built-ins and raise NameError, as a global would. 3.11 has no such
    instruction: a name that may be missing is looked up by the function in the free variable `hook`.
    """
    if SINCE_312:
        return [free_load(home, at), Instr("LOAD_FROM_DICT_OR_GLOBALS", name, location=at)]
    if always_set:
        subscript = Instr("BINARY_SUBSCR", location=at)
        return [free_load(home, at), Instr("LOAD_CONST", name, location=at), subscript]
    return call_hook(hook, (name,), at)


def store_subscript(mapping: str, name: str, at: InstrLocation | None) -> list[Instr]:
    """Return what stores the value on top of the stack under `name` in the free variable `mapping`."""
    return [
        free_load(mapping, at),
        Instr("LOAD_CONST", name, location=at),
        Instr("STORE_SUBSCR", location=at),
    ]
