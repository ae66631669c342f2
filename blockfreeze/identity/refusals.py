"""What CPython says when an object has no such special method: said by CPython itself, of an object that has none.

So the words are those of the version that runs, and of the class that is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Find = Callable[[type, str], bool]
"""Tells whether a class, or a base of it, has a special method in the generation of its caller."""

StandIn = Callable[..., Any]
"""Is called with a `Find`, the object whose method is missing, and what the slot passes."""


def bare(instance: Any, **methods: Any) -> Any:
    """Return an object of another class that has the name of the class of `instance`, and only these methods."""
    kind = type(instance)
    # From 3.14 on CPython says the module's name too.
    return type(kind.__name__, (), {"__module__": kind.__module__, "__qualname__": kind.__qualname__, **methods})()


def refused(operation: Callable[..., Any], **methods: Any) -> StandIn:
    """Return what refuses an operation as CPython does, of an object with only these methods."""
    return lambda find, instance, *given, **named: operation(bare(instance, **methods), *given, **named)


def enter(manager: Any) -> None:
    """Enter, and leave, a context."""
    with manager:
        pass


def enter_async(manager: Any) -> None:
    """Begin to enter an asynchronous context."""

    async def begin() -> None:
        async with manager:
            pass

    begin().send(None)


def loop_over(iterable: Any) -> None:
    """Begin an asynchronous loop."""

    async def begin() -> None:
        async for _ in iterable:
            pass

    begin().send(None)


def wait_for(awaited: Any) -> None:
    """Begin to wait for what a coroutine can wait for."""

    async def begin() -> None:
        await awaited

    begin().send(None)


def with_no_end(manager: Any) -> Any:
    """Serve as one of the two methods of a context, where the other one is missing."""
    return manager
