"""The one reference of a block, and the one store: the only place where it is pointed at another vector.

Guarantee: one attribute store, whatever the size of the block; before it every access finds the one vector, after it
the other. Only the thread that holds the block's claim stores, or the one that opens the block.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Protocol


class Vector(Protocol):
    """What a reference points to; see `blockfreeze.dispatch.vector`."""

    def __len__(self) -> int:
        """Return the number of places."""

    def __getitem__(self, place: int, /) -> Any:
        """Return what is in a place."""


class Reference:
    """The one reference of a block. Loaded once by each entry call; stored by `store` alone.

    `taken` is always empty: in a pickle it stands for the vector.
    """

    __slots__ = ("__weakref__", "taken", "vector")

    vector: Vector

    def __init__(self) -> None:
        self.taken: dict[int, Any] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Let who pickles a function by value (cloudpickle) take along a forwarder's code, but not the block.

        On the other side a plain object is the reference (one with a hash, as a constant has to have), and the vector
        is a dictionary, with the one slot that the forwarder's tag fills. Nothing of blockfreeze is needed there.
        """
        return ModuleType, ("reference",), {"vector": self.taken}


def store(reference: Reference, vector: Vector) -> None:
    """Point the one reference of a block at `vector`."""
    reference.vector = vector
