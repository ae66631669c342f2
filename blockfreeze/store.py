"""The one store: the only place where a block's reference is pointed at another vector.

Guarantee: one attribute store, whatever the size of the block; before it every access finds the one vector, after it
the other. Only the thread that holds the block's claim stores, or the one that opens the block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blockfreeze.generation import Block

__all__ = ["store"]


def store(block: Block, vector: tuple[Any, ...]) -> None:
    """Point the one reference of `block` at `vector`."""
    block.reference.vector = vector
