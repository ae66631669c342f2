"""The compiled part does what its Python counterpart does, holds no reference that it does not give back, and can go.

Most of what it does is tested by the tests of overlaps, which run with whichever is there. Here the two are put beside
each other, call by call, and what Python cannot get wrong is looked at: errors, missing values, reference counts.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import sys
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from processes import run_python

from blockfreeze.core.safe_access import ABSENT
from blockfreeze.dispatch import uncompiled
from blockfreeze.dispatch.accesses import IS_COMPILED
from blockfreeze.model.frame_note import FrameNote
from blockfreeze.model.phase import Phase

IS_BUILT = importlib.util.find_spec("blockfreeze._speed") is not None

PARTS: dict[str, Any] = {"in Python": uncompiled}
if IS_COMPILED:
    PARTS["compiled"] = importlib.import_module("blockfreeze._speed")


class Current:
    """What stands for a generation: a key of the tables, with what a constructor asks of it."""

    phase: Any = Phase.IN_SERVICE
    classes = SimpleNamespace(legacy=[])


class Block:
    """What stands for a block: a key of notes, with the tables that a walk over frames looks into."""

    def __init__(self, by_globals: dict[int, Any], outside: FrameNote) -> None:
        self.by_globals = by_globals
        self.outside = outside


class Head:
    """What stands for the head of a vector."""

    def __init__(self, block: Block) -> None:
        self.block = block


def pairs(part: Any) -> Any:
    """Return the two classes of a part, derived from as the dispatch does: what is not answered is recorded."""

    class Places(part.Places):  # type: ignore[misc]
        __slots__ = ("asked",)

        def _found(self, place: int, caller: Any) -> Any:
            return "found", place, caller is not None and caller.f_code.co_name

    class Switch(part.Switch):  # type: ignore[misc]
        __slots__ = ()

        def _get(self, frame: Any, instance: Any, owner: Any) -> Any:
            return "got", frame.f_code.co_name, instance, owner

    return Places, Switch


@pytest.fixture(params=PARTS)
def world(request: pytest.FixtureRequest) -> Any:
    """Return a vector, a way to ask it as a forwarder does, and a way to make a class with a switch."""
    make_places, make_switch = pairs(PARTS[request.param])
    made = SimpleNamespace(inside=FrameNote({}), outside=FrameNote({}), pins={}, current=Current())
    places = made.places = make_places()
    # What the frames of this file are in, unless a note on them says another thing: an older generation.
    made.block = Block({id(globals()): Current()}, made.outside)
    made.block.by_globals[id(globals())].note = FrameNote({made.block: made.block.by_globals[id(globals())]})
    places.head, places.served = Head(made.block), ("head", "one", "two")
    places.current, places.pins = made.current, made.pins
    places.inside, places.outside, places.entered = made.inside, made.outside, made.outside
    places.hooked = False
    places.by_globals = {}  # the code of this file counts as code outside, where a test does not say another thing
    made.reference = SimpleNamespace(vector=places)

    def forwarder(place: int) -> Any:
        vector = made.reference.vector
        return vector[place]

    def switched(inner: Any, outward: Any, kind: int = uncompiled.ANY) -> Any:
        switch = make_switch()
        switch.reference, switch.kind = made.reference, kind
        switch.inner, switch.outward = {made.current: inner}, {made.current: outward}
        return type("Switched", (), {"it": switch})

    made.forwarder, made.switched = forwarder, switched
    return made


def test_places_answer_by_the_note_on_the_caller_of_the_forwarder(world: Any) -> None:
    def ask(note: Any, place: int = 1) -> Any:
        frame = sys._getframe()
        frame.f_trace = note
        return world.forwarder(place)

    assert ask(world.inside) == ask(world.outside) == "one"
    assert ask(world.inside, 2) == "two"
    assert ask(None) == ask(FrameNote({})) == ("found", 1, "ask")
    assert ask(None, 0) is ask(world.inside, 0) is world.places.head
    world.pins[1] = "a pin"
    assert ask(world.inside) == "one"
    assert ask(world.outside) == ("found", 1, "ask")
    world.pins.clear()
    world.places.entered = FrameNote({})
    assert ask(world.outside) == ("found", 1, "ask")
    assert len(world.places) == 3
    with pytest.raises(IndexError):
        ask(world.inside, 3)


def method(self: Any, *given: Any) -> Any:
    return "method", given


class Described:
    """A descriptor of a program."""

    def __get__(self, instance: Any, owner: Any) -> Any:
        return "described"


def asked(cls: Any, note: Any, *, of_class: bool = False) -> Any:
    instance = cls()

    def ask() -> Any:
        sys._getframe().f_trace = note
        found = cls.it if of_class else instance.it
        return found(7) if callable(found) else found

    return ask()


def is_left(answer: Any) -> bool:
    return isinstance(answer, tuple) and answer[:2] == ("got", "ask")


VALUES = (method, staticmethod(method), classmethod(method), property(method), 7, None, Described(), repr)


@pytest.mark.parametrize("kind", [uncompiled.ANY, uncompiled.CONSTRUCTOR, uncompiled.DATA])
def test_a_switch_answers_as_its_value_would_or_leaves_it_to_python(world: Any, kind: int) -> None:
    for inner in VALUES:
        cls = world.switched(inner, "outward", kind)
        assert is_left(asked(cls, None))
        assert is_left(asked(cls, FrameNote({}), of_class=True))
        for of_class in (False, True):
            for note in (world.inside, world.outside):
                answer = asked(cls, note, of_class=of_class)
                chosen = inner if note is world.inside and not of_class else "outward"
                plain = type("Plain", (), {"it": chosen})
                assert is_left(answer) or answer == asked(plain, None, of_class=of_class), (inner, of_class)


def test_an_absent_attribute_is_left_to_python(world: Any) -> None:
    assert is_left(asked(world.switched(ABSENT, ABSENT), world.inside))


def test_methods_of_instances_are_answered_at_once(world: Any) -> None:
    cls = world.switched(method, repr)
    assert asked(cls, world.inside) == ("method", (7,))
    assert asked(world.switched(repr, method), world.outside) == ("method", (7,))
    world.pins[1] = "a pin"
    assert is_left(asked(world.switched(7, method), world.outside))
    assert asked(cls, world.inside) == ("method", (7,))


def test_code_of_the_block_is_known_by_its_namespace_whatever_is_noted(world: Any) -> None:
    older, cls = Current(), world.switched(repr, repr)
    world.places.by_globals[id(globals())] = older
    switch = cls.__dict__["it"]
    for note in (world.inside, world.outside, None):
        assert is_left(asked(cls, note)), "that generation has no value"
    switch.inner[older], switch.outward[older] = method, 7
    for note in (world.inside, world.outside, None):
        assert asked(cls, note) == ("method", (7,))
        answer = asked(cls, note, of_class=True)
        assert is_left(answer) or answer == 7
    other = eval("lambda instance: instance.it", {})
    switch.inner[world.current] = method
    assert other(cls())[:2] == ("got", "<lambda>"), "this one is no code of the block, and has no note"
    del world.places.by_globals[id(globals())]
    switch.inner[older] = 7
    assert asked(cls, world.inside) == ("method", (7,))


def test_a_class_access_gets_what_all_others_see(world: Any) -> None:
    answer = asked(world.switched(7, method), world.inside, of_class=True)
    assert is_left(answer) or answer == ("method", ())


def test_an_instance_that_has_changed_its_class_is_left_to_python(world: Any) -> None:
    cls = world.switched(method, method)
    switch, instance = cls.__dict__["it"], cls()
    sys._getframe().f_trace = world.inside
    other = type("Other", (), {})
    assert switch.__get__(instance, other)[0] == "got"
    assert switch.__get__(instance, cls)(1) == ("method", (1,))
    sys._getframe().f_trace = None


def test_a_constructor_is_left_to_python_while_instances_are_noted(world: Any) -> None:
    cls = world.switched(method, method, uncompiled.CONSTRUCTOR)
    for phase, legacy in ((Phase.PREPARED, []), (Phase.IN_SERVICE, [cls])):
        world.current.phase, world.current.classes = phase, SimpleNamespace(legacy=legacy)
        assert is_left(asked(cls, world.inside))


def test_behind_a_plain_vector_python_decides(world: Any) -> None:
    world.reference.vector = ("head", "one")
    assert is_left(asked(world.switched(method, method), world.inside))


def test_errors_pass_through(world: Any) -> None:
    class Failing:
        @property
        def vector(self) -> Any:
            raise LookupError("no vector")

    cls = world.switched(method, method)
    cls.__dict__["it"].reference = Failing()
    with pytest.raises(LookupError, match="no vector"):
        asked(cls, world.inside)


def test_what_is_not_set_is_an_error_and_no_crash(world: Any) -> None:
    empty = type(world.places)()
    for name in ("head", "current", "inside", "outside", "entered", "pins", "served", "by_globals"):
        with pytest.raises(AttributeError):
            getattr(empty, name)
    with pytest.raises((AttributeError, TypeError)):
        empty[1]


def test_no_reference_is_lost_or_kept(world: Any) -> None:
    classes = [world.switched(value, value) for value in (method, staticmethod(method), 7, property(method))]
    watched = [
        world.inside,
        world.outside,
        world.places,
        world.current,
        world.pins,
        method,
        world.places.served,
        world.places.by_globals,
        *classes,
    ]

    def everything() -> None:
        for note in (world.inside, world.outside, None):
            sys._getframe().f_trace = note
            world.forwarder(1)
            for cls in classes:
                asked(cls, note)
                asked(cls, note, of_class=True)
        world.places.by_globals[id(globals())] = world.current
        for cls in classes:
            asked(cls, None)
        world.places.by_globals.clear()

    def counted() -> list[int]:
        for _ in range(200):
            everything()
        gc.collect()
        return [sys.getrefcount(one) for one in watched]

    counted()  # what the interpreter notes of code that runs often, it has noted by then
    before, after = counted(), counted()
    assert [now - then for now, then in zip(after, before, strict=True)] == [0] * len(watched)


def test_cycles_are_collected(world: Any) -> None:
    places, cls = world.places, world.switched(method, method)
    places.head = places
    switch = cls.__dict__["it"]
    switch.inner["itself"] = switch
    kept = weakref.ref(world.current)
    del places, switch, cls
    world.__dict__.clear()
    gc.collect()
    assert kept() is None


@pytest.mark.needs_subprocess
@pytest.mark.parametrize("left_out", ["", "1"])
def test_the_compiled_part_can_be_left_out(left_out: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("def foo(): return 1\ndef steps(): yield foo()\n", encoding="utf-8")
    program = """
