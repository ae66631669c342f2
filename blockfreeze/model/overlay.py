"""State while bodies run: what functions rebind then is the first value of a variable, or it is nothing.

A variable that functions rebind with ``global`` keeps its value at a swap, so what a body assigns to it does not count.
What is assigned by a function that the body calls does not count either; but the body is to read what it has set, and
nobody else is to see it. So the code of a generation that is being built works on an overlay over its module's home.
"""

from __future__ import annotations

from types import CellType
from typing import Any


class Overlay(dict[str, Any]):
    """What was set while bodies run; all else is read from the home itself."""

    __slots__ = ("cell", "home")

    def __init__(self, home: dict[str, Any]) -> None:
        super().__init__()
        self.home = home
        self.cell = CellType(self)  # through which linked code reaches it, and the home later

    def __missing__(self, name: str) -> Any:
        return self.home[name]
