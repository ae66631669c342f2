"""What reading an attribute of a swapped module goes straight to, and what it does not: compiled, and in Python."""

from __future__ import annotations

import gc
import importlib
import sys
import traceback
import types
import weakref
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from test_compiled import Block, Head

import blockfreeze as bf
from blockfreeze.dispatch import shown, uncompiled
from blockfreeze.dispatch.accesses import IS_COMPILED
from blockfreeze.model.frame_note import FrameNote

TEXT = """
RATE = 1
count = 0

def leaf(): return RATE

def up():
    global count
    count += 1

def reader():
    import shop
    while True:
        yield shop.RATE, shop.leaf, shop.count, shop.leaf()
"""


def read_by_python(view: Any) -> type:
    return type("Read", (ModuleType,), {"__getattribute__": shown.reading(view)})


def read_by_c(view: Any) -> type:
    return types.new_class("Read", (shown.Shown,), {}, lambda body: body.update({shown.VIEW: view}))


READERS = [read_by_python, *([read_by_c] if IS_COMPILED else [])]


@pytest.fixture(params=READERS)
def world(request: pytest.FixtureRequest) -> Any:
    """Return a module that reads by a view, behind a vector of an overlap."""
    places = SimpleNamespace(inside=FrameNote({}), outside=FrameNote({}), pins={}, current="now")
    # What is not set in it is not asked for.
    vector = type("Vector", (importlib.import_module("blockfreeze.dispatch.accesses").Places,), {})()
    for name, value in vars(places).items():
        setattr(vector, name, value)
    older = SimpleNamespace()
    block = Block({id(globals()): older}, places.outside)
    older.note = FrameNote({block: older})
    vector.head = Head(block)
    view = shown.View(SimpleNamespace(vector=vector), lambda *asked: ("asked", *asked))
    module = ModuleType("plain")
    module.__class__ = request.param(view)
    return SimpleNamespace(module=module, view=view, vector=vector)


def asked(module: Any, name: str, note: Any = None) -> Any:
    sys._getframe().f_trace = note
    found = getattr(module, name)
    sys._getframe().f_trace = None
    return "asked" if type(found) is tuple and found[:3] == ("asked", module, name) else found


def test_one_namespace_is_read_at_once_and_as_it_is_at_that_moment(world: Any) -> None:
    namespace = {"it": 1, "state": 2}
    assert asked(world.module, "it") == "asked"
    world.view.shown = (namespace, frozenset({"state"}), (), "now")
    assert asked(world.module, "it") == 1
    namespace["it"] = 3
    assert asked(world.module, "it") == 3
    del namespace["it"]
    assert asked(world.module, "it") == asked(world.module, "state") == asked(world.module, "other") == "asked"


def test_what_several_namespaces_have_is_read_at_once_or_by_the_note_on_the_frame(world: Any) -> None:
    alike, vector = object(), world.vector
    old: dict[str, Any] = {"alike": alike, "differs": 1}
    world.view.shown = ({"alike": alike, "differs": 2, "new": 3}, frozenset({"apart"}), (old,), "now")
    assert asked(world.module, "alike") is alike
    assert asked(world.module, "differs") == asked(world.module, "new") == "asked"
    for note in (vector.inside, vector.outside):
        assert asked(world.module, "differs", note) == 2
        assert asked(world.module, "new", note) == 3
        assert asked(world.module, "absent", note) == "asked"
    assert asked(world.module, "differs", FrameNote({})) == "asked"
    vector.pins[1] = "a pin"
    assert asked(world.module, "differs", vector.outside) == "asked"
    assert asked(world.module, "differs", vector.inside) == 2
    vector.current = "another generation serves by now"
    assert asked(world.module, "differs", vector.inside) == "asked"
    world.view.reference.vector = ("head",)
    assert asked(world.module, "differs", vector.inside) == "asked"
    assert asked(world.module, "alike") is alike


def test_the_frame_that_reads_is_handed_on(world: Any) -> None:
    _, _, _, frame = world.module.something
    assert frame is sys._getframe()


def test_errors_pass_through_and_nothing_is_lost_or_kept(world: Any) -> None:
    class Failing:
        def __hash__(self) -> int:
            return hash("it")

        def __eq__(self, other: object) -> bool:
            raise LookupError("compared")

    world.view.shown = ({Failing(): 1}, frozenset(), (), "now")
    with pytest.raises(LookupError, match="compared"):
        _ = world.module.it
    value, other = object(), object()
    world.view.shown = ({"it": value, "differs": value}, frozenset(), ({"it": value, "differs": other},), "now")
    watched = [value, other, world.view, world.view.shown, world.vector, world.module, type(world.module)]

    def counted() -> list[int]:
        for _ in range(500):
            for note in (None, world.vector.inside):
                for name in ("it", "differs", "absent"):
                    asked(world.module, name, note)
        gc.collect()
        return [sys.getrefcount(one) for one in watched]

    counted()
    before, after = counted(), counted()
    assert [now - then for now, then in zip(after, before, strict=True)] == [0] * len(watched)


