"""Forced interleavings: steps of several threads in an order that the test states, without a sleep.

`Sequencer` orders blocks of code by number. `Parking` holds one thread at a chosen one of the boundaries that it
passes, while another thread does something; `Boundaries` are the calls of a function that the code under test makes,
`ProfiledBoundaries` every call and return of unmodified code, `Instructions` every bytecode instruction of it before
which CPython may run another thread.

A step whose turn does not come within the time limit fails the test and releases everybody.
"""

from __future__ import annotations

import dis
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, TypeVar

from threads import ThreadedCall

from blockfreeze.core.collector import collector_at_rest

__all__ = [
    "Boundaries",
    "Instructions",
    "Interruption",
    "Parking",
    "ProfiledBoundaries",
    "Sequencer",
    "SequencerError",
    "interrupted_everywhere",
]

_LIMIT = 60.0
_T = TypeVar("_T")


class SequencerError(RuntimeError):
    """A step's turn never came, or a number was used twice."""


class Sequencer:
    """Run ``with sequencer(number):`` blocks in the order of their numbers, whichever thread they are in."""

    def __init__(self) -> None:
        self._turns = threading.Condition()
        self._next = 0
        self._claimed: set[int] = set()
        self._broken = False

    @contextmanager
    def __call__(self, number: int) -> Iterator[None]:
        with self._turns:
            if number in self._claimed:
                raise SequencerError(f"step {number}: used twice")
            self._claimed.add(number)
            came = self._turns.wait_for(lambda: self._broken or self._next == number, _LIMIT)
            if self._broken or not came:
                self._broken = True
                self._turns.notify_all()
                raise SequencerError(f"step {number}: its turn never came, step {self._next} was not done")
        try:
            yield
        finally:
            with self._turns:
                self._next = number + 1
                self._turns.notify_all()


class Parking:
    """Hold the one thread that runs `call` at the boundary `at`, until the test lets it go.

    The steps of the sequencer are: 0 the thread is parked, 1 what the test does meanwhile, 2 the thread goes on.
    With ``at=None`` nothing is held, and `passed` counts the boundaries.
    """

    def __init__(self, at: int | None) -> None:
        self.passed = 0
        self._at = at
        self._steps = Sequencer()
        self._parked: int | None = None

    def reach(self) -> None:
        """Pass one boundary; only the parked call's own thread counts."""
        if threading.get_ident() != self._parked:
            return
        number, self.passed = self.passed, self.passed + 1
        if number == self._at:
            with self._steps(0):
                pass
            with self._steps(2):
                pass

    def run(self, call: Callable[[], _T], meanwhile: Callable[[], None] = lambda: None) -> _T:
        """Run `call` in a thread of its own, do `meanwhile` while it is parked, return the call's result."""
        # A collection would call what anybody has registered with the collector: points that are not of the call.
        with collector_at_rest():
            parked = ThreadedCall(self._noted, call, name="parked")
            try:
                if self._at is not None:
                    with self._steps(1):
                        meanwhile()
            finally:
                parked.join(_LIMIT)
        return parked.result(0)

    def _noted(self, call: Callable[[], _T]) -> _T:
        self._parked = threading.get_ident()
        try:
            return self._observed(call)
        finally:
            self._parked = None  # another thread may get the same number

    def _observed(self, call: Callable[[], _T]) -> _T:
        return call()


class Boundaries(Parking):
    """The boundaries are the calls of this object itself, which the code under test makes."""

    def __call__(self, value: Any = None) -> Any:
        """Pass a boundary on the way of `value`."""
        self.reach()
        return value


class ProfiledBoundaries(Parking):
    """The boundaries are all calls and returns, of Python and of C functions, that the interpreter reports."""

    def _observed(self, call: Callable[[], _T]) -> _T:
        def profile(frame: FrameType, event: str, argument: object) -> None:
            self.reach()

        sys.setprofile(profile)
        try:
            return call()
        finally:
            sys.setprofile(None)


