"""Where a call belongs is found from the frames of its callers once, noted on them, and never wrong afterwards.

`CHAINS` puts frames of an old generation, of the current one and of foreign code around a call, in every way that the
interpreter has to get from one to the next: calls from C, generators, coroutines that are sent to and thrown into,
code that is made by `exec` in a generation's namespace. The rule is stated once, in `expected`: the nearest frame of a
generation decides, and where there is none the call is a new one.
"""

from __future__ import annotations

import bdb
import functools
import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
from conftest import Workshop
from hypothesis import given, settings
from hypothesis import strategies as st
from threads import ThreadedCall, elsewhere

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.dispatch.frames import nearest
from blockfreeze.model.frame_note import FrameNote

TEXT = """
NUMBER = {n}
def answer(): return NUMBER
def quoted(amount={n}): return NUMBER, amount
class Till:
    def __init__(self): self.made = NUMBER
    def total(self): return NUMBER
    @property
    def number(self): return NUMBER
def steps():
    yield NUMBER
    yield NUMBER
def ways():
    def within(step): return step()
    def generated(step): yield step()
    async def awaited(waited, step):
        await waited
        return step()
    def delegated(inner): yield from inner
    def mapped(step): return [*map(lambda _: step(), "a")][0]
    def executed(step):
        names = {{}}
        exec("def made(step): return step()", globals(), names)
        return names["made"](step)
    return locals()
"""

Step = Callable[[], Any]


def foreign_ways() -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(TEXT.format(n=0), names)
    found: dict[str, Any] = names["ways"]()
    return found


class Thrown:
    """An iterator with a ``throw`` in Python, which is called with the frames of those that delegate to it beneath."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.answer: Any = None

    def __iter__(self) -> Thrown:
        return self

    def __next__(self) -> None:
        return None

    def throw(self, *error: object) -> None:
        self.answer = self.step()


class Yielding:
    """What a coroutine awaits once."""

    def __await__(self) -> Iterator[None]:
        yield


def resumed(coroutine: Any) -> Any:
    coroutine.send(None)
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    return ended.value.value


class World:
    """A block in an overlap: functions of its first generation, of its second and of foreign code, and its entries."""

    def __init__(self, workshop: Workshop, name: str = "noted") -> None:
        self.module = workshop.freeze(name, TEXT.format(n=1))
        self.ways = {1: self.module.ways()}
        self.old = self.module.steps()
        next(self.old)
        self.till = self.module.Till()
        bf.swap(self.module, source=TEXT.format(n=2))
        self.ways |= {2: self.module.ways(), 0: foreign_ways()}
        self.block = registry.block_of(self.module, "test")
        assert bf.status(self.module).overlapping

    def call(self, kind: str, number: int, step: Step) -> Any:
        """Call `step` from inside a frame of a generation, or of foreign code (0)."""
        ways = self.ways[number]
        if kind == "generated":
            return next(ways["generated"](step))
        if kind == "resumed":
            return resumed(ways["awaited"](Yielding(), step))
        if kind == "thrown":
            thrown = Thrown(step)
            outer = ways["delegated"](self.ways[0]["delegated"](thrown))
            next(outer)
            outer.throw(ValueError())
            return thrown.answer
        return ways[kind](step)

    def run(self, chain: list[tuple[str, int]], step: Step) -> Any:
        """Call `step` inside all frames of a chain, from the outermost inwards."""
        if not chain:
            return step()
        (kind, number), *inner = chain
        return self.call(kind, number, lambda: self.run(inner, step))

    def answers(self) -> set[int]:
        """Return the generations that answer, by a call, by attributes of a class and by one of the module."""
        module, till = self.module, self.till
        (served, amount), made = module.quoted(), module.Till().made
        return {module.answer(), served, amount, till.total(), till.number, made, module.NUMBER}


KINDS = ("within", "generated", "resumed", "thrown", "mapped", "executed")


def expected(chain: list[tuple[str, int]]) -> int:
    return next((number for _, number in reversed(chain) if number), 2)


@pytest.fixture
def world(workshop: Workshop) -> Iterator[World]:
    made = World(workshop)
    yield made
    made.old.close()
    bf.drain(made.module, timeout=10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_each_kind_of_frame_says_its_generation(world: World, kind: str, number: int) -> None:
    for chain in ([(kind, number)], [(kind, number), ("within", 0)], [("within", 1), (kind, number), ("mapped", 0)]):
        for _ in range(3):
            assert world.run(chain, world.answers) == {expected(chain)}


LINKS = st.tuples(st.sampled_from(KINDS), st.sampled_from([0, 0, 1, 2]))


def test_the_nearest_frame_of_a_generation_decides(workshop: Workshop) -> None:
    world = World(workshop)

    @settings(deadline=None)
    @given(st.lists(LINKS, max_size=6), st.lists(LINKS, max_size=3), st.booleans())
    def decides(outer: list[tuple[str, int]], inner: list[tuple[str, int]], threaded: bool) -> None:
        def both() -> None:
            # The frames of `outer` are noted by the first call, and asked by those that follow.
            assert world.answers() == {expected(outer)}
            for _ in range(2):
                assert world.run(inner, world.answers) == {expected(outer + inner)}
                assert world.answers() == {expected(outer)}

        if threaded:
            elsewhere(lambda: world.run(outer, both))
        else:
            world.run(outer, both)

    decides()
    world.old.close()
    bf.drain(world.module, timeout=10)


def frames_looked_at(block: Any, frame: FrameType | None) -> int:
    """Return how many frames from `frame` outwards say nothing yet."""
    count = 0
    while frame is not None and type(frame.f_trace) is not FrameNote:
        count, frame = count + 1, frame.f_back
    return count


def deep(depth: int, step: Step) -> Any:
    return deep(depth - 1, step) if depth else step()


def test_a_stack_is_walked_through_once(world: World) -> None:
    looked: list[int] = []

    def look() -> None:
        for _ in range(3):
            looked.append(frames_looked_at(world.block, sys._getframe()))
            world.module.answer()

    deep(50, look)
    assert looked[0] > 50
    assert looked[1:] == [0, 0]


def test_generators_are_not_noted_for_they_have_another_caller_each_time(world: World) -> None:
    def asking() -> Iterator[int]:
        while True:
            frame = sys._getframe()
            yield world.module.answer()
            assert frame.f_trace is None

    one = asking()
    for number in (1, 2, 0, 1):
        assert world.ways[number]["within"](lambda: next(one)) == (number or 2)
    assert elsewhere(next, one) == 2


WRAPPING = """
from functools import wraps
def wrapping(f):
    @wraps(f)
    def wrapper(step): return f and step()
    return wrapper