def test_a_view_in_a_cycle_is_collected(world: Any) -> None:
    namespace = {"view": world.view, "kept": type("Kept", (), {})}
    world.view.shown = (namespace, frozenset(), (), "now")
    kept = weakref.ref(namespace["kept"])
    del namespace
    world.__dict__.clear()
    gc.collect()
    assert kept() is None


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "shop.py").write_text(TEXT, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield bf.freeze_block("shop")
    sys.modules.pop("shop", None)


def version(rate: int) -> str:
    return TEXT.replace("RATE = 1", f"RATE = {rate}")


def swapped(shop: Any, rate: int) -> None:
    bf.swap(shop, source=version(rate))
    bf.drain(shop, timeout=30)


def test_the_steady_state_shows_whatever_is_set_by_whatever_means(shop: Any) -> None:
    swapped(shop, 2)
    assert type(shop).blockfreeze_view.shown[0] is vars(shop)
    assert (shop.RATE, shop.leaf()) == (2, 2)
    vars(shop)["RATE"] = 5
    assert (shop.RATE, shop.leaf()) == (5, 5)
    shop.RATE = 6
    shop.up()
    assert (shop.RATE, shop.leaf(), shop.count) == (6, 6, 1)
    with pytest.raises(bf.FrozenBlockError):
        shop.leaf = None
    del shop.RATE
    with pytest.raises(AttributeError, match="module 'shop' has no attribute 'RATE'") as caught:
        _ = shop.RATE
    assert caught.value.__context__ is None
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[0] == "test_the_steady_state_shows_whatever_is_set_by_whatever_means"
    bf.rollback(shop)
    bf.drain(shop, timeout=30)
    assert (shop.RATE, shop.leaf(), shop.count) == (1, 1, 1)


def test_while_versions_overlap_each_reads_its_own(shop: Any) -> None:
    swapped(shop, 2)
    second = shop.reader()
    assert next(second)[0] == 2
    bf.swap(shop, source=version(3))
    third = shop.reader()
    for _ in range(3):  # the first time a frame asks, it is noted
        assert next(second) == (2, shop.leaf, 0, 2)
        assert next(third) == (3, shop.leaf, 0, 3)
        assert (shop.RATE, shop.leaf()) == (3, 3)
    shop.RATE = 7
    assert [next(one)[0] for one in (second, third)] == [2, 7]
    bf.swap(shop, source=version(4))
    fourth = shop.reader()
    assert [next(one)[0] for one in (second, third, fourth)] == [2, 7, 4]
    with bf.pin(shop):
        assert shop.RATE == 4
    second.close()
    third.close()
    bf.drain(shop, timeout=30)
    assert next(fourth)[0] == shop.RATE == 4
    assert type(shop).blockfreeze_view.shown[2] == ()


def test_a_body_that_runs_and_a_candidate_read_their_own(shop: Any) -> None:
    swapped(shop, 2)
    body = version(3) + "import shop\nSEEN = shop.RATE, shop.leaf()\ndef told(): return shop.RATE, shop.leaf()\n"
    candidate = bf.prepare(shop, source=body)
    assert shop.RATE == 2
    for _ in range(2):
        assert candidate.told() == candidate.SEEN == (3, 3)
        assert (shop.RATE, shop.leaf()) == (2, 2)
    with candidate.active():
        assert shop.RATE == 3
    assert shop.RATE == 2
    candidate.discard()
    assert shop.RATE == 2
    assert not hasattr(shop, "SEEN")
    assert type(shop).blockfreeze_view.shown[0] is vars(shop)


def test_a_pinned_reader_reads_what_it_is_pinned_to(shop: Any) -> None:
    swapped(shop, 2)
    with bf.pin(shop):
        bf.swap(shop, source=version(3))
        for _ in range(3):
            assert (shop.RATE, shop.leaf()) == (2, 2)
    bf.drain(shop, timeout=30)
    assert (shop.RATE, shop.leaf()) == (3, 3)


def test_what_is_used_is_the_compiled_part_if_there_is_one(shop: Any) -> None:
    swapped(shop, 2)
    assert ("__getattribute__" in vars(type(shop))) is not IS_COMPILED
    assert IS_COMPILED is (uncompiled.Places is not importlib.import_module("blockfreeze.dispatch.accesses").Places)
