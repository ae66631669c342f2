"""The public functions; `blockfreeze` exports them and nothing else does work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, overload

from blockfreeze.api import freeze, registry
from blockfreeze.api.following import PathGiven, version_for
from blockfreeze.building.facade_class import assign
from blockfreeze.core.errors import DrainTimeoutError, FrozenBlockError
from blockfreeze.core.events import Subscriber
from blockfreeze.core.report import SwapReport
from blockfreeze.dispatch.caller_view import skipped
from blockfreeze.dispatch.pins import Pin
from blockfreeze.draining.leaving import AskToLeave, Leaving
from blockfreeze.instances.given import GivenConverter
from blockfreeze.model.block import Block
from blockfreeze.swapping import prepare as preparing
from blockfreeze.swapping import rollback as rolling_back
from blockfreeze.swapping.candidate import Candidate, let_rest
from blockfreeze.swapping.convergence import converge
from blockfreeze.swapping.probation import Probation, watch_over
from blockfreeze.versions.snapshot import SourceGiven


@skipped
def prepare(
    module: Any,
    *,
    source: SourceGiven | None = None,
    release: PathGiven | None = None,
    label: str | None = None,
    expect_hash: str | None = None,
    wait: bool | float = False,
) -> Candidate:
    """Build the next generation of a block, complete and off to the side, and return it as a candidate.

    Args:
        module: a module of the block, or its name.
        source: where the new version is: a directory, a zip file, a source file, source text (with a line break), or a
            mapping from names of members to source text; the place of the current version if None, or what its release
            pointer leads to if it has one.
        release: instead of `source`, a release (a directory or file that nobody changes any more) or a pointer to one.
            It is read twice, and refused if it differs.
        label: what status, events and logs call the version; a release is called as its directory if None.
        expect_hash: refuse the version if this is not the hash of its sources (that which reports and `status` have).
        wait: wait for a swap that is under way, without limit or for so many seconds.

    Raises:
        PrepareError: it could not be built; the cause is chained, and the current generation still serves.
        SwapInProgressError: another swap of this block is under way.
        BlockfreezeError: the module is not frozen.
    """
    block = freeze.block_of(module, "swap")
    return let_rest(preparing.prepare(block, version_for(block, source, release, label, expect_hash), wait))


@skipped
def swap(
    module: Any,
    *,
    source: SourceGiven | None = None,
    release: PathGiven | None = None,
    label: str | None = None,
    expect_hash: str | None = None,
    check: Callable[[Candidate], object] | None = None,
    strict: bool = False,
    converters: Mapping[Any, GivenConverter] | None = None,
    quiesce: float | None = None,
    probation: Probation | None = None,
    wait: bool | float = False,
    ask_to_leave: AskToLeave | None = None,
) -> SwapReport:
    """Replace a block by another version of it, as one unit, and return what changed.

    Calls that have begun finish in the version in which they began; calls that begin after the commit get the new one.
    With `quiesce` the new version begins in a world at rest: new calls wait at a gate until the old ones have ended
    and the commit is made. Threads block, coroutine functions and asynchronous generators await; what calls in flight
    call, and pinned contexts, pass. A plain function that is called on the thread of an event loop passes too while
    old calls drain, since it would stop the loop. Attributes are read as ever, of the version that serves. After an
    error everything goes on as it was.

    Args:
        module: a module of the block, or its name.
        source: as for `prepare`.
        release: as for `prepare`. The pointer stays as it is: see `point`.
        label: as for `prepare`.
        expect_hash: as for `prepare`.
        check: called with the candidate before the commit; an exception, or False, refuses the version.
        strict: refuse a version that removes a definition, narrows a signature or changes a function's kind, or whose
            code needs of objects that were made before what they lack, and what no converter gives them.
        converters: by class or its full name, a function as `converts` takes, or a tuple of that and its inverse.
        quiesce: hold new calls back until the old ones have ended, for so many seconds at most.
        probation: roll back by itself if the new version falls short soon after the commit.
        wait: as for `prepare`.
        ask_to_leave: what those who linger are asked after the commit; nobody is asked if it is None.

    Raises:
        PrepareError: the new version could not be built, converted to, or the check failed; the cause is chained.
        IncompatibleBlockError: `strict` refused it, nothing says how to bring state over, or nothing how to go back
            and there is a `probation`.
        DrainTimeoutError: the old calls did not end in the time of `quiesce`; they are named.
        SwapError: with `quiesce`, the caller itself runs inside the block or is pinned to it.
        SwapInProgressError: another swap of this block is under way.
        BlockfreezeError: the module is not frozen.
    """
    block = freeze.block_of(module, "swap")
    two_way = probation is not None
    version = version_for(block, source, release, label, expect_hash)
    given = converters or {}
    report = preparing.swap(
        block, version, check, wait, strict=strict, two_way=two_way, seconds=quiesce, converters=given
    )
    if ask_to_leave is not None:
        Leaving(block, ask_to_leave).ask()
    if probation is not None:
        watch_over(block, report, probation)
    return report


def rollback(
    module: Any, *, to: int | None = None, quiesce: float | None = None, lossy: bool = False, wait: bool | float = False
) -> SwapReport:
    """Return to the generation before, or to generation `to`, by the same single store.

    State and instances that a swap has changed are changed back by the inverses of what changed them.

    Args:
        module: a module of the block, or its name.
        to: the number of the generation.
        quiesce: as for `swap`.
        lossy: go back even where something has no inverse: it then has the value of when that generation was left.
        wait: as for `prepare`.

    Raises:
        NoSuchGenerationError: it is not kept.
        IncompatibleBlockError: state or instances cannot be changed back.
        PrepareError: an inverse failed; the cause is chained.
        DrainTimeoutError: the calls did not end in the time of `quiesce`; they are named.
        SwapInProgressError: a swap of this block is under way.
        BlockfreezeError: the module is not frozen.
    """
    block = freeze.block_of(module, "rollback")
    return rolling_back.rollback(block, to, wait, seconds=quiesce, lossy=lossy)


@overload
def pin(module: str | ModuleType, /) -> Pin[int]: ...


@overload
def pin(module: str | ModuleType, second: str | ModuleType, /, *more: str | ModuleType) -> Pin[tuple[int, ...]]: ...


def pin(module: Any, /, *more: Any) -> Any:
    """Hold one generation of a block, or of several, for the length of a ``with`` or ``async with`` statement.

    Every call and every look-up of the thread or task, of what it awaits and of the tasks that it starts inside, finds
    that generation, whatever is swapped meanwhile. A task that is still at work when the statement ends stays in it. A
    thread inherits nothing: start it with ``contextvars.copy_context().run``, and keep the statement open. The
    statement yields the number of the generation, or a tuple of numbers, of one moment. While a pinned generation no
    longer serves, it is kept, `status` lists the pin, and `drain` waits for it.

    Raises:
        BlockfreezeError: a module is not frozen; or, on entering, the object is in use by another statement.
    """
    return Pin[Any](tuple(freeze.block_of(one, "pin") for one in (module, *more)))


def subscribe(callback: Subscriber) -> Callable[[], None]:
    """Let `callback` be called with every event of every block, and return a function that ends that.

    It is called by the thread that acts, while the block is claimed: it must not wait for another swap of that block.
    An exception that it raises is logged and harms nobody. Every event is logged by the logger ``blockfreeze`` as well.
    """
    return registry.add_subscriber(callback)


def drain(module: Any, *, timeout: float | None = None, ask_to_leave: AskToLeave | None = None) -> None:
    """Wait until nothing runs in a retired generation of the block any more, and end the overlap.

    Args:
        timeout: seconds; without limit if None.
        ask_to_leave: what those who linger are asked, each once; nobody is asked if it is None.

    Raises:
        DrainTimeoutError: something still runs; it is named with file, line and function. Nothing is ever killed.
        BlockfreezeError: the module is not frozen.
    """
    block = freeze.block_of(module, "drain")
    leaving = None if ask_to_leave is None else Leaving(block, ask_to_leave)
    until = None if timeout is None else time.monotonic() + timeout
    pause = 0.0005
    while True:
        expired = until is not None and time.monotonic() >= until
        running = converge(block, whole=expired)
        if not running:
            return
        if leaving is not None:
            leaving.ask()
        if expired:
            raise DrainTimeoutError(
                f"{block.name}: the drain did not end in {timeout} s: " + "; ".join(map(str, running)),
                block=block.name,
                lingering=tuple(running),
            )
        time.sleep(pause)
        pause = min(0.05, 2 * pause)


def _refuse_inlined(block: Block, module: str, names: Iterable[str]) -> None:
    inlined = block.current.members[module].linkage.inlined
    for name in names:
        if name in inlined:
            raise FrozenBlockError(
                f"{module}: {name!r} was not patched: it is inlined in {', '.join(inlined[name])}, which would not see "
                "the replacement; mark it with notinline, or freeze with patchable=True, which inlines nothing",
                module=module,
                name=name,
            )


@contextmanager
def patched(module: Any, **replacements: Any) -> Iterator[ModuleType]:
    """For the length of a ``with`` statement, let names of a block's module mean something else, inside it too.

    Meant for tests: every call that goes by name through the current generation sees the replacement, in all threads,
    and so it is after a swap. Afterwards each generation has its own value back.

    Raises:
        AttributeError: the module has no such name; nothing was changed.
        FrozenBlockError: a name is a function that is inlined, so that its callers would not see the replacement.
        BlockfreezeError: the module is not frozen.
    """
    block = freeze.block_of(module, "patch")
    name = module if isinstance(module, str) else module.__name__
    facade = block.facades[name]
    _refuse_inlined(block, name, replacements)
    own = vars(facade)
    for key in replacements.keys() - own.keys():
        raise AttributeError(f"module {name!r} has no attribute {key!r}", name=key, obj=facade)
    before = {key: own[key] for key in replacements}
    try:
        for key, value in replacements.items():
            assign(block, name, facade, key, value, patch=True)
        yield facade
    finally:
        for key, value in before.items():
            assign(block, name, facade, key, value, patch=True)