"""


@pytest.mark.parametrize("lingering", [True, False])
def test_what_a_forwarder_called_stays_in_the_generation_that_it_called(workshop: Workshop, lingering: bool) -> None:
    # What serves the entry is foreign, so none of the frames inside it belongs to a generation.
    workshop.write("wrapping.py", WRAPPING)
    source = "from wrapping import wrapping\n@wrapping\ndef through(step): pass\ndef answer(): return {n}\n"
    source += "def steps(): yield\n"
    module = workshop.freeze("served", source.format(n=1))
    old = module.steps()
    next(old)
    bf.swap(module, source=source.format(n=2))
    if not lingering:
        old.close()
        bf.drain(module, timeout=10)

    def crossing(swaps: int) -> list[int]:
        found = [module.answer()]
        if swaps:
            bf.swap(module, source=source.format(n=bf.status(module).current + 1))
            found += module.through(lambda: crossing(swaps - 1))
        return [*found, module.answer()]

    for _ in range(2):
        now = bf.status(module).current
        assert set(module.through(lambda: crossing(2))) == {now}
        assert crossing(1) == [now + 2, now + 3, now + 3, now + 3]
    old.close()
    bf.drain(module, timeout=10)


def test_two_blocks_are_noted_on_one_frame(workshop: Workshop) -> None:
    worlds = [World(workshop, name) for name in ("first", "second")]
    for outer in (0, 1, 2):
        for inner in (0, 1, 2):

            def ask(outer: int = outer, inner: int = inner) -> None:
                for _ in range(3):
                    assert worlds[0].answers() == {outer or 2}
                    assert worlds[1].answers() == {inner or 2}

            worlds[0].call("within", outer, lambda inner=inner, ask=ask: worlds[1].call("within", inner, ask))
    for world in worlds:
        world.old.close()
        bf.drain(world.module, timeout=10)


def test_threads_that_start_from_old_code_are_new_and_old_closures_stay_old_in_any_thread(world: World) -> None:
    module, within = world.module, world.ways[1]["within"]
    assert within(lambda: elsewhere(module.answer)) == 2
    assert elsewhere(lambda: [module.answer(), within(module.answer), module.answer()]) == [2, 1, 2]
    assert elsewhere(within, module.answer) == 1
    started: list[int] = []
    done = threading.Event()
    world.ways[1]["within"](
        lambda: threading.Thread(target=lambda: (started.append(module.answer()), done.set())).start()
    )
    assert done.wait(30)
    assert started == [2]


def test_an_entry_without_any_caller_is_a_new_call(world: World) -> None:
    import _thread

    answered = threading.Event()
    found: list[int] = []
    table = {"answer": world.module.answer}
    for _ in range(2):
        _thread.start_new_thread(table["answer"], ())  # a forwarder at the bottom of a stack
    _thread.start_new_thread(lambda: (found.append(table["answer"]()), answered.set()), ())
    assert answered.wait(30)
    assert found == [2]


@pytest.mark.needs_threads
def test_any_access_may_be_the_first_thing_that_a_thread_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import _thread

    failed: list[BaseException] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: failed.append(told.exc_value))

    made: list[int] = []
    module, till = world.module, world.module.Till()

    class Told(module.Till):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            made.append(self.made)

    # No Python frame is outside any of these: C code finds the constructor, the method and the property.
    calls: list[tuple[Any, ...]] = [(module.Till,), (Told,), (getattr, till, "total"), (getattr, till, "number")]
    calls += [(hasattr, till, "absent"), (setattr, till, "made", 5), (module.answer,), (module.quoted,), (till.total,)]
    for call, *arguments in calls:
        # The thread holds what it was started with, and lets go of it when the call has ended; C code calls it.
        first, ended = functools.partial(call, *arguments), threading.Event()
        weakref.finalize(first, ended.set)
        _thread.start_new_thread(first, ())
        del first
        assert ended.wait(60)
    assert failed == []
    assert made == [2]


def test_a_pin_is_seen_by_frames_that_were_noted_before(world: World) -> None:
    module = world.module
    assert world.answers() == {2}
    with bf.pin(module):
        bf.swap(module, source=TEXT.format(n=3))
        assert world.answers() == {2}
        assert world.call("within", 1, world.answers) == {1}
    assert world.answers() == {3}


def test_a_generation_that_was_discarded_is_forgotten_on_frames_too(workshop: Workshop) -> None:
    module = workshop.freeze("discarded", "def run(step): return step()\ndef answer(): return 1\n")
    candidate = bf.prepare(module, source="def run(step): return step()\ndef answer(): return 2\n")
    seen: list[int] = []

    def step() -> None:
        seen.append(module.answer())
        candidate.discard()
        seen.append(module.answer())

    ThreadedCall(candidate.run, step).result()
    assert seen == [2, 1]


def test_a_note_keeps_no_generation_whose_calls_have_ended(workshop: Workshop) -> None:
    world = World(workshop, "freed")
    generation = weakref.ref(world.block.generations[1])
    assert world.call("within", 1, world.answers) == {1}
    assert world.answers() == {2}
    world.old.close()
    bf.swap(world.module, source=TEXT.format(n=3))
    world.ways.clear()
    del world.old
    bf.drain(world.module, timeout=10)
    bf.swap(world.module, source=TEXT.format(n=4))
    bf.drain(world.module, timeout=10)
    # The thread that watches for the end of the overlap may have it in its hands for a moment yet.
    assert any(generation() is None for _ in range(1000) if gc.collect() >= 0)


class Traced(bdb.Bdb):
    """A debugger that steps through everything and notes the lines of one file."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, int]] = []

    def user_line(self, frame: FrameType) -> None:
        if frame.f_code.co_filename == __file__:
            self.lines.append((frame.f_code.co_name, frame.f_lineno))


