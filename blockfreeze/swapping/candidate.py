"""A candidate: a generation that is prepared and not yet reachable."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

from blockfreeze.core.errors import SwapError
from blockfreeze.core.report import SwapReport
from blockfreeze.dispatch.vector import call_in
from blockfreeze.instances.conversion import Conversion
from blockfreeze.model.block import Block, Generation
from blockfreeze.reporting.diff import differences
from blockfreeze.state.migration import no_way_back
from blockfreeze.swapping.claim import release_claim


class Candidate:
    """A generation that is prepared and not yet reachable: commit it or discard it.

    ``candidate.name`` is what the new version has under `name` in its first module; functions and classes taken from
    it run inside the candidate. Leaving a ``with`` statement discards a candidate that was not committed.
    Threads: a candidate belongs to the thread that prepared it.
    """

    def __init__(
        self,
        block: Block,
        generation: Generation,
        commit: Callable[[float | None], SwapReport],
        discard: Callable[[], None],
    ) -> None:
        self._block = block
        self._generation = generation
        self._commit = commit
        self._discard = discard
        self._open = True

    @property
    def generation(self) -> int:
        """The number that the generation has if it is committed."""
        return self._generation.number

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        for root in self._block.roots:
            member = self._generation.members[root]
            if name in member.namespace:
                return self._inside(member.namespace[name])
        raise AttributeError(f"{self!r} has no attribute {name!r}", name=name, obj=self)

    def _inside(self, value: Any) -> Any:
        entry = self._block.entry_of(value)
        if entry is not None:
            return self._generation.locals.get(entry, value)
        if not callable(value):
            return value
        return partial(call_in, self._generation, value)

    def __repr__(self) -> str:
        state = "open" if self._open else "closed"
        return f"<candidate generation {self._generation.number} of {self._block.name}, {state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._open:
            self.discard()

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self.discard()

    def commit(self, *, quiesce: float | None = None) -> SwapReport:
        """Make the candidate the current generation, by one store, and return what changed.

        After an error the candidate is discarded, and the generation that served still serves.

        Args:
            quiesce: as for `swap`: hold new calls back, for so many seconds at most, until the old ones have ended.

        Raises:
            SwapError: it was committed or discarded before, or this thread would wait for itself.
            DrainTimeoutError: old calls did not end in time; they are named.
            PrepareError: instances could not be converted.
        """
        self._close("commit")
        try:
            return self._commit(quiesce)
        finally:
            release_claim(self._block)

    def discard(self) -> None:
        """Drop the candidate: the block is as it was before it was prepared.

        Raises:
            SwapError: it was committed or discarded before.
        """
        self._close("discard")
        try:
            self._discard()
        finally:
            release_claim(self._block)

    def incompatible(self) -> tuple[str, ...]:
        """Return what callers of the current generation rely on and the candidate does not have."""
        return differences(self._block.current, self._generation).incompatible

    def no_way_back(self) -> list[str]:
        """Return what of the candidate's state a rollback could not bring back to the current generation."""
        block = self._block
        conversion = Conversion(block, block.current, self._generation)
        return no_way_back(block.current, self._generation) + conversion.one_way()

    def forget_predecessor(self) -> None:
        """Make the candidate the first generation that can be returned to: what serves now was never a block."""
        self._generation.predecessor = None
        self._block.served.clear()

    def _close(self, what: str) -> None:
        if not self._open:
            raise SwapError(
                f"{self._block.name}: the {what} was refused: this candidate was committed or discarded already",
                block=self._block.name,
            )
        self._open = False
