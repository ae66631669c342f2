"""Whether callers of a function can go on with its new version: its kind, and the calls that its signature accepts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from types import FunctionType
from typing import Final

from blockfreeze.core.report import SignatureChange
from blockfreeze.dispatch.forwarders import function_kind


def compare_functions(name: str, was: FunctionType, now: FunctionType) -> tuple[list[SignatureChange], list[str]]:
    """Return how the signature of a function differs, if it does, and what callers of the old one cannot rely on."""
    incompatible: list[str] = []
    if function_kind(was.__code__) != function_kind(now.__code__):
        incompatible.append(f"{name} was {_kind_name(was)} and is {_kind_name(now)}")
    try:
        before, after = inspect.signature(was), inspect.signature(now)
    except (TypeError, ValueError, NameError):
        return [], incompatible
    if str(before) == str(after):
        return [], incompatible
    narrowed = narrows(before, after)
    if narrowed:
        incompatible.append(f"{name}{before} is narrowed to {after}")
    return [SignatureChange(name, str(before), str(after), narrowed)], incompatible


def _kind_name(function: FunctionType) -> str:
    if inspect.iscoroutinefunction(function):
        return "a coroutine function"
    if inspect.isasyncgenfunction(function):
        return "an asynchronous generator function"
    return "a generator function" if inspect.isgeneratorfunction(function) else "a plain function"


def narrows(before: Signature, after: Signature) -> bool:
    """Tell whether some call that `before` accepts is refused by `after`."""
    old, new = _Parameters(before), _Parameters(after)
    return any(refuses(old, new) for refuses in _RULES)


class _Parameters:
    """The parameters of a signature, sorted by how a call can give them."""

    def __init__(self, signature: Signature) -> None:
        self.all: Mapping[str, Parameter] = signature.parameters
        kinds = {one.kind for one in self.all.values()}
        self.by_position: list[Parameter] = [one for one in self.all.values() if one.kind in _POSITIONAL]
        self.by_name: list[Parameter] = [one for one in self.all.values() if one.kind in _NAMED]
        self.more_positions: bool = Parameter.VAR_POSITIONAL in kinds
        self.more_names: bool = Parameter.VAR_KEYWORD in kinds

    def position(self, name: str) -> int | None:
        """Return the position of a parameter that can be given by position and by name; None if there is none."""
        both = (at for at, one in enumerate(self.by_position) if one.name == name and one.kind in _NAMED)
        return next(both, None)


_POSITIONAL: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_NAMED: Final = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)

_RULES: Final[tuple[Callable[[_Parameters, _Parameters], bool], ...]] = (
    # Arguments by position: there are fewer parameters for them.
    lambda old, new: len(new.by_position) < len(old.by_position) and not new.more_positions,
    # Any number of arguments, by position or by name, is not accepted any more.
    lambda old, new: old.more_positions > new.more_positions or old.more_names > new.more_names,
    # An argument by name: there is no such parameter.
    lambda old, new: not new.more_names and any(one.name not in new.all for one in old.by_name),
    # An argument by position or by name: the parameter is another one, or can be given in one way only.
    lambda old, new: any(
        one.name in new.all and new.position(one.name) != at
        for at, one in enumerate(old.by_position)
        if one.kind in _NAMED
    ),
    # No argument for what had a default value.
    lambda old, new: any(
        one.default is not Parameter.empty and one.name in new.all and new.all[one.name].default is Parameter.empty
        for one in old.all.values()
    ),
    # No argument for what was not there.
    lambda old, new: any(
        one.default is Parameter.empty and one.name not in old.all
        for one in [
            *new.by_position[len(old.by_position) :],
            *(one for one in new.by_name if one.kind is Parameter.KEYWORD_ONLY),
        ]
    ),
)
