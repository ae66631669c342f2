"""The shapes: small modules and packages whose parts call each other, with the code around them and what drives them.

`SHAPES` has every shape by its name, in the order of the table of torn calls. `counted` and `gated` are two modules
more, with callers of their own. Benchmarks and tests share all of this; it imports neither.
"""

from __future__ import annotations

from benchmarks.shapes import callbacks, calls, classes, members, methods, parked, values
from benchmarks.shapes.shape import Shape

__all__ = ["SHAPES"]

SHAPES: dict[str, Shape] = {
    shape.name: shape
    for group in (calls, values, callbacks, methods, classes, members, parked)
    for shape in group.SHAPES
}
