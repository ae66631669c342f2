"""The one reference of a block, and the one store: the only place where it is pointed at another vector.

Guarantee: one attribute store, whatever the size of the block; before it every access finds the one vector, after it
the other. Only the thread that holds the block's claim stores, or the one that opens the block.
"""

from __future__ import annotations

from typing import Any


class Reference:
    """The one reference of a block. Loaded once by each entry call; stored by `store` alone."""

    __slots__ = ("__weakref__", "vector")

    vector: tuple[Any, ...]


def store(reference: Reference, vector: tuple[Any, ...]) -> None:
    """Point the one reference of a block at `vector`."""
    reference.vector = vector
