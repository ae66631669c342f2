"""What is suspended is found however its module has joined: reference counts at rest are known by construction.

A code object at rest is referred to by the code object around it, by the record of its generation, and by each of its
functions. One reference more is a call that is suspended, or a closure that was handed out.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from textwrap import dedent
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest
from conftest import Workshop
from threads import LIMIT

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.draining import drain
from blockfreeze.draining.drain import find_lingering
from blockfreeze.draining.idle import WITHOUT_FUNCTIONS, codes_in_use
from blockfreeze.model.block import Block

pytestmark = pytest.mark.usefixtures("hidden_calls")

PARTS = dedent("""
    import functools
    V = 1
    def traced(function):
        @functools.wraps(function)
        async def wrapper(*given): return await function(*given)
        return wrapper
    def numbers():
        yield V
        yield V
    async def waits(pause): await pause
    @traced
    async def wrapped(pause): await pause
    async def streams(pause):
        yield V
        await pause
        yield V
    def inner():
        def steps():
            yield V
            yield V
        return steps()
    def expression(): return (V for _ in range(2))
    def closure():
        def held(): return V
        return held
    class Stock:
        def items(self):
            yield V
            yield V
        async def fetch(self, pause): await pause
""")


class Way:
    """A way in which the module `parts` becomes a member of a block: `name` is how it is imported."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.name = "parcel.parts"

    def write(self, root: str = "") -> None:
        self.workshop.write("parcel/__init__.py", root)
        self.workshop.write("parcel/parts.py", PARTS)

    def load(self) -> ModuleType:
        return importlib.import_module(self.name)


def early(way: Way) -> None:
    way.write("from . import parts\n")
    bf.freeze_block("parcel")


def late_freeze(way: Way) -> None:
    way.write("from . import parts\n")
    way.load()
    bf.freeze_block("parcel")


def installed(way: Way) -> None:
    way.write()
    bf.install("parcel", "parcel.*")


def installed_alone(way: Way) -> None:
    way.workshop.write("lone_parts.py", PARTS)
    way.name = "lone_parts"
    bf.install("lone_parts")


def from_inside(way: Way) -> None:
    way.workshop.write("parts.py", f"import blockfreeze\nblockfreeze.freeze_block(__name__)\n{PARTS}")
    way.name = "parts"


def imported_later(way: Way) -> None:
    way.write()
    bf.freeze_block("parcel")


def imported_by_a_call(way: Way) -> None:
    way.write("def load():\n    from . import parts\n")
    bf.freeze_block("parcel").load()


def imported_into_a_later_generation(way: Way) -> None:
    way.write()
    bf.freeze_block("parcel")
    bf.swap("parcel")


def loaded_by_a_swap(way: Way) -> None:
    imported_later(way)
    way.load()
    bf.swap("parcel")


def imported_into_a_candidate(way: Way) -> None:
    imported_later(way)
    with bf.prepare("parcel") as candidate:
        with candidate.active():
            way.load()
        candidate.commit()


def imported_beside_a_candidate(way: Way) -> None:
    imported_later(way)
    with bf.prepare("parcel") as candidate:
        way.load()
        candidate.commit()


def imported_in_an_overlap(way: Way) -> None:
    way.write("def waits():\n    yield\n    from . import parts\n    yield parts\n")
    old = bf.freeze_block("parcel").waits()
    next(old)
    bf.swap("parcel")
    next(old)
    old.close()
    bf.drain("parcel", timeout=LIMIT)


def reloaded(way: Way) -> None:
    imported_later(way)
    importlib.reload(way.load())


def rolled_back(way: Way) -> None:
    imported_later(way)
    way.load()
    bf.swap("parcel")
    bf.rollback("parcel")


WAYS = [
    early,
    late_freeze,
    installed,
    installed_alone,
    from_inside,
    imported_later,
    imported_by_a_call,
    imported_into_a_later_generation,
    loaded_by_a_swap,
    imported_into_a_candidate,
    imported_beside_a_candidate,
    imported_in_an_overlap,
    reloaded,
    rolled_back,
]


class Pause:
    def __await__(self) -> Iterator[None]:
        yield


def run_once(coroutine: Any) -> Any:
    coroutine.send(None)
    return coroutine


