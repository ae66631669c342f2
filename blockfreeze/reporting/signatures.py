"""Whether a signature accepts every call that another one accepts."""

from __future__ import annotations

import inspect
from inspect import Parameter
from types import FunctionType

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def kind_name(function: FunctionType) -> str:
    if inspect.iscoroutinefunction(function):
        return "a coroutine function"
    if inspect.isasyncgenfunction(function):
        return "an asynchronous generator function"
    return "a generator function" if inspect.isgeneratorfunction(function) else "a plain function"


def narrows(before: inspect.Signature, after: inspect.Signature) -> bool:
    """Tell whether some call that `before` accepts is refused by `after`."""
    old, new = before.parameters, after.parameters
    kinds = {one.kind for one in new.values()}
    positional_before = [one for one in old.values() if one.kind in _POSITIONAL]
    positional_after = [one for one in new.values() if one.kind in _POSITIONAL]
    if len(positional_after) < len(positional_before) and Parameter.VAR_POSITIONAL not in kinds:
        return True
    for at, one in enumerate(positional_before):
        by_name = one.kind is Parameter.POSITIONAL_OR_KEYWORD
        if by_name and one.name not in new and Parameter.VAR_KEYWORD not in kinds:
            return True
        if by_name and one.name in new and (at >= len(positional_after) or positional_after[at].name != one.name):
            return True
        if by_name and one.name in new and new[one.name].kind is Parameter.POSITIONAL_ONLY:
            return True
    for one in old.values():
        if one.kind is Parameter.KEYWORD_ONLY and one.name not in new and Parameter.VAR_KEYWORD not in kinds:
            return True
        if one.kind is Parameter.VAR_POSITIONAL and Parameter.VAR_POSITIONAL not in kinds:
            return True
        if one.kind is Parameter.VAR_KEYWORD and Parameter.VAR_KEYWORD not in kinds:
            return True
        if one.default is not Parameter.empty and one.name in new and new[one.name].default is Parameter.empty:
            return True
    required = [
        one
        for one in new.values()
        if one.default is Parameter.empty and one.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    ]
    return any(
        one.name not in old and not (one.kind in _POSITIONAL and positional_after.index(one) < len(positional_before))
        for one in required
    )
