"""Instructions as a list: what flows where, how deep the stack is, and which local variables have a value.

Labels and the bounds of exception tables stand between the instructions, as the `bytecode` library has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bytecode import Label
from bytecode.instr import Instr

from blockfreeze.inlining.operations import BORROWING, FUSED, PAIRS

Item = Any
"""An instruction, a label, or the begin or end of what an exception table covers."""

LOADS = frozenset({"LOAD_FAST", "LOAD_FAST_CHECK"})

_MOST_FUSED = 16  # the variables of a pair are numbered with four bits each


def single(items: Sequence[Item]) -> list[Item]:
    """Return `items` with one variable to an instruction, and none that borrows its reference (3.14).

    The compiler borrows where it has seen that the variable outlives the use. It has not seen what gets in between.
    """
    result: list[Item] = []
    for item in items:
        if not isinstance(item, Instr):
            result.append(item)
        elif item.name in PAIRS:
            variables: Any = item.arg
            both = zip(PAIRS[item.name], variables, strict=True)
            result += [Instr(name, variable, location=item.location) for name, variable in both]
        else:
            name = BORROWING.get(item.name)
            result.append(Instr(name, item.arg, location=item.location) if name else item)
    return result


def paired(items: Sequence[Item], variables: Sequence[str]) -> list[Item]:
    """Return `items` with two variables to an instruction where CPython has such instructions (3.13)."""
    if not FUSED or len({*variables, *(one.arg for one in items if _is_local(one))}) > _MOST_FUSED:
        return list(items)
    result: list[Item] = []
    for item in items:
        last = result[-1] if result else None
        if isinstance(last, Instr) and _is_local(last) and _is_local(item) and (last.name, item.name) in FUSED:
            result[-1] = Instr(FUSED[last.name, item.name], (last.arg, item.arg), location=last.location)
        else:
            result.append(item)
    return result


def _is_local(item: Item) -> bool:
    return isinstance(item, Instr) and item.name in ("LOAD_FAST", "STORE_FAST")


def ends(item: Instr) -> bool:
    """Tell whether what follows an instruction in the list does not follow it in time."""
    return bool(item.is_final() or item.is_uncond_jump())


def follow(items: Sequence[Item], start: int) -> Iterator[tuple[int, Instr, int, int]]:
    """Yield each instruction from `start` on: its index, itself, and how deep the stack is before and after it.

    Depths count from that before the first. What nothing leads to that is known, as to a handler, is left out.
    """
    known: dict[Label, int] = {}
    depth: int | None = 0
    for index in range(start, len(items)):
        item = items[index]
        if isinstance(item, Label):
            depth = known.get(item) if depth is None else depth
        if not isinstance(item, Instr) or depth is None:
            continue
        if isinstance(item.arg, Label):
            known[item.arg] = depth + item.stack_effect(jump=True)
        after = depth + item.stack_effect(jump=False)
        yield index, item, depth, after
        depth = None if ends(item) else after


def assigned(items: Sequence[Item], parameters: frozenset[str]) -> dict[int, frozenset[str]]:
    """Return, for each instruction that can be reached, the local variables that have a value whatever way it came.

    A forward data-flow analysis (every way must assign); loops make it go through the list again until nothing changes.
    """
    at_labels: dict[Label, frozenset[str]] = {}
    while True:
        result, changed = _assigned_once(items, parameters, at_labels)
        if not changed:
            return result


def _assigned_once(
    items: Sequence[Item], parameters: frozenset[str], at_labels: dict[Label, frozenset[str]]
) -> tuple[dict[int, frozenset[str]], bool]:
    def meet(label: Label, names: frozenset[str]) -> None:
        met = at_labels.get(label, names) & names
        if at_labels.get(label) != met:
            at_labels[label] = met
            changes.append(label)

    changes: list[Label] = []
    result: dict[int, frozenset[str]] = {}
    now: frozenset[str] | None = parameters
    for index, item in enumerate(items):
        if isinstance(item, Label):
            if now is not None:
                meet(item, now)
            now = at_labels.get(item)
        if not isinstance(item, Instr) or now is None:
            continue
        result[index] = now
        if item.name == "STORE_FAST":
            now = now | {str(item.arg)}
        elif item.name == "DELETE_FAST":
            now = now - {str(item.arg)}
        if isinstance(item.arg, Label):
            meet(item.arg, now)
        if ends(item):
            now = None
    return result, bool(changes)


def size(items: Sequence[Item]) -> int:
    """Return how many instructions are in a list."""
    return sum(isinstance(item, Instr) for item in items)