def first_of(generator: Any) -> Any:
    next(generator)
    return generator


class Stream:
    """An asynchronous generator that waits for something after its first value."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        with pytest.raises(StopIteration):
            stream.asend(None).send(None)
        self.waiting = stream.asend(None)
        self.waiting.send(None)

    def close(self) -> None:
        with pytest.raises(StopIteration):
            self.waiting.send(None)
        with pytest.raises(StopIteration):
            self.stream.aclose().send(None)


KINDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "generator": ("generator", lambda parts: first_of(parts.numbers())),
    "generator of a method": ("generator", lambda parts: first_of(parts.Stock().items())),
    "generator of a closure": ("generator", lambda parts: first_of(parts.inner())),
    "generator expression": ("generator", lambda parts: first_of(parts.expression())),
    "coroutine": ("coroutine", lambda parts: run_once(parts.waits(Pause()))),
    "coroutine of a method": ("coroutine", lambda parts: run_once(parts.Stock().fetch(Pause()))),
    "coroutine in another": ("coroutine", lambda parts: run_once(parts.wrapped(Pause()))),
    "coroutine that has not begun": ("coroutine", lambda parts: parts.waits(Pause())),
    "async generator": ("async generator", lambda parts: Stream(parts.streams(Pause()))),
}


def begin_hidden(parts: ModuleType, kind: str) -> Any:
    """Begin something that is suspended, and hide it from the collector, as servers do before they fork."""
    suspended = KINDS[kind][1](parts)
    gc.freeze()
    return suspended


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def parts(request: pytest.FixtureRequest, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(registry, "_patterns", {})
    way = Way(workshop)
    request.param(way)
    return way.load()


def block_of(module: ModuleType) -> Block:
    return registry.block_of(module, "test")


def functions_of(code: CodeType) -> int:
    return sum(type(one) is FunctionType for one in gc.get_referrers(code))


def test_counts_at_rest_are_those_by_construction(parts: ModuleType) -> None:
    drain = block_of(parts).current.drain
    names = {code.co_qualname for code in drain.codes}
    assert {"numbers", "waits", "streams", "inner.<locals>.steps", "closure.<locals>.held", "Stock.items"} <= names
    counted = {code.co_qualname: drain.idle_counts[id(code)] - WITHOUT_FUNCTIONS for code in drain.codes}
    assert counted == {code.co_qualname: functions_of(code) for code in drain.codes}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_suspended_lingers_until_it_has_ended(parts: ModuleType, kind: str) -> None:
    named, begin = KINDS[kind]
    suspended = begin(parts)
    number = block_of(parts).current.number
    report = bf.swap(parts)
    assert {(one.generation, one.kind) for one in report.lingering} == {(number, named)}
    # A generator's function is a closure that it holds.
    assert {one.kind for one in bf.status(parts).lingering} - {"closure"} == {named}
    with pytest.raises(bf.DrainTimeoutError):
        bf.drain(parts, timeout=0)
    suspended.close()
    del suspended
    bf.drain(parts, timeout=LIMIT)
    assert not bf.status(parts).overlapping


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_committed_at_rest_while_it_is_suspended(parts: ModuleType, kind: str) -> None:
    named, begin = KINDS[kind]
    suspended = begin(parts)
    with pytest.raises(bf.DrainTimeoutError) as caught:
        bf.swap(parts, quiesce=0)
    assert {one.kind for one in caught.value.lingering} == {named}
    suspended.close()
    del suspended
    bf.swap(parts, quiesce=LIMIT)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_collector_does_not_see_lingers(workshop: Workshop, kind: str) -> None:
    parts = workshop.freeze("parts", PARTS)
    suspended = begin_hidden(parts, kind)
    with pytest.raises(bf.DrainTimeoutError) as caught:
        bf.swap(parts, quiesce=0)
    assert {one.kind for one in caught.value.lingering} == {"reference"}
    suspended.close()
    del suspended
    bf.swap(parts, quiesce=LIMIT)


def test_it_lingers_until_it_is_gone(parts: ModuleType) -> None:
    suspended = begin_hidden(parts, "generator of a closure")
    number = block_of(parts).current.number
    report = bf.swap(parts)
    assert {(one.generation, one.kind) for one in report.lingering} == {(number, "reference")}
    with pytest.raises(bf.DrainTimeoutError):
        bf.drain(parts, timeout=0)
    suspended.close()
    del suspended
    bf.drain(parts, timeout=LIMIT)
    assert not bf.status(parts).overlapping


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_ended_and_is_still_held_does_not_linger(workshop: Workshop, kind: str) -> None:
    parts = workshop.freeze("parts", PARTS)
    suspended = KINDS[kind][1](parts)
    bf.swap(parts)
    suspended.close()
    bf.drain(parts, timeout=LIMIT)
    assert suspended is not None


def test_a_closure_that_was_handed_out_is_found(parts: ModuleType) -> None:
    block = block_of(parts)
    held = parts.closure()
    assert [one.kind for one in find_lingering(block, [block.current])] == ["closure"]
    bf.swap(parts)
    assert held() == 1
    del held
    assert not find_lingering(block, list(block.generations.values()))


def test_a_function_that_is_gone_hides_no_call(workshop: Workshop) -> None:
    """The count at rest falls with each function that goes, or one that is suspended would take its place."""
    lot = workshop.freeze(
        "lot",
        """
        def make():
            def steps():
                yield 1
                yield 2
            return steps
        kept = [make(), make()]
        """,
    )
    block = block_of(lot)
    lot.kept.pop()
    assert not find_lingering(block, [block.current])
    steps = lot.kept[0]()
    next(steps)
    assert [one.kind for one in find_lingering(block, [block.current])] == ["generator"]
    steps.close()


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "function that was copied": lambda parts: FunctionType(parts.numbers.__code__, {}),
    "list of tuples": lambda parts: [("code", parts.numbers.__code__, [])],
    "closure": lambda parts: parts.closure(),
    "method": lambda parts: parts.Stock().items,
}


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("holder", HOLDERS)
def test_who_holds_code_and_runs_nothing_is_no_call(workshop: Workshop, holder: str, frozen: bool) -> None:
    """What the collector does not see is found from the modules that hold it; a tuple alone is not, and lingers."""
    parts = workshop.freeze("parts", PARTS)
    workshop.write("holding.py", "held = []\n")
    held = importlib.import_module("holding").held
    held.append(HOLDERS[holder](parts))
    gc.collect()
    if frozen and holder != "list of tuples":
        gc.freeze()
    assert bf.swap(parts, quiesce=LIMIT).lingering == ()


def test_who_holds_code_for_a_moment_only_is_no_call(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another thread does that searches at the same time."""
    parts = workshop.freeze("parts", PARTS)
    holders = [[parts.numbers.__code__]]
    gc.freeze()
    look = drain.unexplained

    def look_while_held(*args: Any) -> Any:
        found = look(*args)
        looks.append([one.code() for one in found])
        holders.clear()
        return found

    looks: list[list[CodeType | None]] = []
    monkeypatch.setattr(drain, "unexplained", look_while_held)
    block = block_of(parts)
    assert find_lingering(block, [block.current]) == []
    assert [len(one) for one in looks] == [1, 0]


