"""A block in numbered versions for the tests of pins, gates and servers, and what tells how far a quiesced swap is.

Every definition of version n answers with n's, so an answer tells who took part. `Watch` makes the moments at which a
gate is shut and at which somebody begins to wait for it into events, so that the tests need no sleep.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from threads import LIMIT

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.dispatch.gate import Gate
from blockfreeze.draining import quiesce

TEXT = """
NUMBER = {version}

def foo(between=None):
    before = bar()
    if between is not None:
        between()
    return (NUMBER, before, bar(), TABLE["bar"](), Till().total())

def bar():
    return NUMBER

def numbers(count=2):
    for _ in range(count):
        yield NUMBER
        yield TABLE["bar"]()

async def later(wait=None):
    before = bar()
    if wait is not None:
        await wait()
    return (NUMBER, before, TABLE["bar"]())

async def stream(wait=None):
    yield NUMBER
    if wait is not None:
        await wait()
    yield TABLE["bar"]()

class Till:
    def total(self):
        return NUMBER

    @property
    def number(self):
        return bar()

TABLE = {{"bar": bar}}
"""


def text(version: int) -> str:
    """Return the source of a version."""
    return TEXT.format(version=version)


def only(answer: Any) -> int:
    """Return the one version that an answer consists of."""
    (number,) = set(answer)
    return int(number)


class Watch:
    """What has been seen of the gate: that one was shut, and that calls wait at it, in whatever way."""

    def __init__(self) -> None:
        self.shut = threading.Event()
        self.waiting = threading.Semaphore(0)

    def wait_until_shut(self) -> None:
        assert self.shut.wait(LIMIT), "no gate was shut"

    def wait_for_waiting(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.waiting.acquire(timeout=LIMIT), "nobody waits at the gate"


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Watch the gates of all swaps."""
    seen = Watch()
    wait, opened, search = Gate.wait, Gate.opened, quiesce.search

    def noted_wait(self: Gate) -> None:
        seen.waiting.release()
        wait(self)

    async def noted_opened(self: Gate) -> None:
        seen.waiting.release()
        await opened(self)

    def noted_search(*arguments: Any, **named: Any) -> Any:
        seen.shut.set()
        return search(*arguments, **named)

    monkeypatch.setattr(Gate, "wait", noted_wait)
    monkeypatch.setattr(Gate, "opened", noted_opened)
    monkeypatch.setattr(quiesce, "search", noted_search)
    return seen


@pytest.fixture
def shop(workshop: Any) -> Any:
    """Freeze version 1."""
    return workshop.freeze("shop", text(1))


@contextmanager
def events() -> Iterator[list[bf.Event]]:
    """Collect the events."""
    found: list[bf.Event] = []
    unsubscribe = bf.subscribe(found.append)
    try:
        yield found
    finally:
        unsubscribe()


def is_as_before(module: Any, version: int) -> bool:
    """Tell whether a block is at rest in `version`: the plain vector, no pins, nobody lingering."""
    block = registry.block_of(module, "test")
    status = bf.status(module)
    gc.collect()  # a hold that only garbage has is none
    return (
        not status.overlapping
        and not status.lingering
        and not block.search.pins
        and block.claim.owner is None
        and block.reference.vector[0].gate is None
        and only(module.foo()) == version
        and version == module.NUMBER
    )
