"""Swap, failed swap, rollback, quiesce, pin, unpin, drain and calls in flight in any order, against a model.

The model is a list of numbers: which version serves, which were left, and in which each pin and each suspended call
began. Everything runs in one thread, so a run can be repeated; the calls in flight are generators and coroutines.
"""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from living import only, text
from pairs import forget_modules

import blockfreeze as bf

_names = itertools.count(1)


class Held:
    """A pinned context; it can be left, and a copy of it lives on."""

    def __init__(self, module: Any, version: int) -> None:
        self.version = version
        self.context = contextvars.copy_context()
        self.pin = bf.pin(module)
        self.context.run(self.pin.__enter__)

    def leave(self) -> None:
        self.context.run(self.pin.__exit__)


class Living(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.name = f"living_{next(_names)}"
        self.directory = TemporaryDirectory()
        Path(self.directory.name, f"{self.name}.py").write_text(text(1))
        sys.path.insert(0, self.directory.name)
        self.module: Any = bf.freeze_block(self.name)
        self.till = self.module.Till()
        self.newest = self.serves = 1
        self.before: list[int] = []
        self.pins: list[Held] = []
        self.calls: list[tuple[int, Any]] = []

    def teardown(self) -> None:
        for held in self.pins:
            held.leave()
        for _, call in self.calls:
            call.close()
        sys.path.remove(self.directory.name)
        forget_modules(self.name)
        self.directory.cleanup()

    def in_the_way(self) -> bool:
        return bool(self.pins or self.calls)

    @rule()
    def swap(self) -> None:
        self.newest += 1
        bf.swap(self.module, source=text(self.newest))
        self.before.append(self.serves)
        self.serves = self.newest

    @rule(broken=st.sampled_from(["(\n", "raise LookupError\n", text(99) + "raise LookupError\n"]), gate=st.booleans())
    def fail(self, broken: str, gate: bool) -> None:
        with pytest.raises(bf.PrepareError):
            bf.swap(self.module, source=broken, quiesce=0 if gate else None)

    @rule()
    def refuse(self) -> None:
        with pytest.raises(bf.PrepareError):
            bf.swap(self.module, source=text(98), check=lambda candidate: only(candidate.foo()) != 98)

    @rule()
    def quiesce(self) -> None:
        if self.in_the_way():
            with pytest.raises(bf.DrainTimeoutError) as caught:
                bf.swap(self.module, source=text(97), quiesce=0)
            assert len(caught.value.lingering) == len(self.pins) + len(self.calls)
        else:
            self.newest += 1
            bf.swap(self.module, source=text(self.newest), quiesce=0)
            self.before.append(self.serves)
            self.serves = self.newest

    @rule()
    def rollback(self) -> None:
        if not self.before:
            with pytest.raises(bf.NoSuchGenerationError):
                bf.rollback(self.module)
            return
        with contextlib.suppress(bf.NoSuchGenerationError):
            bf.rollback(self.module)
            self.serves = self.before.pop()

    @rule()
    def pin(self) -> None:
        self.pins.append(Held(self.module, self.serves))

    @precondition(lambda self: self.pins)
    @rule(data=st.data())
    def pin_inside(self, data: st.DataObject) -> None:
        outer = data.draw(st.sampled_from(self.pins))
        self.pins.append(outer.context.run(Held, self.module, outer.version))

    @precondition(lambda self: self.pins)
    @rule(data=st.data())
    def unpin(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(self.pins))
        self.pins.remove(held)
        held.leave()

    @rule(kind=st.sampled_from(["numbers", "later"]), data=st.data())
    def begin(self, kind: str, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from([None, *self.pins]))
        run = contextvars.Context().run if held is None else held.context.run
        call = run(getattr(self.module, kind), *([3] if kind == "numbers" else [_pause]))
        if kind == "numbers":
            next(call)
        else:
            run(call.send, None)
        self.calls.append((self.serves if held is None else held.version, call))

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        version, call = entry = data.draw(st.sampled_from(self.calls))
        held = data.draw(st.sampled_from([None, *self.pins]))
        run = contextvars.Context().run if held is None else held.context.run
        ended, answer = False, None
        try:
            answer = run(call.send, None)
        except StopIteration as end:
            ended, answer = True, end.value
        assert answer is None or {version} == ({answer} if isinstance(answer, int) else {*answer})
        if ended:
            self.calls.remove(entry)

    @rule()
    def drain(self) -> None:
        left = [held.version for held in self.pins] + [version for version, _ in self.calls]
        if any(version != self.serves for version in left):
            with pytest.raises(bf.DrainTimeoutError):
                bf.drain(self.module, timeout=0)
        else:
            bf.drain(self.module, timeout=0)
            assert not bf.status(self.module).overlapping

    @invariant()
    def every_new_call_finds_what_serves_and_every_pinned_one_what_it_is_pinned_to(self) -> None:
        assert {*self.module.foo(), self.module.NUMBER, self.till.total(), self.till.number} == {self.serves}
        for held in self.pins:
            found = held.context.run(lambda: {*self.module.foo(), self.module.NUMBER, self.till.total()})
            assert found == {held.version}

    @invariant()
    def those_who_linger_are_those_who_were_left(self) -> None:
        found = sorted(one.kind for one in bf.status(self.module).lingering)
        pins = ["pin" for held in self.pins if held.version != self.serves]
        calls = [
            "generator" if hasattr(call, "gi_frame") else "coroutine"
            for version, call in self.calls
            if version != self.serves
        ]
        assert found == sorted(pins + calls)


class _Pause:
    def __await__(self) -> Any:
        yield


async def _pause() -> None:
    await _Pause()


TestLiving = Living.TestCase
TestLiving.settings = settings(max_examples=20, stateful_step_count=30)
