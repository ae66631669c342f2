"""The update kit: a call is made once for each of its boundaries, with an update there, and must come out as ever.

The method is that of C. M. Hayden and others (*Evaluating dynamic software update safety using systematic testing*,
2012): the program's own tests, with the update at every point. The criterion is that of a cold start: what comes out
must be what comes out of the version before, or of the new one started afresh, or what the caller's own judge accepts.

Each call is made in a child of a fork, so it finds what the first one found; what is outside of the process (files,
servers) is not put back. Boundaries are those of the calling thread, and of the threads that it starts.
"""

from __future__ import annotations

import os
import pickle
import re
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from blockfreeze.api import functions
from blockfreeze.api.advising import advise
from blockfreeze.api.registry import block_of
from blockfreeze.core.advice import Advice
from blockfreeze.core.errors import BlockfreezeError, ControlError
from blockfreeze.testing.advice import advice
from blockfreeze.testing.boundaries import START, Boundaries, Boundary
from blockfreeze.versions.snapshot import SourceGiven

LIMIT: Final = 200
"""How many boundaries are tried if nobody says so."""

_MACHINERY: Final = frozenset({"blockfreeze", "_pytest", "pluggy", "pytest_asyncio", "unittest"})
"""What makes the calls of tests, and is of no interest in a traceback."""

_PATIENCE: Final = 60.0
"""How long one call may take, in seconds."""


@dataclass(frozen=True)
class Tried:
    """A call with an update at one boundary: where that was, what came out, and what is wrong with it, if it is."""

    boundary: int
    place: str
    outcome: str
    wrong: str = ""
    advice: str = ""
    trace: str = ""

    def __str__(self) -> str:
        said = f"boundary {self.boundary}, {self.place}: {self.wrong or self.outcome}"
        return f"{said}\n  {self.advice}" if self.advice else said


@dataclass(frozen=True)
class Update:
    """What became of a call at each boundary: `boundaries` is how many there are, `tried` are those that were tried.

    `missed` is how many were to be tried and did not come, which can be in other threads.
    """

    boundaries: int
    tried: tuple[Tried, ...]
    missed: int = 0

    @property
    def failures(self) -> tuple[Tried, ...]:
        """Those that came out wrong, the one after the fewest calls first."""
        return tuple(one for one in self.tried if one.wrong)

    def __str__(self) -> str:
        head = f"{len(self.tried)} of {self.boundaries + 1} boundaries tried, {len(self.failures)} of them wrong"
        missed = [f"{self.missed} did not come when they were to be tried"] if self.missed else []
        return "\n".join([head, *missed, *map(str, self.failures[:5])])


def at_each_boundary(
    call: Callable[[], object],
    module: Any,
    to: SourceGiven,
    *,
    limit: int = LIMIT,
    judge: Callable[[object], bool] | None = None,
) -> Update:
    """Make a call once for each of its boundaries, swap a block there, and return what came out.

    Args:
        call: what is called; its result is compared by its `repr`.
        module: the block, or its name.
        to: the other version, as for `blockfreeze.swap`.
        limit: how many boundaries are tried at most: the first and the last, and between them evenly. Before the first
            one that is wrong all are tried, so that the shortest way there is found.
        judge: tells of a result whether it is right; then it is not compared.

    Raises:
        BlockfreezeError: the module is not frozen, or there is no fork here.
        ControlError: the call fails without any update.
    """
    block = block_of(module, "update")
    if not hasattr(os, "fork"):
        raise BlockfreezeError(f"{block.name}: there is no fork on {sys.platform}; try updates where there is")

    def made(at: Boundary | None) -> _Came:
        return _in_child(lambda: _call(call, block.covers, at, lambda: functions.swap(block, source=to), judge))

    plain = made(None)
    if plain.error or not plain.is_right:
        raise ControlError(f"{block.name}: the call fails without an update: {plain.outcome}; mend that first")
    fresh = made(START)
    # Those of the calling thread come first, and in its order.
    places = [START, *(Boundary(at, name) for name, count in plain.passed.items() for at in range(1, count + 1))]
    right = {plain.outcome, *(() if fresh.error else (fresh.outcome,))}
    found: dict[int, Tried] = {}
    for at in _order(len(places) - 1, limit):
        found[at] = _judged(at, fresh if at == 0 else made(places[at]), right, judged=judge is not None)
    first = min((at for at, one in found.items() if one.wrong), default=0)
    for at in range(max((at for at in found if at < first), default=first) + 1, first):
        found[at] = _judged(at, made(places[at]), right, judged=judge is not None)
    met = tuple(found[at] for at in sorted(found) if found[at].place or found[at].wrong)
    return Update(len(places) - 1, _with_meaning(met, block.roots, to), len(found) - len(met))


