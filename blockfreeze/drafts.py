"""State while bodies run: what functions rebind then is the first value of a variable, or it is nothing.

A variable that functions rebind with ``global`` keeps its value at a swap, and so what a body assigns to it does not
count. What a function assigns that the body calls does not count either; but the body is to read it as it has set it,
and nobody else is to see it. So the code of a generation that is being built works on a draft of its module's home.
"""

from __future__ import annotations

from types import CellType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blockfreeze.generation import Generation, Member

__all__ = ["Draft", "publish"]


class Draft(dict[str, Any]):
    """What was set while bodies run; all else is read from the home itself."""

    __slots__ = ("cell", "home")

    def __init__(self, home: dict[str, Any]) -> None:
        super().__init__()
        self.home = home
        self.cell = CellType(self)  # through which linked code reaches it, and the home later

    def __missing__(self, name: str) -> Any:
        return self.home[name]


def publish(generation: Generation, member: Member) -> None:
    """Let the code of a member, whose generation is complete, work on the homes themselves."""
    for draft in member.drafts:
        draft.cell.cell_contents = draft.home
        for name, value in draft.items():
            if name not in draft.home or (id(draft.home), name) in generation.introduced:
                draft.home[name] = value
                generation.introduced[id(draft.home), name] = draft.home
            if name in member.namespace:
                member.namespace[name] = draft.home[name]
    member.drafts.clear()
