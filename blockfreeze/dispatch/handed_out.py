"""Closures that outlive the call that made them, and follow: what serves one is made for the generation that asks.

Example: ``def login_required(view): def wrapper(request): ...; return wrapper``. Whoever has decorated a view holds a
`wrapper` for as long as the program runs. Where a later version has the same `login_required`, its `wrapper` would be
the same but for the functions that it calls. So the one that is held forwards (see `forwarders`), and runs that
version's code with the variables of the call that made it, and the cells of that version for everything else.

The rule is that of what unchanged statements make: the outermost function around the closure says the same in both
versions. A closure is never left without a version: where the function has changed or is gone, it goes on with the last
version whose function said what its own did, whole and for good (`HandedOut.stay`).

What serves a call is made for it and is gone with it: whatever code objects refer to is unknown to the collector, so
nothing that could lead back to the closure may hang on a forwarder.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from types import CellType, CodeType, FunctionType
from typing import Any, Final, final

from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import Entry

_STAYS: Final = "blockfreeze_stays"
"""The attribute of a closure that has what it goes on with for good."""


class ClosureCode:
    """One function inside of a function of a block, in all versions that have the outer one unchanged.

    Attributes:
        unit: the outermost function around it.
    """

    __slots__ = ("_alike", "_said", "_way", "unit")

    def __init__(self, generation: Generation, entry: Entry, unit: FunctionType, way: tuple[int, ...]) -> None:
        self.unit = entry
        self._way = way
        self._said = _without_places(unit.__code__)
        self._alike = {generation.number: True}

    def unit_in(self, generation: Generation) -> FunctionType | None:
        """Return the outermost function in a generation, if that says the same as where the closure was made."""
        unit = generation.locals.get(self.unit)
        if type(unit) is not FunctionType:
            return None
        alike = self._alike.get(generation.number)
        if alike is None:
            alike = _without_places(unit.__code__) == self._said
            if generation.phase.is_complete:
                self._alike[generation.number] = alike
        return unit if alike else None

    def code_in(self, unit: FunctionType) -> CodeType:
        """Return its code in the version that `unit` is of, as `unit_in` has returned it."""
        code = unit.__code__
        for at in self._way:
            code = code.co_consts[at]
        return code

    def forget_all_but(self, numbers: Any) -> None:
        """Drop what is known of generations that are gone."""
        self._alike = {number: alike for number, alike in self._alike.items() if number in numbers}


@final
class HandedOut:
    """A closure that follows: it takes the part of an entry whose functions are made when they are called.

    Attributes:
        code: which function of the block it was made of.
        last: the number of the last generation that it has followed into.
    """

    __slots__ = ("_block", "_closure", "_inner", "_names", "code", "last")

    def __init__(self, block: Block, generation: Generation, code: ClosureCode, closure: FunctionType) -> None:
        self._block = block
        self._closure: weakref.ref[FunctionType] = weakref.ref(closure)
        self.code = code
        self.last = generation.number
        self._names = closure.__code__.co_freevars
        unit = code.unit_in(generation)
        assert unit is not None
        # Every cell of the block that a function inside uses is threaded through the outermost one.
        around = _cells_of(unit)
        cells = zip(self._names, closure.__closure__ or (), strict=True)
        self._inner = frozenset(name for name, cell in cells if around.get(name) is not cell)

    @property
    def closure(self) -> Any:
        """The closure; None once nobody has it any more."""
        return self._closure()

    @property
    def function(self) -> Any:
        """The closure, which somebody has."""
        found = self._closure()
        assert found is not None
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        """Stand for the place of what serves, in a forwarder that is pickled by value; see `frames.ForwarderTag`."""
        return int, ()

    def follows(self, generation: Generation) -> bool:
        """Tell whether calls of it in `generation` run that generation's code."""
        closure = self._closure()
        return closure is not None and _STAYS not in closure.__dict__ and self.code.unit_in(generation) is not None

    def own(self, generation: Generation) -> FunctionType:
        """Return what serves it in `generation`, made anew, or what it goes on with."""
        closure: FunctionType = self.function
        stays: FunctionType | None = closure.__dict__.get(_STAYS)
        if stays is not None:
            return stays
        unit = self.code.unit_in(generation)
        if unit is None:
            last = self._block.generations.get(self.last, generation)
            unit = self.code.unit_in(last)
        assert unit is not None, "it stays, before the last one that it has followed into is let go"
        return self._made(closure, unit)

    def stay(self) -> FunctionType:
        """Let it go on with the generation that it followed into last, for good; return the function that serves it."""
        closure = self.function
        if _STAYS not in closure.__dict__:
            closure.__dict__[_STAYS] = self.own(self._block.generations[self.last])
        stays: FunctionType = closure.__dict__[_STAYS]
        return stays

    def _made(self, closure: FunctionType, unit: FunctionType) -> FunctionType:
        code, around = self.code.code_in(unit), _cells_of(unit)
        own = dict(zip(self._names, closure.__closure__ or (), strict=True))
        cells = tuple(own[name] if name in self._inner else around[name] for name in code.co_freevars)
        made = FunctionType(code, unit.__globals__, closure.__name__, closure.__defaults__, cells)
        made.__kwdefaults__ = closure.__kwdefaults__
        made.__qualname__ = closure.__qualname__
        return made


def with_codes(
    held: Iterable[tuple[Generation, FunctionType]], into: Generation
) -> Iterator[tuple[Generation, FunctionType, ClosureCode | None]]:
    """Yield closures and their generations, each with what it was made of if it can follow `into` a generation."""
    known: dict[CodeType, ClosureCode | None] = {}
    for generation, closure in held:
        code = closure.__code__
        if code not in known:
            made_of = _closure_code(generation, closure)
            known[code] = made_of if made_of is not None and made_of.unit_in(into) is not None else None
        yield generation, closure, known[code]


def _closure_code(generation: Generation, closure: FunctionType) -> ClosureCode | None:
    """Return what a closure of `generation` was made of; None if the function around it is not known."""
    path, inside, _ = closure.__code__.co_qualname.partition(".<locals>")
    member = next((name for name, one in generation.members.items() if one.namespace is closure.__globals__), None)
    for entry in generation.block.slots if inside and member is not None else ():
        unit = generation.locals.get(entry)
        if entry.member == member and entry.plain_path == path and type(unit) is FunctionType:
            way = _way_to(unit, closure.__code__)
            if way is not None:
                return ClosureCode(generation, entry, unit, way)
    return None


def _way_to(unit: FunctionType, code: CodeType) -> tuple[int, ...] | None:
    """Return the places of the constants that lead from the code of a function to `code`, which is inside; or None."""
    todo: list[tuple[CodeType, tuple[int, ...]]] = [(unit.__code__, ())]
    for outer, way in todo:
        for at, constant in enumerate(outer.co_consts):
            if constant is code:
                return (*way, at)
            if type(constant) is CodeType:
                todo.append((constant, (*way, at)))
    return None


def _cells_of(function: FunctionType) -> dict[str, CellType]:
    return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))


def _without_places(code: CodeType) -> CodeType:
    """Return a copy of `code` that compares equal to that of a function which says the same elsewhere in its file."""
    constants = tuple(_without_places(one) if type(one) is CodeType else one for one in code.co_consts)
    return code.replace(co_firstlineno=1, co_linetable=b"", co_consts=constants)