import os
os.environ["BLOCKFREEZE_PURE"] = "{left_out}"
import blockfreeze as bf
shop = bf.freeze_block("shop")
steps = shop.steps()
bf.swap(shop, source="def foo(): return 2")
print(bf.status(shop).compiled, shop.foo(), next(steps))
"""
    ended = run_python("-c", program.format(left_out=left_out), cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    said = ended.stdout.split()
    assert said[0] == str(IS_BUILT and not left_out)
    assert said[1:] == ["2", "1"]


def test_what_is_built_is_used_unless_it_is_left_out() -> None:
    assert IS_COMPILED is (IS_BUILT and not os.environ.get("BLOCKFREEZE_PURE"))


@pytest.mark.needs_subprocess
def test_one_that_was_built_from_other_sources_is_not_used() -> None:
    script = (
        "import sys, types\n"
        "other = types.ModuleType('blockfreeze._speed')\n"
        "other.FORM, other.Places, other.Switch = 1, object, object\n"
        "sys.modules['blockfreeze._speed'] = other\n"
        "import blockfreeze\n"
        "from blockfreeze.dispatch.accesses import IS_COMPILED\n"
        "assert not IS_COMPILED\n"
    )
    done = run_python("-c", script)
    assert done.returncode == 0, done.stderr