def stepped(step: Step) -> list[tuple[str, int]]:
    """Return the lines through which a debugger steps that is attached to a running stack."""
    was, traced = sys.gettrace(), Traced()

    def attached() -> None:
        traced.set_trace()
        step()
        sys.settrace(None)

    try:
        attached()
    finally:
        sys.settrace(was)
    return traced.lines


def test_debuggers_step_through_frames_that_are_noted(world: World) -> None:
    def step() -> None:
        world.module.answer()
        assert world.answers() == {2}

    before = stepped(step)
    assert elsewhere(lambda: (world.module.answer(), stepped(step))) == (2, before)
    assert ("step", step.__code__.co_firstlineno + 1) in before


def test_a_frame_that_is_traced_keeps_its_own_trace_function(world: World) -> None:
    def events() -> list[str]:
        found: list[str] = []

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            if frame.f_code.co_filename == __file__:
                found.append(event)
            return trace

        def traced() -> None:
            assert world.module.answer() == 2
            assert sys._getframe().f_trace is trace

        was = sys.gettrace()
        sys.settrace(trace)
        try:
            traced()
        finally:
            sys.settrace(was)
        return found

    assert events() == events() == ["call", "line", "line", "return"]


def test_a_note_is_as_good_as_none() -> None:
    note = FrameNote({})
    assert not note
    assert note(sys._getframe(), "line", None) is None


def test_what_is_not_ours_is_left_on_a_frame(world: World) -> None:
    def own(frame: FrameType, event: str, argument: object) -> None:
        return None

    frame = sys._getframe()
    frame.f_trace = own
    assert nearest(world.block, frame) is None
    assert world.answers() == {2}
    assert frame.f_trace is own
