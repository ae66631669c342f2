"""What an armed facade reads at once: a name that means the same in every generation an access may belong to.

In the steady state there is one such generation, and reading a name is one look into its namespace. While versions
overlap, a name is read at once if all their namespaces have the same object there, as they do of functions and of most
classes: then it does not matter who asks. If they have not, a note on the frame that asks may tell (see
`blockfreeze.model.frame_note`). The namespaces themselves are looked into, and nothing is copied, so that
whatever is set in them, by whatever means, is seen.

Everything else is left to the function with which a view is made.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from blockfreeze.core.safe_access import ABSENT
from blockfreeze.dispatch.accesses import IS_COMPILED, Places
from blockfreeze.model.block import Generation
from blockfreeze.model.reference import Reference

_getframe = sys._getframe  # taken now, as in `vector`

Tables: TypeAlias = tuple[dict[str, Any], frozenset[str], tuple[dict[str, Any], ...], Generation | None]
"""The namespace of the generation that serves new calls, the names that are not read at once, the namespaces of the
other generations that an access may belong to, and the generation of the first one."""

NOTHING: Final[Tables] = ({}, frozenset(), (), None)
VIEW: Final = "blockfreeze_view"
"""The attribute of an armed facade's class that has its view."""

if IS_COMPILED and not TYPE_CHECKING:
    _part = importlib.import_module("blockfreeze._speed")
    View, Shown = _part.View, _part.Shown
else:

    class View:
        """What a facade reads at once.

        Attributes:
            shown: where; replaced whole, by one store.
            reference: that of the block.
            look_up: called with a facade, a name and the frame that reads, for everything else.
        """

        __slots__ = ("look_up", "reference", "shown")

        def __init__(self, reference: Reference, look_up: Callable[[ModuleType, str, FrameType | None], Any]) -> None:
            self.reference = reference
            self.look_up = look_up
            self.shown: Tables = NOTHING

    class Shown(ModuleType):
        """The base of a facade's class whose attributes are read by C; there is none without the compiled part."""


def reading(view: View) -> Callable[[ModuleType, str], Any]:
    """Return a ``__getattribute__`` that reads by `view`."""
    reference, look_up = view.reference, view.look_up

    def read(self: ModuleType, attribute: str) -> Any:
        first, apart, others, generation = view.shown
        try:
            value = first[attribute]
        except KeyError:
            pass
        else:
            if attribute not in apart:
                if not others:
                    return value
                for other in others:
                    if other.get(attribute, ABSENT) is not value:
                        break
                else:
                    return value
                if _reads_in(reference.vector, generation, _getframe(1)):
                    return value
        return look_up(self, attribute, _getframe(1))

    return read


def _reads_in(vector: Any, generation: Generation | None, frame: FrameType) -> bool:
    """Tell whether `frame` reads in a generation, as a note on it says."""
    if not isinstance(vector, Places) or vector.current is not generation:
        return False
    note = frame.f_trace
    return note is vector.inside or (note is vector.outside and not vector.pins)