@pytest.mark.needs_threads
def test_a_call_of_the_version_that_serves_explains_what_it_shares(workshop: Workshop) -> None:
    """Versions with the same text have the same code objects, and a closure's frame has one more reference to it."""
    source = "def make():\n    def held(call): return call()\n    return held\nheld = make()\n"
    lot = workshop.freeze("lot", source)
    bf.swap(lot, source=source + "\n# other\n")
    bf.swap(lot, source=source)
    assert lot.held(lambda: find_lingering(block_of(lot), block_of(lot).retired())) == []


@pytest.mark.needs_event_loop
def test_a_task_that_the_body_has_begun_lingers(workshop: Workshop) -> None:
    workshop.write("pump/__init__.py", "")
    workshop.write(
        "pump/worker.py",
        """
        import asyncio
        V = 1
        async def work(): await done.wait()
        done = asyncio.Event()
        task = asyncio.get_running_loop().create_task(work(), name="worker")
        """,
    )

    async def main() -> None:
        bf.freeze_block("pump")
        worker = importlib.import_module("pump.worker")
        await asyncio.sleep(0)
        old = worker.task
        files = {"pump/__init__.py": "", "pump/worker.py": "V = 2\nasync def work(): pass\n"}
        report = bf.swap("pump", source=workshop.version("next", files) / "pump")
        assert [(one.kind, one.owner) for one in report.lingering] == [("task", "worker")]
        old.cancel()
        await asyncio.wait([old])

    asyncio.run(main())
    assert sys.modules["pump.worker"].V == 2
    bf.drain("pump", timeout=LIMIT)


