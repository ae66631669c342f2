"""Parameters: a call by position gives its arguments to others, or what is left out means something else."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from blockfreeze.advice.flow import leaves_results
from blockfreeze.advice.texts import Found, Function, decorator_names, said_of
from blockfreeze.core.advice import NOTE, WARNING, Advice
from blockfreeze.versions.statements import said

_WHO_LEAVES_OUT = "code outside that leaves it out, in a call before the swap and in one after it"
_WHO_BY_POSITION = "code outside that gives arguments by position; partial objects that hold some"
_BY_KEYWORD = "add parameters at the end, or let them be given by keyword only; let callers give keywords first"
_SAY_IT = "let callers that need the old value give it, before the default changes"


class Parameters(NamedTuple):
    """The parameters that can be given by position, in order, and the defaults of all that have one."""

    positions: list[str]
    defaults: Mapping[str, ast.expr]


def parameter_advice(before: Found, after: Found) -> Iterator[Advice]:
    """Yield what has changed of a function's parameters, if code outside can call it."""
    if before.is_public and isinstance(before.node, Function) and isinstance(after.node, Function):
        last = before.path.rpartition(".")[2]
        is_seen = leaves_results(before.node) and leaves_results(after.node)  # others may take and give other arguments
        if is_seen and (last == "__init__" or not last.startswith("__")):
            yield from changed_parameters(before, after, _parameters(before), _parameters(after))


def changed_parameters(before: Found, after: Found, old: Parameters, new: Parameters) -> Iterator[Advice]:
    """Yield which parameters have moved, and which defaults are others now."""
    for at, name in enumerate(old.positions):
        if not name.startswith("_") and name in new.positions and new.positions.index(name) != at:
            given = new.positions[at] if at < len(new.positions) else ""
            if given:
                what = f"the argument at position {at + 1} was {name!r} and is {given!r} now"
                yield said_of(before, after, "order", WARNING, what, _WHO_BY_POSITION, _BY_KEYWORD)
            break
    for name in old.defaults.keys() & new.defaults.keys():
        was, now = old.defaults[name], new.defaults[name]
        if _means_another(was, now):
            what = f"the default of {name!r} was {ast.unparse(was)} and is {ast.unparse(now)} now"
            place = after.text.place(now)
            yield said_of(before, after, "default", NOTE, what, _WHO_LEAVES_OUT, _SAY_IT, place)


def _parameters(found: Found) -> Parameters:
    assert isinstance(found.node, Function)
    given = found.node.args
    positional = [*given.posonlyargs, *given.args]
    defaults = dict(zip((one.arg for one in reversed(positional)), reversed(given.defaults), strict=False))
    by_name = zip((one.arg for one in given.kwonlyargs), given.kw_defaults, strict=True)
    defaults |= {name: value for name, value in by_name if value is not None}
    is_bound = bool(found.cls) and "staticmethod" not in decorator_names(found.node)
    return Parameters([one.arg for one in positional][1 if is_bound else 0 :], defaults)


def _means_another(was: ast.expr, now: ast.expr) -> bool:
    """Tell whether two defaults are values that mean different things; what is false may well mean the same."""
    try:
        values = ast.literal_eval(was), ast.literal_eval(now)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    if None in values or not any(values):
        return False  # None stands for what the function then puts there
    return values[0] != values[1] and said(was) != said(now)
