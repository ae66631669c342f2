"""From built to acceptable: a generation whose bodies have run is completed, and judged before anybody can reach it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from blockfreeze.compare import container_sizes
from blockfreeze.drafts import publish
from blockfreeze.drain import count_idle
from blockfreeze.enumerations import apply_to_members
from blockfreeze.errors import BlockfreezeError, IncompatibleBlockError, NoSuchGenerationError, PrepareError
from blockfreeze.identities import unify
from blockfreeze.keeping import offer_kept

if TYPE_CHECKING:
    from blockfreeze.candidate import Candidate
    from blockfreeze.generation import Block, Generation

__all__ = [
    "Clock",
    "abandon_build",
    "complete",
    "finish_build",
    "kept_generation",
    "prepare_error",
    "refuse_incompatible",
    "refuse_one_way",
    "run_check",
]


class Clock:
    """Measures the phases of a swap, in seconds, into `phases`."""

    def __init__(self, phases: dict[str, float]) -> None:
        self.phases = phases
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        """End a phase; the next one begins."""
        now = time.perf_counter()
        self.phases[phase] = now - self._last
        self._last = now


def complete(generation: Generation) -> None:
    """Close the building of a generation."""
    generation.sizes = dict(container_sizes(generation))
    generation.finished = True
    count_idle(generation)


def finish_build(block: Block, generation: Generation) -> None:
    """Give the functions and classes of a complete generation their lasting identities."""
    for member in generation.members.values():
        publish(generation, member)
    unify(generation, generation.members.values())
    offer_kept(block, generation)
    complete(generation)


def abandon_build(block: Block, generation: Generation, slots: int) -> None:
    """Take a generation that nobody has seen out of the block's tables, and what it has entered there.

    Args:
        slots: how many slots the block had before.
    """
    for name, member in list(generation.members.items()):
        if block.homes.get(name) is member.namespace:
            del block.homes[name]
    for (_, name), home in generation.introduced.items():
        home.pop(name, None)
    apply_to_members(generation, block.current)
    block.forget(generation)
    block.drop_entries(slots)
    # Other threads may be importing members into the generation that serves.
    kept = {name for one in tuple(block.generations.values()) for name in (*one.members, *one.imports)}
    for name in [name for name in tuple(block.facades) if name not in kept]:
        if sys.modules.get(name) is block.facades[name]:
            del sys.modules[name]
        del block.facades[name]


def kept_generation(block: Block, to: int | None, leaving: int | None) -> Generation:
    """Return the generation that a rollback is to return to.

    Args:
        leaving: only if this is still the generation that serves.

    Raises:
        NoSuchGenerationError: it is not kept.
    """
    before = block.current
    wanted = before.predecessor if to is None else to
    after = block.generations.get(wanted) if wanted is not None else None
    if after is None or after is before or leaving not in (None, before.number):
        kept = tuple(sorted(set(block.generations) - {before.number}))
        raise NoSuchGenerationError(
            f"{block.name}: the rollback was refused: generation {wanted} is not kept besides the current one "
            f"({before.number}); kept are {list(kept)}; freeze with a larger history= to keep more",
            block=block.name,
            wanted=wanted,
            kept=kept,
        )
    return after


def refuse_one_way(block: Block, what: str, problems: list[str], remedy: str) -> None:
    """Refuse what could not be undone, or cannot be done without losing state.

    Raises:
        IncompatibleBlockError: there are problems.
    """
    if problems:
        raise IncompatibleBlockError(
            f"{block.name}: the {what} was refused: {'; '.join(problems)}; generation {block.current.number} still "
            f"serves; {remedy}",
            block=block.name,
            problems=tuple(problems),
        )


def prepare_error(block: Block, phase: str, member: str | None, error: BaseException) -> PrepareError:
    """Return the error for a version that failed in `phase`; the current generation still serves."""
    place = member or block.name
    what = "converted to" if phase == "convert" else "built"
    return PrepareError(
        f"{place}: the new version was not {what}: {type(error).__name__} in the phase {phase!r}: {error}; "
        f"generation {block.current.number} still serves; mend the source and swap again",
        block=block.name,
        phase=phase,
        member=member,
    )


def refuse_incompatible(block: Block, candidate: Candidate) -> None:
    """Refuse a version that lacks what callers rely on.

    Raises:
        IncompatibleBlockError: it removes or narrows an entry, or changes a function's kind.
    """
    problems = candidate.incompatible()
    if problems:
        raise IncompatibleBlockError(
            f"{block.name}: the swap was refused: {'; '.join(problems)}; generation {block.current.number} still "
            "serves; keep what callers rely on, or swap without strict=True",
            block=block.name,
            problems=tuple(problems),
        )


def run_check(block: Block, candidate: Candidate, check: Callable[[Candidate], object]) -> None:
    """Let the caller's own check judge the candidate.

    Raises:
        PrepareError: it raised or returned False.
    """
    try:
        passed = check(candidate)
    except (KeyboardInterrupt, BlockfreezeError):
        raise
    except BaseException as error:
        raise prepare_error(block, "check", None, error) from error
    if passed is False:
        raise prepare_error(block, "check", None, AssertionError("the check returned False"))
