"""Verdicts on a version before it is committed: it could not be built, lacks what callers rely on, or fails a check."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from blockfreeze.core.errors import BlockfreezeError, IncompatibleBlockError, PrepareError
from blockfreeze.model.block import Block
from blockfreeze.swapping.candidate import Candidate, call_inside


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
        f"{place}: the new version was not {what}: {type(error).__name__} in the phase {phase!r}: "
        f"{_said(block, error)}; generation {block.current.number} still serves; mend the source and swap again",
        block=block.name,
        phase=phase,
        member=member,
    )


def _said(block: Block, error: BaseException) -> str:
    """Return an error's text, or the line if it has none, as that of an ``assert``, and where the block raised it.

    That is the innermost place in the block, or else the last one; a syntax error says by itself where it is.
    """
    if isinstance(error, SyntaxError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1:]
    text = str(error) or "".join(str(at.line) for at in last)
    steps = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    inside = [one for one in steps if block.covers(str(one[0].f_globals.get("__name__")))] or steps
    return text + "".join(f" at {frame.f_code.co_filename}:{line}" for frame, line in inside[-1:])


def refuse_incompatible(block: Block, candidate: Candidate) -> None:
    """Refuse a version that lacks what callers rely on.

    Raises:
        IncompatibleBlockError: it removes or narrows an entry, changes a function's kind, or needs of objects that were
            made before what they lack.
    """
    problems = (*candidate.incompatible(), *map(str, candidate.lacking()))
    if problems:
        raise IncompatibleBlockError(
            f"{block.name}: the swap was refused: {'; '.join(problems)}; generation {block.current.number} still "
            "serves; keep what callers rely on, convert what was made before, or swap without strict=True",
            block=block.name,
            problems=tuple(problems),
        )


def run_check(block: Block, candidate: Candidate, check: Callable[[Candidate], object]) -> None:
    """Let the caller's own check judge the candidate; it runs in it, as does all that it reaches.

    Raises:
        PrepareError: it raised or returned False.
    """
    try:
        passed = call_inside(candidate, check, candidate)
    except (KeyboardInterrupt, BlockfreezeError):
        raise
    except BaseException as error:
        raise prepare_error(block, "check", None, error) from error
    if passed is False:
        raise prepare_error(block, "check", None, AssertionError("the check returned False"))
