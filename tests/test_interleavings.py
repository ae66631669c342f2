"""A swap at every possible point of a call, one run each: the call finishes in the generation where it began.

The sample passes `gate` at each of its call boundaries. Each run parks one call at one boundary, swaps there, makes
a call that begins after the commit, and lets the parked one go. The same is done to every shape of
`benchmarks.shapes`, unmodified, at each call and return, and to some wherever CPython can switch threads.
"""

from __future__ import annotations

import importlib
import itertools
import sys
import types
from collections.abc import Awaitable, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pairs import forget_modules
from sequencer import Boundaries, Instructions, Parking, ProfiledBoundaries

import blockfreeze as bf
from benchmarks.shapes import SHAPES
from benchmarks.shapes.shape import Drive, Layout, Shape, module
from benchmarks.shapes.surroundings import ROUTES, write_surroundings

pytestmark = [pytest.mark.needs_threads, pytest.mark.usefixtures("leaves_nothing_to_search")]

SAMPLE = module(
    "sample",
    "every kind of call, with a gate at each boundary",
    """
import functools
import OUTSIDE
from OUTSIDE import gate

def tagged(function):
    @functools.wraps(function)
    def inner(*arguments):
        gate()
        return gate((*function(*arguments), VERSION))
    return inner

def frob(n):
    gate()
    parts = (VERSION,)  #v1
    parts = (VERSION, VERSION)  #v2
    return gate(parts)

def bar(parts):
    gate()
    return gate((*parts, VERSION))

@tagged
def dressed(parts):
    gate()
    return gate((*parts, VERSION))

class Till:
    rate = VERSION

    def __init__(self, parts=()):
        gate()
        self.parts = (*parts, VERSION)

    def frob(self, n):
        return gate(frob(gate(n)))

    def total(self, n):
        return gate(self.bar(gate(self.frob(gate(n)))))

    def bar(self, parts):
        return gate((*parts, *self.parts, self.rate, VERSION))

class Desk(Till):
    def bar(self, parts):
        gate()
        return gate((*super().bar(gate(parts)), *Till.bar(self, ()), VERSION))

    @property
    def tag(self):
        return gate(VERSION)

TABLE = {"frob": frob, "bar": bar}
SHARED = Desk()
dashed = lambda parts: gate((*bar(gate(parts)), VERSION))

def weigh(row):
    gate()
    row.append(VERSION)
    return gate(len(row))

def steps(n):
    gate()
    yield gate(frob(n))
    yield gate(bar(gate(())))
    yield (gate(VERSION),)

def nested(n):
    return gate(bar(gate(frob(gate(n)))))

def sequential(n):
    parts = frob(n)
    gate()
    more = bar(parts)
    gate()
    return more

def through_values(n):
    parts = gate(TABLE["bar"])(gate(TABLE["frob"](n)))
    rows = [[1], [2]]
    sorted(rows, key=weigh)
    gate()
    found = functools.reduce(lambda left, right: gate(bar(left)), [1, 2], ())
    return (*parts, *rows[0][1:], *rows[1][1:], *found)

def through_foreign(n):
    gate()
    parts = OUTSIDE.chain([frob, gate, bar, dressed], n)
    return gate((*parts, *OUTSIDE.call(lambda: bar(gate(()))), *OUTSIDE.by_attribute(n), *OUTSIDE.by_import(n)))

def through_classes(n):
    till = gate(Till)(gate(()))
    parts = till.total(n)
    gate()
    return (*parts, *gate(Desk()).total(n), *SHARED.total(n), SHARED.tag, Till.rate)

def through_closures(n):
    def inner(tag):
        gate()
        return gate((*frob(tag), tag))
    parts = inner(VERSION)
    gate()
    return (*parts, *dashed(gate(())), *dressed(()), *(one for part in steps(n) for one in gate(part)))

def foo(n):
    gate()
    found = [gate(part(n)) for part in (nested, sequential, through_values, through_foreign)]
    found.append(through_classes(n))
    gate()
    found.append(through_closures(n))
    return sum(found, (VERSION,))

def generator(n):
    gate()
    yield gate(frob(n))
    yield from steps(n)
    yield TABLE["bar"](gate(()))
    yield SHARED.total(n)

async def coroutine(n):
    gate()
    await OUTSIDE.pause()
    parts = await later(n)
    await OUTSIDE.pause()
    return gate((*bar(parts), *TABLE["frob"](n), VERSION))

async def later(n):
    await OUTSIDE.pause()
    return gate(frob(gate(n)))

async def async_generator(n):
    yield gate(frob(n))
    await OUTSIDE.pause()
    yield gate(await later(n))
    await OUTSIDE.pause()
    yield TABLE["bar"](gate(()))
""",
)