class Instructions(Parking):
    """The boundaries are the bytecode instructions before which CPython may run another thread.

    That is after a call, a jump backwards or the start of a function, in the frames of the block and in whatever is
    between them. Calls that other instructions make (of special methods, say) start functions of their own.
    """

    _SWITCHES = frozenset(
        opcode for name, opcode in dis.opmap.items() if name.startswith(("CALL", "JUMP_BACKWARD", "RESUME", "PRECALL"))
    )

    def _observed(self, call: Callable[[], _T]) -> _T:
        # From 3.12 on `settrace` leaves out the instructions of code that runs for the first time.
        return self._traced(call) if sys.version_info < (3, 12) else self._monitored(call)

    def _pass(self, last: dict[FrameType, int], frame: FrameType, offset: int) -> None:
        if last.get(frame) in self._SWITCHES:
            self.reach()
        last[frame] = frame.f_code.co_code[offset]

    def _traced(self, call: Callable[[], _T]) -> _T:
        last: dict[FrameType, int] = {}

        def trace(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
            if event == "opcode":
                self._pass(last, frame, frame.f_lasti)
            elif event == "return":
                last.pop(frame, None)
            return trace

        sys.settrace(trace)
        try:
            return call()
        finally:
            sys.settrace(None)

    def _monitored(self, call: Callable[[], _T]) -> _T:
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        events = monitoring.events
        tool, parked = 4, threading.get_ident()
        last: dict[FrameType, int] = {}
        watched: set[CodeType] = set()

        def started(code: CodeType, offset: int) -> None:
            if threading.get_ident() == parked:
                watched.add(code)
                monitoring.set_local_events(tool, code, events.INSTRUCTION)

        def instruction(code: CodeType, offset: int) -> None:
            if threading.get_ident() == parked:
                self._pass(last, sys._getframe(1), offset)

        def ended(code: CodeType, offset: int, value: object) -> None:
            last.pop(sys._getframe(1), None)

        monitoring.use_tool_id(tool, "interleavings")
        monitoring.register_callback(tool, events.PY_START, started)
        monitoring.register_callback(tool, events.INSTRUCTION, instruction)
        for event in (events.PY_RETURN, events.PY_UNWIND):
            monitoring.register_callback(tool, event, ended)
        monitoring.set_events(tool, events.PY_START | events.PY_RETURN | events.PY_UNWIND)
        try:
            return call()
        finally:
            monitoring.set_events(tool, 0)
            for code in watched:
                monitoring.set_local_events(tool, code, 0)
            monitoring.free_tool_id(tool)


class Interruption(Instructions):
    """One of the instructions before which CPython may run another thread, at which one does: what `meanwhile` tells.

    Nobody is parked, so a call whose instructions are not the same each time ends all the same.
    """

    def __init__(self, at: int, meanwhile: Callable[[], None]) -> None:
        super().__init__(None)
        self._turn = at
        self._meanwhile = meanwhile
        self._interrupted = False

    @property
    def came(self) -> bool:
        """Tell whether the call got so far."""
        return self.passed > self._turn

    def reach(self) -> None:
        """Pass one boundary, and do at the chosen one what is done meanwhile."""
        if not self._interrupted and threading.get_ident() == self._parked:
            number, self.passed = self.passed, self.passed + 1
            if number == self._turn:
                self._interrupted = True
                self._meanwhile()
                self._interrupted = False

    def run(self, call: Callable[[], _T], meanwhile: Callable[[], None] = lambda: None) -> _T:
        """Run `call` in this thread, and return its result."""
        return self._noted(call)


def interrupted_everywhere(call: Callable[[], _T], meanwhile: Callable[[], None], stride: int = 1) -> Iterator[_T]:
    """Yield what `call` returns, interrupted by `meanwhile` at each of its instructions in turn, or each few."""
    at = 0
    while True:
        one = Interruption(at, meanwhile)
        answer = one.run(call)
        if not one.came:
            return
        yield answer
        at += stride
