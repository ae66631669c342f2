"""Let-conversion: the instructions of a call exchanged for those of the function that it calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bytecode import Label
from bytecode.instr import Instr, InstrLocation

from blockfreeze.inlining.call_site import Site
from blockfreeze.inlining.callee import Callee
from blockfreeze.inlining.flow import LOADS, Item

_RETURNS = frozenset({"RETURN_CONST", "RETURN_VALUE"})


def spliced(items: Sequence[Item], site: Site, callee: Callee, *, guarded: bool) -> list[Item]:
    """Return what replaces the instructions of a call, from the one that loads the callable to the last of the call.

    Arguments are evaluated as before, and go into variables of the caller, named after the function and its own, which
    are cleared where the call would have given them up. Instructions of the function keep their places in the source.

    Args:
        guarded: the function's name may have no value yet, which is to be the same error as before.
    """
    at = items[site.call.last].location
    names = _Names(callee, {name: items[index] for name, index in site.copied.items()} | _constants(site, callee, at))
    result: list[Item] = []
    if guarded:
        there = items[site.start].location
        result += [Instr("LOAD_GLOBAL", (False, callee.name), location=there), Instr("POP_TOP", location=there)]
    dropped = set(site.copied.values())
    result += [items[index] for index in range(site.start + 1, site.call.first) if index not in dropped]
    for name in reversed(site.parameters):
        if name not in site.copied:
            result.append(Instr("STORE_FAST", names.variable(name), location=at))
    for name, value in site.missing.items():
        if name in callee.stored:
            result += _constant(value, names.variable(name), at)
    return [*result, *_body(callee, names), *_cleared(callee, names, at)]


class _Names:
    """What stands for each variable of the function: a variable of the caller, or an instruction that has its value."""

    def __init__(self, callee: Callee, instead: dict[str, Instr]) -> None:
        self._callee = callee
        self.instead = instead

    def variable(self, name: str) -> str:
        return f"{self._callee.name}.{name}"

    def used(self, item: Instr) -> Instr:
        """Return an instruction of the function that names a variable as the caller has it."""
        instead = self.instead.get(str(item.arg))
        name, arg = (item.name, self.variable(str(item.arg))) if instead is None else (instead.name, instead.arg)
        return Instr("LOAD_FAST" if name in LOADS else name, arg, location=item.location)


def _constants(site: Site, callee: Callee, at: InstrLocation | None) -> dict[str, Instr]:
    missing = site.missing.items()
    return {name: Instr("LOAD_CONST", value, location=at) for name, value in missing if name not in callee.stored}


def _constant(value: object, variable: str, at: InstrLocation | None) -> list[Instr]:
    return [Instr("LOAD_CONST", value, location=at), Instr("STORE_FAST", variable, location=at)]


def _body(callee: Callee, names: _Names) -> Iterator[Item]:
    """Yield the function's instructions; where it returns, they lead to the end with the result on the stack."""
    labels: dict[Label, Label] = {}
    end = Label()
    last = max(index for index, item in enumerate(callee.body) if isinstance(item, Instr))
    for index, item in enumerate(callee.body):
        if isinstance(item, Label):
            yield labels.setdefault(item, Label())
        elif item.name in _RETURNS:
            if item.name == "RETURN_CONST":
                yield Instr("LOAD_CONST", item.arg, location=item.location)
            if index != last:
                yield Instr("JUMP_FORWARD", end, location=item.location)
        elif item.name in LOADS or item.name in ("DELETE_FAST", "STORE_FAST"):
            yield names.used(item)
        elif isinstance(item.arg, Label):
            yield Instr(item.name, labels.setdefault(item.arg, Label()), location=item.location)
        else:
            yield item.copy()
    yield end


def _cleared(callee: Callee, names: _Names, at: InstrLocation | None) -> Iterator[Instr]:
    for name in callee.cleared:
        if name not in names.instead:
            yield Instr("DELETE_FAST", names.variable(name), location=at)
    for name in callee.emptied:
        yield from _constant(None, names.variable(name), at)
