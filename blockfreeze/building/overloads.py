"""What `typing.get_overloads` says of a block's functions: the overloads of the generation that serves, no others.

`typing` keeps them by module, name and line. A later version has them at other lines, beside those of the one before.
It has no function that takes back those of one module.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from blockfreeze.model.block import Generation

_REGISTRY = "_overload_registry"


def _registry() -> MutableMapping[str, Any]:
    table = getattr(typing, _REGISTRY, None)
    return table if isinstance(table, MutableMapping) else {}


def _set(module: str, overloads: Any) -> None:
    if overloads:
        _registry()[module] = overloads
    else:
        _registry().pop(module, None)


@contextmanager
def own_overloads(generation: Generation, module: str) -> Iterator[None]:
    """Let the body of a member register its overloads, which others see as soon as the generation serves."""
    build, done = generation.build, False
    build.hidden_overloads[module] = _registry().pop(module, None)
    try:
        yield
        build.overloads[module] = _registry().get(module)
        done = generation is generation.block.current
    finally:
        if done:
            del build.hidden_overloads[module]
        else:
            _show_hidden(generation, module)


def _show_hidden(generation: Generation, module: str) -> None:
    hidden = generation.build.hidden_overloads
    if module in hidden:  # otherwise it was abandoned, and others have been told since
        _set(module, hidden.pop(module))


def abandon_overloads(generation: Generation) -> None:
    """Let `typing` tell of the other generations again, though a body of this one has not ended."""
    for module in tuple(generation.build.hidden_overloads):
        _show_hidden(generation, module)


def publish_overloads(before: Generation, after: Generation) -> None:
    """Let the overloads of the generation that serves now be those that `typing` tells of."""
    for module in before.members.keys() | after.members.keys():
        # A world that was imported before it was frozen has registered its own.
        before.build.overloads.setdefault(module, _registry().get(module))
        _set(module, after.build.overloads.get(module))