Routes = dict[str, Callable[[int], Any]]


class World:
    """One shape, frozen at version 1, with its foreign module and its client."""

    def __init__(self, shape: Shape, directory: Path, gate: Callable[..., Any]) -> None:
        # The same name in each test, so that the texts are the same: they are linked once.
        self.name = f"interleaved_{shape.name}"
        self._shape, self._directory = shape, directory
        self.write(1)
        write_surroundings(directory, self.name)
        importlib.invalidate_caches()
        outside = importlib.import_module(f"{self.name}_outside")
        vars(outside)["gate"] = gate
        self.block: Any = bf.freeze_block(self.name)
        self.client = importlib.import_module(f"{self.name}_client")
        self.routes: Routes = dict(zip(ROUTES, self.client.ROUTES, strict=True))
        self.serial = 1

    def write(self, serial: int) -> None:
        self._shape.write(self._directory, self.name, serial, Layout.DIRECT)

    def swap(self) -> None:
        self.serial += 1
        self.write(self.serial)
        bf.swap(self.block)

    def break_off(self) -> None:
        """Try a version whose body raises at its end."""
        path = next(path for path, _ in self._shape.render(self.name, self.serial + 1, Layout.DIRECT))
        self.write(self.serial + 1)
        with (self._directory / path).open("a", encoding="utf-8") as file:
            file.write("raise RuntimeError('half-way')\n")
        with pytest.raises(bf.PrepareError):
            bf.swap(self.block)

    def fresh(self, finish: Callable[[Any], set[int]]) -> set[int]:
        """Call by every route now, and return the versions that show."""
        return {tag for route in self.routes.values() for tag in finish(route(0))}

    def settle(self) -> None:
        bf.drain(self.block, timeout=30)
        status = bf.status(self.block)
        assert status.lingering == ()
        assert not status.overlapping


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., World]]:
    """Give a function that freezes a shape; what it froze is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names: list[str] = []  # and not the worlds: pytest keeps what a fixture has handed out

    def forget() -> None:
        for name in names:
            forget_modules(name)
        names.clear()

    def freeze(shape: Shape, gate: Callable[..., Any] = lambda value=None: value) -> World:
        forget()
        world = World(shape, tmp_path, gate)
        names.append(world.name)
        return world

    yield freeze
    forget()


def finish(started: Any, drive: Drive = Drive.CALL) -> set[int]:
    """Bring what an entry returned to its end, and return the versions that show."""
    if drive is Drive.CALL:
        return set(started)
    if drive is Drive.HELD:
        return set(started())
    if drive is Drive.GENERATOR:
        return {tag for part in started for tag in part}
    waited = gather(started) if drive is Drive.ASYNC_GENERATOR else started
    return set(by_hand(waited))


async def gather(started: Any) -> tuple[int, ...]:
    return tuple([tag async for part in started for tag in part])


def by_hand(waited: Awaitable[Any]) -> Any:
    return exhaust(waited.__await__())


def stepwise(started: Any, drive: Drive) -> Generator[Any, Any, Any]:
    """Return what advances a suspended call by one step at a time."""
    if drive is Drive.GENERATOR:
        return started  # type: ignore[no-any-return]
    waited = gather(started) if drive is Drive.ASYNC_GENERATOR else started
    return waited.__await__()


def exhaust(steps: Generator[Any, Any, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def plain_boundaries(call: str = "foo") -> int:
    """Return how many gates a call of the plain, unfrozen sample passes."""
    passed = 0

    def gate(value: Any = None) -> Any:
        nonlocal passed
        passed += 1
        return value

    @types.coroutine
    def pause() -> Generator[None]:
        yield

    plain = types.ModuleType("plain_sample")
    outside = types.ModuleType("plain_sample_outside")
    outside.__dict__.update(
        gate=gate,
        pause=pause,
        call=lambda function, *arguments: function(*arguments),
        chain=lambda functions, value: [value := function(value) for function in functions][-1],
        by_attribute=lambda n: plain.frob(n),  # noqa: PLW0108 - there is none before the body has run
        by_import=lambda n: plain.bar(()),
    )
    ((_, text),) = SAMPLE.render("plain_sample", 1, Layout.DIRECT)
    sys.modules[outside.__name__] = outside
    try:
        exec(compile(text, "plain_sample.py", "exec"), plain.__dict__)
    finally:
        del sys.modules[outside.__name__]
    passed = 0
    finish(plain.__dict__[call](0), DRIVES[call])
    return passed


DRIVES = {
    "foo": Drive.CALL,
    "generator": Drive.GENERATOR,
    "coroutine": Drive.COROUTINE,
    "async_generator": Drive.ASYNC_GENERATOR,
}
EVERY_BOUNDARY = [(call, at) for call in DRIVES for at in range(plain_boundaries(call))]
every_boundary = pytest.mark.parametrize(("call", "at"), EVERY_BOUNDARY, ids=str)
every_third_boundary = pytest.mark.parametrize(("call", "at"), EVERY_BOUNDARY[::3], ids=str)
"""For the variations on what happens meanwhile; a single swap is tried at every boundary."""


class ParkedSample:
    """A frozen sample, and a call of it that will be parked at one boundary."""

    def __init__(self, build: Callable[..., World], call: str, at: int, earlier_swaps: int = 0) -> None:
        self.parking = Boundaries(at)
        self.world: World = build(SAMPLE, self.parking)
        self.call, self.drive = call, DRIVES[call]
        assert self.fresh() == {1}
        for _ in range(earlier_swaps):
            self.world.swap()
            self.world.settle()
        self.began = self.world.serial

    def fresh(self) -> set[int]:
        """Return the versions that calls show which begin now."""
        shown = self.world.fresh(set)
        return shown | finish(getattr(self.world.block, self.call)(0), self.drive)

    def run(self, meanwhile: Callable[[], None]) -> set[int]:
        return self.parking.run(lambda: finish(getattr(self.world.block, self.call)(0), self.drive), meanwhile)


@pytest.mark.parametrize("earlier_swaps", [0, 1])
@every_boundary
def test_a_call_parked_at_any_boundary_finishes_in_the_generation_where_it_began(
    build: Callable[..., World], call: str, at: int, earlier_swaps: int
) -> None:
    sample = ParkedSample(build, call, at, earlier_swaps)
    began_after_the_commit: list[set[int]] = []

    def meanwhile() -> None:
        sample.world.swap()
        began_after_the_commit.append(sample.fresh())

    assert sample.run(meanwhile) == {sample.began}
    assert began_after_the_commit == [{sample.began + 1}]
    sample.world.settle()
    assert sample.fresh() == {sample.began + 1}


@every_third_boundary
def test_two_swaps_leave_a_parked_call_where_it_began(build: Callable[..., World], call: str, at: int) -> None:
    sample = ParkedSample(build, call, at)
    shown: list[set[int]] = []

    def meanwhile() -> None:
        for _ in range(2):
            sample.world.swap()
            shown.append(sample.fresh())

    assert sample.run(meanwhile) == {1}
    assert shown == [{2}, {3}]
    sample.world.settle()
    assert sample.fresh() == {3}


@every_third_boundary
def test_a_rollback_leaves_a_parked_call_where_it_began(build: Callable[..., World], call: str, at: int) -> None:
    sample = ParkedSample(build, call, at, earlier_swaps=1)
    shown: list[set[int]] = []

    def meanwhile() -> None:
        bf.rollback(sample.world.block)
        shown.append(sample.fresh())

    assert sample.run(meanwhile) == {2}
    assert shown == [{1}]
    sample.world.settle()
    assert sample.fresh() == {1}


@every_third_boundary
def test_a_swap_and_a_rollback_leave_a_parked_call_where_it_began(
    build: Callable[..., World], call: str, at: int
) -> None:
    sample = ParkedSample(build, call, at)
    shown: list[set[int]] = []

    def meanwhile() -> None:
        sample.world.swap()
        shown.append(sample.fresh())
        bf.rollback(sample.world.block)
        shown.append(sample.fresh())

    assert sample.run(meanwhile) == {1}
    assert shown == [{2}, {1}]
    sample.world.settle()
    assert sample.fresh() == {1}


@every_third_boundary
def test_a_failed_swap_leaves_a_parked_call_and_every_new_one_where_they_were(
    build: Callable[..., World], call: str, at: int
) -> None:
    sample = ParkedSample(build, call, at)
    shown: list[set[int]] = []

    def meanwhile() -> None:
        sample.world.break_off()
        shown.append(sample.fresh())

    assert sample.run(meanwhile) == {1}
    assert shown == [{1}]
    assert sample.fresh() == {1}
    sample.world.swap()
    sample.world.settle()
    assert sample.fresh() == {2}


@pytest.mark.parametrize("at", range(0, plain_boundaries(), 7))
def test_a_parked_call_is_named_as_lingering_and_a_drain_in_its_way_times_out(
    build: Callable[..., World], at: int
) -> None:
    sample = ParkedSample(build, "foo", at)

    def meanwhile() -> None:
        sample.world.swap()
        assert bf.status(sample.world.block).overlapping
        # Closures that the parked call has made, and holds in its local variables, are listed too.
        lingering = [one for one in bf.status(sample.world.block).lingering if one.kind != "closure"]
        assert [(one.generation, one.kind, one.owner) for one in lingering] == [(1, "thread", "parked")]
        with pytest.raises(bf.DrainTimeoutError) as caught:
            bf.drain(sample.world.block, timeout=0)
        assert [getattr(one, "owner", None) for one in caught.value.lingering] == ["parked"]
        assert sample.fresh() == {2}

    assert sample.run(meanwhile) == {1}
    sample.world.settle()


SUSPENDED = [call for call in DRIVES if call != "foo"]


@pytest.mark.parametrize("call", SUSPENDED)
def test_what_is_suspended_at_any_of_its_steps_finishes_where_it_began(build: Callable[..., World], call: str) -> None:
    drive = DRIVES[call]

    def tags(stepped: list[Any], rest: Generator[Any, Any, Any]) -> set[int]:
        if drive is Drive.GENERATOR:
            return {tag for part in (*stepped, *rest) for tag in part}
        return set(exhaust(rest))

    plain = build(SAMPLE)
    total = len(list(stepwise(getattr(plain.block, call)(0), drive)))
    assert total > 2
    for taken in range(total + 1):
        world = build(SAMPLE)
        started = stepwise(getattr(world.block, call)(0), drive)
        stepped = list(itertools.islice(started, taken))
        world.swap()
        assert world.fresh(set) == {2}
        assert finish(getattr(world.block, call)(0), drive) == {2}
        assert tags(stepped, started) == {1}, f"suspended after {taken} steps"
        del started, stepped
        world.settle()


@pytest.mark.parametrize("call", SUSPENDED)
def test_what_is_suspended_lingers_until_it_has_finished(build: Callable[..., World], call: str) -> None:
    world = build(SAMPLE)
    started: Any = getattr(world.block, call)(0)
    iterated = stepwise(started, DRIVES[call])
    next(iterated)
    world.swap()
    kind = call.replace("_", " ")
    assert [(one.generation, one.kind) for one in bf.status(world.block).lingering] == [(1, kind)]
    assert bf.status(world.block).overlapping
    for _ in iterated:
        pass
    del started, iterated
    world.settle()


def check_every_point(
    build: Callable[..., World], shape: Shape, kind: type[Parking], route: str, *, first_swaps: bool
) -> None:
    """Swap at every point of a call by `route`; until the entry has been loaded the call may be of the new generation.

    Args:
        first_swaps: freeze the shape anew for each point, so that each swap is its block's first.
    """

    def call(world: World) -> set[int]:
        return finish(world.routes[route](0), shape.drive)

    def fresh_world() -> World:
        world = build(shape)
        if not first_swaps:
            world.swap()
            world.settle()
        # What a first call alone does (imports, filling caches) passes no points in those that are counted.
        assert world.fresh(lambda started: finish(started, shape.drive)) == {world.serial}
        return world

    world = fresh_world()
    counting = kind(None)
    counting.run(lambda: call(world))
    began_old = False
    for at in range(counting.passed):
        world = fresh_world() if first_swaps else world
        old, new = world.serial, world.serial + 1
        shown = kind(at).run(lambda world=world: call(world), world.swap)  # type: ignore[misc]
        assert shown in ({old}, {new}), f"point {at} of {counting.passed}: {shown}"
        # What an entry hands out to be called later begins a call of its own, after the entry's has ended.
        in_order = shown == {old} or not began_old or shape.drive is Drive.HELD
        assert in_order, f"point {at} of {counting.passed}: an earlier start was still old"
        began_old = shown == {old}
        world.settle()
        assert world.fresh(lambda started: finish(started, shape.drive)) == {new}, f"point {at}"
    assert began_old


# The tasks that a running loop makes pass thousands of points that are the loop's own.
_STEPPED = [name for name, shape in SHAPES.items() if shape.drive is not Drive.TASKS]


@pytest.mark.parametrize("name", _STEPPED)
def test_a_first_swap_at_any_call_or_return_of_any_shape_leaves_the_call_whole(
    build: Callable[..., World], name: str
) -> None:
    check_every_point(build, SHAPES[name], ProfiledBoundaries, "attribute", first_swaps=True)


def _by_every_route() -> Iterator[object]:
    """Yield every shape with every route; each shape with one of them, in turn, is not left to the exhaustive run."""
    for number, name in enumerate(_STEPPED):
        for at, route in enumerate(ROUTES):
            marks = [] if (at - number) % len(ROUTES) == 0 else [pytest.mark.exhaustive]
            yield pytest.param(name, route, marks=marks, id=f"{name}-{route}")


@pytest.mark.parametrize(("name", "route"), list(_by_every_route()))
def test_a_later_swap_at_any_call_or_return_of_any_shape_by_any_route_leaves_the_call_whole(
    build: Callable[..., World], name: str, route: str
) -> None:
    check_every_point(build, SHAPES[name], ProfiledBoundaries, route, first_swaps=False)


@pytest.mark.parametrize("first_swaps", [True, False])
@pytest.mark.parametrize("name", ["nested", "table", "decorated", "methods", "foreign", "member_attribute"])
def test_a_swap_wherever_threads_can_switch_leaves_the_call_whole(
    build: Callable[..., World], name: str, first_swaps: bool
) -> None:
    check_every_point(build, SHAPES[name], Instructions, "attribute", first_swaps=first_swaps)