WRAPPERS = {
    "calls itself": """
        def deep(function):
            def wrapped(node):
                for one in node: wrapped(one)
                return function(node)
            return wrapped
        @deep
        def visit(node): return len(node)
    """,
    "around another that calls itself": """
        def deep(function):
            def wrapped(node):
                for one in node: wrapped(one)
                return function(node)
            return wrapped
        def counted(function):
            def counting(*given): return function(*given)
            return counting
        @counted
        @deep
        def visit(node): return len(node)
    """,
    "around each other": """
        def paired(one, other):
            def first(node): return one(node) if node else second(node)
            def second(node): return other(node) if not node else first(node)
            return first, second
        def full(node): return len(node)
        def empty(node): return 0
        visit, last = paired(full, empty)
    """,
    "of several": """
        def either(*functions):
            first, second = functions
            def wrapped(node): return (first if node else second)(node)
            return wrapped
        def full(node): return len(node)
        def empty(node): return 0
        visit, again = either(full, empty), either(empty, full)
    """,
}


@pytest.mark.parametrize("shape", WRAPPERS)
def test_no_heap_is_searched_for_wrappers_at_rest(workshop: Workshop, shape: str) -> None:
    parts = workshop.freeze("parts", dedent(WRAPPERS[shape]))
    for _ in range(3):
        bf.swap(parts)
        bf.drain(parts, timeout=LIMIT)
        assert parts.visit([[], [[]]]) == 2
    assert [codes_in_use(one) for one in block_of(parts).generations.values()] == [[], []]


@pytest.mark.parametrize("shape", WRAPPERS)
def test_a_wrapper_goes_on_whole_beside_calls_in_flight(workshop: Workshop, shape: str) -> None:
    text = dedent(WRAPPERS[shape]) + "def begun():\n    yield\n    yield visit([[], [[]]])\n"
    parts = workshop.freeze("parts", text)
    bf.swap(parts)
    old = first_of(parts.begun())
    bf.swap(parts, source=text.replace("len(node)", "[len(node)]"))
    assert (next(old), parts.visit([[], [[]]])) == (2, [2])


@pytest.mark.parametrize("shape", WRAPPERS)
def test_no_heap_is_searched_after_a_swap_that_came_to_nothing(workshop: Workshop, shape: str) -> None:
    parts = workshop.freeze("parts", dedent(WRAPPERS[shape]) + PARTS)
    for number in range(3):
        with pytest.raises(bf.PrepareError):
            bf.swap(parts, source="1 / 0")
        with bf.prepare(parts) as candidate:
            candidate.discard()
        gc.collect()  # tracebacks hold copies
        assert [codes_in_use(one) for one in block_of(parts).generations.values()] == [[], []][: number + 1]
        assert (parts.visit([[], [[]]]), list(parts.numbers())) == (2, [1, 1])
        bf.swap(parts)
        bf.drain(parts, timeout=LIMIT)


def test_what_is_told_of_while_a_swap_comes_to_nothing_reaches_the_next(workshop: Workshop) -> None:
    text = "def number(): return {}\ndef tell(told): told.append(number)\ndef begun(told):\n    yield\n    tell(told)\n"
    told: list[Callable[[], int]] = []
    parts = workshop.freeze("parts", text.format(1))
    bf.swap(parts)
    begun = first_of(parts.begun(told))

    def check(candidate: object) -> None:
        assert next(begun, None) is None  # in the generation that serves
        raise ValueError

    with pytest.raises(bf.SwapError):
        bf.swap(parts, check=check)
    assert [one() for one in told] == [1]
    bf.swap(parts, source=text.format(2))
    bf.drain(parts, timeout=LIMIT)
    assert [one() for one in told] == [2]
