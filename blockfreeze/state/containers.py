"""The containers and caches that a generation's modules have at their top level, and how much is in each."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from blockfreeze.core.safe_access import CACHE_TYPE, is_a
from blockfreeze.model.block import Generation

_CONTAINERS = (dict, list, set, bytearray, deque)


def container_sizes(generation: Generation) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield how much is in each module-level container and cache of a generation, by member and name."""
    for member in generation.members.values():
        for name, value in list(member.namespace.items()):
            size = size_of(value)
            if size is not None and not name.startswith("__") and name not in member.linkage.state:
                yield (member.name, name), size


def size_of(value: Any) -> int | None:
    """Return how much is in a container or cache; None if `value` is neither."""
    if is_a(value, _CONTAINERS):
        return len(value)
    return int(value.cache_info().currsize) if type(value) is CACHE_TYPE else None