def _with_meaning(found: tuple[Tried, ...], names: tuple[str, ...], to: SourceGiven) -> tuple[Tried, ...]:
    """Add what the texts of both versions tell of a change of meaning, to the failures that name what has changed."""
    if not any(one.wrong for one in found):
        return found
    try:
        changes = advise(*names, source=to)
    except (BlockfreezeError, OSError, ValueError):  # then no swap could be made either, and every failure says so
        return found
    return tuple(
        replace(one, advice="; ".join([*filter(None, [one.advice]), *_told_by(changes, one)])) for one in found
    )


def _told_by(changes: Iterable[Advice], one: Tried) -> list[str]:
    said = f"{one.place} {one.trace}"
    named = (each for each in changes if one.wrong and re.search(rf"\b{re.escape(_last(each.name))}\b", said))
    return [f"{each.name}: {each.what}: {each.remedy}" for each in named][:2]


def _last(name: str) -> str:
    return name.rpartition(".")[2]


@dataclass(frozen=True)
class _Came:
    """What came out of a call in a child."""

    passed: Mapping[str, int] = field(default_factory=dict)
    place: str = ""
    outcome: str = ""
    error: str = ""
    is_right: bool = True
    advice: str = ""
    trace: str = ""


def _order(boundaries: int, limit: int) -> Iterator[int]:
    """Yield which boundaries are tried, 0 among them: all, or so many of them, evenly."""
    count = min(limit, boundaries + 1)
    yield from sorted({round(at * boundaries / max(1, count - 1)) for at in range(count)})


def _judged(at: int, came: _Came, right: set[str], *, judged: bool) -> Tried:
    wrong = ""
    if came.error:
        wrong = came.error
    elif judged and not came.is_right:
        wrong = f"the result is not right: {came.outcome}"
    elif not judged and came.outcome not in right:
        wrong = f"the result is {came.outcome}, and that of a cold start is {' or '.join(sorted(right))}"
    return Tried(at, came.place, came.outcome, wrong, came.advice if wrong else "", came.trace)


def _call(
    call: Callable[[], object],
    covers: Callable[[str], bool],
    at: Boundary | None,
    swap: Callable[[], Any],
    judge: Callable[[object], bool] | None,
) -> _Came:
    reports: list[Any] = []
    boundaries = Boundaries(covers, at, lambda: reports.append(swap()))

    def place() -> str:
        return boundaries.place if boundaries.is_met else ""

    try:
        with boundaries.watched():
            result = call()
        is_right = judge is None or bool(judge(result))
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
        trace = _trace(error)
        told = advice(error, reports[0] if reports else None)
        return _Came(boundaries.passed, place(), said, said, False, told, trace)
    told = advice(None, reports[0] if reports else None)
    return _Came(boundaries.passed, place(), repr(result), "", is_right, told)


def _trace(error: BaseException) -> str:
    """Return the traceback of an error, from where the caller's own code begins."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        name = at.tb_frame.f_globals.get("__name__", "")
        if str(name).partition(".")[0] not in _MACHINERY:
            break
        at = at.tb_next
    return "".join(traceback.format_exception(error.with_traceback(at)))


def _in_child(make: Callable[[], _Came]) -> _Came:
    """Return what `make` returns in a child of a fork, which does nothing else and says nothing."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            with os.fdopen(writing, "wb") as answer:
                pickle.dump(make(), answer)
        finally:
            os._exit(0)
    os.close(writing)
    content, until = bytearray(), time.monotonic() + _PATIENCE
    try:
        while select.select([reading], [], [], max(0.0, until - time.monotonic()))[0]:
            part = os.read(reading, 1 << 16)
            if not part:
                break
            content += part
    finally:
        os.close(reading)
        is_late = time.monotonic() >= until
        if is_late:
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if is_late or not content:
        said = f"it hangs for {_PATIENCE:g} s" if is_late else "the process has ended"
        return _Came(outcome=said, error=said, is_right=False)
    came: _Came = pickle.loads(content)
    return came
