"""A candidate: a generation that is prepared and not yet reachable."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import FunctionType, ModuleType
from typing import Any, Self

from blockfreeze.core.errors import SwapError
from blockfreeze.core.report import SwapReport, Unreached
from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.dispatch.lazy_names import resolved
from blockfreeze.dispatch.pins import Hold, held_in
from blockfreeze.dispatch.vector import call_in
from blockfreeze.instances.conversion import Conversion
from blockfreeze.instances.given import GivenConverter, take_converters
from blockfreeze.model.block import Block, Generation
from blockfreeze.reporting.diff import differences
from blockfreeze.state.migration import no_way_back
from blockfreeze.swapping.claim import HeldClaim
from blockfreeze.swapping.made_before import lacking_objects
from blockfreeze.swapping.resting import Rest


class Candidate:
    """A generation that is prepared and not yet reachable: commit it or discard it.

    ``candidate.name`` is what the new version has under `name` in its first module: functions and classes taken from
    it run inside the candidate, and a module of the block is the candidate's. In a ``with candidate.active():``
    everything that the thread or task reaches is. Leaving a ``with`` statement discards a candidate that was not
    committed.
    Threads: a candidate belongs to the thread that prepared it; `active` may be used in any.
    """

    def __init__(
        self,
        block: Block,
        generation: Generation,
        commit: Callable[[float | None], SwapReport],
        discard: Callable[[], None],
        claim: HeldClaim,
        rest: Rest,
    ) -> None:
        self._block = block
        self._generation = generation
        self._commit = commit
        self._discard = discard
        self._claim = claim
        self._rest = rest
        self._open = True
        self._holds: list[Hold] = []

    @property
    def generation(self) -> int:
        """The number that the generation has if it is committed."""
        return self._generation.number

    @property
    def label(self) -> str:
        """What status, events and logs call the generation."""
        return self._generation.label

    @property
    def source_hash(self) -> str:
        """The hash of the version's sources, as hexadecimal digits."""
        return self._generation.snapshot.version_hash()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        for root in self._block.roots:
            found = _attribute(self._generation, root, name)
            if found is not ABSENT:
                if not is_a(found, FunctionType) and (callable(found) or is_a(found, ModuleType)):
                    self._rest.end()  # what it will reach is looked up in classes and modules, and no code begins then
                return found
        raise AttributeError(f"{self!r} has no attribute {name!r}", name=name, obj=self)

    @contextmanager
    def active(self) -> Iterator[Self]:
        """Let the thread or task be in the candidate for the length of a ``with`` statement, as a pin does.

        Calls through imports, entries that are held elsewhere, tables and test clients run in it, and nobody else's do.
        Tasks that are started inside stay in it, until it is discarded. A thread inherits nothing.

        Raises:
            SwapError: it was committed or discarded before.
        """
        self._refuse_if_closed("activation")
        self._rest.enter()
        try:
            with held_in(self._generation, sys._getframe(2)) as hold:
                self._holds.append(hold)
                yield self
        finally:
            self._rest.leave()

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
        self._block.claim.undo = None  # what a commit brings over cannot be undone beside it
        self._rest.end()
        lacking = lacking_objects(self._block, self._block.current, self._generation, attributes=False)
        try:
            report = self._commit(quiesce)
            return replace(report, unreached=(*report.unreached, *lacking)) if lacking else report
        finally:
            self._let_go(void=self._block.current is not self._generation)
            self._claim.release()

    def discard(self) -> None:
        """Drop the candidate: the block is as it was before it was prepared.

        Raises:
            SwapError: it was committed or discarded before.
        """
        self._close("discard")
        self._rest.abandon()
        try:
            self._discard()
        finally:
            self._let_go(void=True)
            self._claim.release()

    def _let_go(self, *, void: bool) -> None:
        """Let go of who is in the candidate; if it does not come to serve, they go on in the generation that does."""
        for hold in self._holds if void else ():
            hold.generations.pop(self._block, None)
        self._holds.clear()

    def differences(self) -> SwapReport:
        """Return how the candidate differs from the generation that serves, as far as it is known before a commit."""
        return differences(self._block.current, self._generation)

    def incompatible(self) -> tuple[str, ...]:
        """Return what callers of the current generation rely on and the candidate does not have."""
        return self.differences().incompatible

    def lacking(self) -> list[Unreached]:
        """Return which objects that were made before lack what the candidate's code needs, and who holds one.

        Searches the heap if there may be any. Those that a converter converts are not among them.
        """
        return lacking_objects(self._block, self._block.current, self._generation)

    def take_converters(self, converters: Mapping[Any, GivenConverter]) -> None:
        """Let the candidate convert instances as it is told: see `swap`.

        Raises:
            IncompatibleBlockError: it has no such class.
        """
        take_converters(self._block, self._generation, converters)

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
        self._refuse_if_closed(what)
        self._open = False

    def _refuse_if_closed(self, what: str) -> None:
        if not self._open:
            raise SwapError(
                f"{self._block.name}: the {what} was refused: this candidate was committed or discarded already",
                block=self._block.name,
            )


def let_rest(candidate: Candidate) -> Candidate:
    """Let a candidate that waits for its commit cost callers nothing; see `blockfreeze.swapping.resting`."""
    candidate._rest.allow()
    return candidate


def call_inside(candidate: Candidate, function: Callable[..., Any], /, *args: Any) -> Any:
    """Call a function so that all that it reaches is the candidate's, also if the caller runs in the block itself."""
    with candidate.active():
        return call_in(candidate._generation, function, *args)


class _CandidateModule(ModuleType):
    """A module of a candidate: each attribute is the candidate's, whoever reads it."""

    def __init__(self, generation: Generation, name: str) -> None:
        super().__init__(name, generation.members[name].namespace.get("__doc__"))
        self.__dict__["blockfreeze_generation"] = generation

    def __getattr__(self, name: str) -> Any:
        own = self.__name__
        found = _attribute(self.__dict__["blockfreeze_generation"], own, name)
        if found is ABSENT:
            raise AttributeError(f"module {own!r} of the candidate has no attribute {name!r}", name=name, obj=self)
        return found

    def __dir__(self) -> list[str]:
        return sorted(self.__dict__["blockfreeze_generation"].members[self.__name__].namespace)


def _attribute(generation: Generation, module: str, name: str) -> Any:
    """Return what a module of a generation has under a name, so that it runs in that generation; or `ABSENT`."""
    block = generation.block
    value = resolved(generation.members[module].namespace, name)
    inside = next((one for one, facade in tuple(block.facades.items()) if facade is value), f"{module}.{name}")
    if (value is ABSENT or inside in block.facades) and block.covers(inside):
        return _CandidateModule(generation, inside) if block.load_member(generation, inside) is not None else value
    entry = block.entry_of(value)
    if entry is not None:
        return generation.locals.get(entry, value)
    return partial(call_in, generation, value) if callable(value) else value
