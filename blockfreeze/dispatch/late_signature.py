"""The signature that inspection is shown of a forwarder, made only if somebody asks.

A swap makes thousands of functions forward, and nearly nobody looks at the signature of any. So what is shown is a
`inspect.Signature` that knows the parts of the function, and reads its parameters off them at the first look.
"""

from __future__ import annotations

import inspect
import sys
from functools import lru_cache
from inspect import Signature
from types import FunctionType
from typing import Any, Final

from blockfreeze.core.imported import imported
from blockfreeze.linking.analysis import may_be_suspended

_SPEAKS_FOR_ITSELF: Final = frozenset({"__wrapped__", "__signature__", "__text_signature__", "_partialmethod"})
"""Attributes by which `inspect` finds the signature of a function elsewhere than in its code."""


def shown_signature(function: Any) -> Signature | None:
    """Return what inspection is to show of a function whose forwarder takes more; None if it cannot be told."""
    # Who looks at it has the `inspect` of now, which may have been imported anew and wants a signature of its own.
    asked: Any = inspect if sys.modules.get("inspect") is inspect else imported("inspect") or inspect
    if type(function) is FunctionType and _SPEAKS_FOR_ITSELF.isdisjoint(function.__dict__):
        # The references to code of which something may be suspended tell whether anything is: none is to be added.
        if not may_be_suspended(function.__code__):
            found: Signature = _late_kind(asked.Signature)(function)
            return found
    try:
        signature: Signature = asked.signature(function)
    except Exception:  # annotations may raise anything, evaluated when somebody asks (3.14)
        return None
    return signature


def is_shown_late(signature: object) -> bool:
    """Tell whether a signature is one that `shown_signature` has put off."""
    return is_late_kind(type(signature))


def is_late_kind(kind: type) -> bool:
    """Tell whether a type is the one of such signatures."""
    return issubclass(kind, Signature) and "blockfreeze_parts" in kind.__dict__


@lru_cache(maxsize=2)
def _late_kind(base: Any) -> Any:
    """Return a kind of signature whose parameters are read off the parts of a function at the first look."""

    class Late(base):  # type: ignore[misc]
        __slots__ = ("_found", "blockfreeze_parts")

        def __init__(self, function: FunctionType) -> None:
            self.blockfreeze_parts = _parts_of(function)
            self._found = None

        @property
        def blockfreeze_meant(self) -> Any:
            if self._found is None:
                self._found = base.from_callable(_function_of(self.blockfreeze_parts))
            return self._found

        @property
        def _parameters(self) -> Any:
            return self.blockfreeze_meant._parameters

        @property
        def _return_annotation(self) -> Any:
            return self.blockfreeze_meant._return_annotation

        def replace(self, **changed: Any) -> Any:
            return self.blockfreeze_meant.replace(**changed)

        __replace__ = replace

        def __reduce__(self) -> Any:
            return self.blockfreeze_meant.__reduce__()

    Late.__name__ = Late.__qualname__ = base.__name__
    return Late


def _parts_of(function: FunctionType) -> tuple[Any, ...]:
    annotate = getattr(function, "__annotate__", None)  # 3.14: evaluating them now could fail where nobody has asked
    return (
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
        function.__kwdefaults__,
        function.__annotations__ if annotate is None else annotate,
    )


def _function_of(parts: tuple[Any, ...]) -> FunctionType:
    *made_of, keywords, annotations = parts
    function = FunctionType(*made_of)
    function.__kwdefaults__ = keywords
    if callable(annotations):
        function.__annotate__ = annotations  # type: ignore[attr-defined, unused-ignore]
    else:
        function.__annotations__ = annotations
    return function
