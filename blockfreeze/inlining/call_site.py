"""One call of a function by its name: which instructions it consists of, and which argument is for which parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bytecode import Label
from bytecode.instr import Instr

from blockfreeze.inlining.callee import Callee, is_inlined
from blockfreeze.inlining.flow import Item, follow
from blockfreeze.inlining.operations import Call, call_at
from blockfreeze.linking.cpython import CONSTANT_LOADS

_CALLABLE = 2  # the callable and its null
_SUSPENDING = frozenset({"END_SEND", "GET_AWAITABLE", "SEND", "YIELD_VALUE"})


@dataclass(frozen=True)
class Site:
    """A call: `start` loads the callable, and what lies between that and `call` puts the arguments on the stack.

    `parameters` are those that the arguments are for, in the order of evaluation; `missing` take their default values.
    `copied` has the arguments that need no variable, since they are constants or variables that stay as they are: by
    parameter, the index of the only instruction that evaluates each.
    """

    start: int
    call: Call
    parameters: tuple[str, ...]
    missing: dict[str, object]
    copied: dict[str, int]


def site_at(items: Sequence[Item], start: int, callee: Callee, sure: frozenset[str]) -> Site | None:
    """Return the call for which the instruction at `start` loads a function; None if it is none that can be replaced.

    Args:
        sure: the variables of the caller that have a value whenever they are read.
    """
    before: list[int] = []  # how deep the stack was before each argument's last beginning
    jumps = False
    for index, item, depth, _ in follow(items, start):
        if (index > start and depth < _CALLABLE) or item.name in _SUSPENDING:
            return None
        call = call_at(items, index)
        if call is not None and depth == _CALLABLE + call.size and index > start:
            if not _is_one_piece(items, start, call):
                return None
            return _bound(items, start, call, callee, {} if jumps else _simple(items, before, call, sure))
        jumps = jumps or isinstance(item.arg, Label)
        del before[max(0, depth - _CALLABLE) :]
        before += [index] * (depth - _CALLABLE + 1 - len(before))
    return None


def _is_one_piece(items: Sequence[Item], start: int, call: Call) -> bool:
    """Tell whether the instructions of a call are those of its expressions, and only these come together there.

    The compiler copies what follows a conditional expression into its branches, if that is short: then one instruction
    loads the callable for two calls.
    """
    inside = items[start : call.last + 1]
    labels = {item for item in inside if isinstance(item, Label)}
    targets = {item.arg for item in inside if _jumps(item)}
    around = (item for part in (items[:start], items[call.last + 1 :]) for item in part)
    entered = any(item.arg in labels for item in around if _jumps(item))
    return all(isinstance(item, Instr | Label) for item in inside) and targets <= labels and not entered


def _jumps(item: Item) -> bool:
    return isinstance(item, Instr) and isinstance(item.arg, Label)


def _simple(items: Sequence[Item], begins: list[int], call: Call, sure: frozenset[str]) -> dict[int, int]:
    """Return, by their places, the arguments that one instruction evaluates, and that stay what they are."""
    found = {}
    for place, begin in enumerate(begins[: call.size]):
        end = begins[place + 1] if place + 1 < call.size else call.first
        item = items[begin]
        if end != begin + 1 or not isinstance(item, Instr):
            continue
        if item.name in CONSTANT_LOADS:
            found[place] = begin
        elif item.name == "LOAD_FAST" and (item.arg in sure or is_inlined(str(item.arg))):
            later = (one for one in items[end : call.first] if isinstance(one, Instr))
            if not any(one.name in ("STORE_FAST", "DELETE_FAST") and one.arg == item.arg for one in later):
                found[place] = begin
    return found


def _bound(items: Sequence[Item], start: int, call: Call, callee: Callee, simple: dict[int, int]) -> Site | None:
    """Return the call with its arguments given to parameters; None if Python refuses them or they are not known."""
    code = callee.code
    positional = callee.parameters[: code.co_argcount]
    given = call.size - len(call.keywords)
    if given > len(positional):
        return None
    by_keyword = callee.parameters[max(given, code.co_posonlyargcount) :]
    if len(set(call.keywords)) != len(call.keywords) or not set(call.keywords) <= set(by_keyword):
        return None
    parameters = (*positional[:given], *call.keywords)
    defaults = dict(zip(reversed(positional), reversed(callee.defined.defaults), strict=False))
    missing = {name: defaults[name] for name in callee.parameters if name not in parameters and name in defaults}
    if len(parameters) + len(missing) != len(callee.parameters):
        return None
    copied = {parameters[place]: at for place, at in simple.items() if parameters[place] not in callee.stored}
    return Site(start, call, parameters, missing, copied)
