"""Every shape, by name, in the order of the table."""

from __future__ import annotations

from ..shape import Shape
from . import callbacks, calls, classes, members, parked

__all__ = ["SHAPES"]

SHAPES: dict[str, Shape] = {
    shape.name: shape
    for group in (calls.SHAPES, callbacks.SHAPES, classes.SHAPES, members.SHAPES, parked.SHAPES)
    for shape in group
}
