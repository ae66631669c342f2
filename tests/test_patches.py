"""What a test sets from outside stays while versions change, and goes when it is put back: each version has its own.

A patched block is compared with a model after every step, and a name is set and put back at boundaries all through a
swap that another thread makes.
"""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar
from unittest import mock

import pytest
from conftest import Workshop
from hypothesis import given
from hypothesis import strategies as st
from sequencer import ProfiledBoundaries
from threads import LIMIT

import blockfreeze as bf

_T = TypeVar("_T")
_names = itertools.count(1)

PATCHED = """
from functools import wraps
count = 0
LIMIT = {v}
TABLE = {{"own": {v}}}
def wrapped(function):
    @wraps(function)
    def wrapper(): return function()
    return wrapper
def helper(): return {v}
@wrapped
def dressed(): return {v}
def Kind_of(): return Kind
class Kind:
    kept = "own"
    def method(self): return {v}
    @classmethod
    def of_class(cls): return {v}
    @staticmethod
    def static(): return {v}
helper.tag = "own"
def ask():
    kind = Kind()
    methods = kind.method(), Kind.of_class(), Kind.static()
    return helper(), dressed(), LIMIT, TABLE.get("own"), kind.kept, *methods, globals().get("added")
"""
OWN = ["helper", "dressed", "LIMIT", "TABLE", "kept", "method", "of_class", "static", "added"]
FAKE: dict[str, Any] = {
    **dict.fromkeys(("helper", "dressed", "method"), lambda *_: "fake"),
    "of_class": classmethod(lambda cls: "fake"),
    "static": staticmethod(lambda: "fake"),
    "TABLE": {"own": "fake"},
    **dict.fromkeys(("LIMIT", "kept", "added"), "fake"),
}


def text(version: int) -> str:
    return PATCHED.format(v=version)


def expected(version: int, *patched: str) -> list[object]:
    own = {**dict.fromkeys(OWN, version), "kept": "own", "added": None}
    return [*("fake" if name in patched else value for name, value in own.items())]


def patch(module: Any, name: str) -> Any:
    """Return the context manager of `unittest.mock` that fakes `name`."""
    holder = module.Kind if name in module.Kind.__dict__ else module
    return mock.patch.object(holder, name, FAKE[name], create=name == "added")


def start(module: Any, names: list[str], fakes: ExitStack) -> None:
    """Fake every one of `names` until `fakes` is closed."""
    for name in names:
        fakes.enter_context(patch(module, name))


@contextmanager
def frozen_block(directory: Path) -> Iterator[Any]:
    shop = Workshop(directory)
    name = f"patched_{next(_names)}"
    shop.write(f"{name}.py", text(1))
    with pytest.MonkeyPatch.context() as patcher:
        patcher.syspath_prepend(str(directory))
        yield bf.freeze_block(name, patchable=True)
        shop.forget()


@contextmanager
def swapped_block(directory: Path) -> Iterator[Any]:
    """Yield a block at rest that has been swapped to its first text: the next swap is not its first."""
    with frozen_block(directory) as module:
        bf.swap(module, source=text(1))
        bf.drain(module, timeout=LIMIT)
        yield module


@given(steps=st.lists(st.sampled_from([*OWN, "swap", "next", "rollback", "drain"]), max_size=14))
def test_a_patch_holds_whatever_serves_and_goes_without_a_trace(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with frozen_block(tmp_path_factory.mktemp("patched")) as module:
        held, current, previous = module.ask, 1, 0
        with ExitStack() as every:
            active: dict[str, ExitStack] = {}
            for step in steps:
                if step in OWN:
                    if step in active:
                        active.pop(step).close()
                    else:
                        active[step] = every.enter_context(ExitStack())
                        active[step].enter_context(patch(module, step))
                elif step == "rollback":
                    if previous:
                        bf.rollback(module)
                        # What can be gone back to is now what served before the generation that serves again.
                        current, previous = previous, 0
                elif step == "drain":
                    bf.drain(module, timeout=LIMIT)
                else:
                    current, previous = current + (step == "next"), current
                    bf.swap(module, source=text(current))
                assert list(held()) == list(module.ask()) == expected(current, *active)
        assert list(held()) == list(module.ask()) == expected(current)
        assert not hasattr(module, "added")


class OutsideOfPatches(ProfiledBoundaries):
    """Boundaries where the lock of the patches is free: another thread that sets a name waits at the others."""

    def _observed(self, call: Callable[[], _T]) -> _T:
        reach = self.reach

        def reach_outside(frame: FrameType | None) -> None:
            while frame is not None:
                if frame.f_globals.get("__name__") == "blockfreeze.state.patches":
                    return
                frame = frame.f_back
            reach()

        sys.setprofile(lambda frame, event, argument: reach_outside(frame))
        try:
            return call()
        finally:
            sys.setprofile(None)


@pytest.mark.needs_threads
@pytest.mark.parametrize("what", ["set", "put back", "set and put back"])
def test_names_are_set_and_put_back_at_any_moment_of_a_swap(what: str, tmp_path: Path) -> None:
    names = ["helper", "LIMIT", "added"]
    counted = OutsideOfPatches(None)
    with swapped_block(tmp_path) as module, ExitStack() as fakes:
        if what == "put back":
            start(module, names, fakes)
        counted.run(lambda: bf.swap(module, source=text(2)))
    for at in range(0, counted.passed, counted.passed // 8):
        with swapped_block(tmp_path) as module:
            fakes = ExitStack()
            if what == "put back":
                start(module, names, fakes)

            def meanwhile(module: Any = module, fakes: ExitStack = fakes) -> None:
                if what != "put back":
                    start(module, names, fakes)
                    assert list(module.ask()) in (expected(1, *names), expected(2, *names))
                if what != "set":
                    fakes.close()
                    assert list(module.ask()) in (expected(1), expected(2))

            OutsideOfPatches(at).run(lambda module=module: bf.swap(module, source=text(2)), meanwhile)
            assert list(module.ask()) == expected(2, *(names if what == "set" else ())), at
            fakes.close()
            assert list(module.ask()) == expected(2), at
            bf.swap(module, source=text(3))
            assert list(module.ask()) == expected(3), at


def test_an_attribute_of_a_function_is_put_back_and_others_stay(tmp_path: Path) -> None:
    with frozen_block(tmp_path) as module:
        module.helper.others = "kept"
        with mock.patch.object(module.helper, "tag", "fake"):
            for _ in range(3):
                bf.swap(module)
                assert (module.helper.tag, module.helper.others) == ("fake", "kept")
        changed = text(1).replace('helper.tag = "own"', 'helper.tag = "new"')
        with mock.patch.object(module.helper, "tag", "fake"):
            bf.swap(module, source=changed)
            assert module.helper.tag == "fake"
        bf.swap(module, source=changed)
        assert (module.helper.tag, module.helper.others) == ("new", "kept")


def test_a_constant_of_a_class_that_was_put_back_is_the_new_version_s_after_the_next_swap(tmp_path: Path) -> None:
    changed = text(1).replace('kept = "own"', 'kept = "new"')
    with frozen_block(tmp_path) as module:
        with mock.patch.object(module.Kind, "kept", "fake"):
            bf.swap(module, source=changed)
            assert module.Kind.kept == "fake"
        bf.swap(module, source=changed)
        assert module.Kind.kept == "new"


def test_patched_holds_across_swaps_without_patchable(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", text(1))
    with bf.patched(shop, helper=lambda: "outer", LIMIT="outer"):
        with bf.patched(shop, helper=lambda: "inner"):
            bf.swap(shop, source=text(2))
            assert shop.ask()[0] == "inner"
        assert shop.ask()[:3] == ("outer", 2, "outer")
        bf.swap(shop, source=text(3))
        assert shop.ask()[:3] == ("outer", 3, "outer")
    assert list(shop.ask()) == expected(3)
    with pytest.raises(AttributeError, match="no attribute 'missing'"), bf.patched(shop, LIMIT=0, missing=1):
        pass
    assert list(shop.ask()) == expected(3)


def test_a_member_that_is_imported_later_has_the_patch(workshop: Workshop) -> None:
    files = {
        "late/__init__.py": "def ask():\n    from late import inner\n    return inner.ask()\n",
        "late/inner.py": "VALUE = 'own'\ndef ask(): return VALUE\n",
    }
    for file, source in files.items():
        workshop.write(file, source)
    late = bf.freeze_block("late", patchable=True)
    assert late.ask() == "own"
    with mock.patch("late.inner.VALUE", "fake"):
        bf.swap(
            late, source=workshop.version("v2", {**files, "late/__init__.py": files["late/__init__.py"] + "v2 = 1\n"})
        )
        assert late.ask() == "fake"
    assert late.ask() == "own"


def test_what_a_block_sets_itself_is_no_patch(workshop: Workshop) -> None:
    workshop.write(
        "shop.py", "import shop as me\nVALUE = 1\ndef put(value): me.VALUE = value\ndef ask(): return VALUE\n"
    )
    shop = bf.freeze_block("shop", patchable=True)
    shop.put(5)
    assert shop.ask() == 5
    bf.swap(shop)
    assert shop.ask() == 1


COUNTERS = {
    "a static method": (
        "    @staticmethod\n    def new():\n        Item.n += 1\n        return Item.n\n",
        "base.Item.new()",
    ),
    "a class method": (
        "    @classmethod\n    def new(cls):\n        cls.n += 1\n        return cls.n\n",
        "base.Item.new()",
    ),
    "an instance": ("    def __init__(self):\n        type(self).n += 1\n        self.at = self.n\n", "base.Item().at"),
    "setattr": ("def new(kind):\n    setattr(kind, 'n', kind.n + 1)\n    return kind.n\n", "base.new(base.Item)"),
    "a container that is replaced": (
        "    s = ()\n    def new():\n        Item.s += (1,)\n        Item.n = sum(Item.s)\n        return Item.n\n",
        "base.Item.new()",
    ),
    "code outside": ("", "counting_outside.new(base.Item)"),
}


@pytest.mark.parametrize("how", COUNTERS)
@pytest.mark.parametrize("early", [True, False], ids=["at once", "when imported"])
def test_a_counter_of_a_class_that_other_members_count_up_comes_out_as_at_a_cold_start(
    how: str, early: bool, workshop: Workshop
) -> None:
    body, new = COUNTERS[how]
    workshop.write("counting_outside.py", "def new(kind):\n    kind.n += 1\n    return kind.n\n")
    workshop.write("counting/__init__.py", "from . import kinds\n" if early else "")
    workshop.write("counting/base.py", f"class Item:\n    n = 0\n{body}")
    kinds = "from . import base\nimport counting_outside\n"
    kinds += "".join(f"class {kind}:\n    at = {new}\n" for kind in "ABC")
    workshop.write("counting/kinds.py", f"{kinds}def new(): return {new}\ndef places(): return A.at, B.at, C.at\n")
    workshop.write("counting/late.py", f"from . import base\nimport counting_outside\nat = {new}\n")
    counting = bf.freeze_block("counting", patchable=True)
    module = importlib.import_module("counting.kinds")
    for _ in range(2):
        assert (module.places(), module.A.at, module.base.Item.n) == ((1, 2, 3), 1, 3)
        bf.swap(counting)
        assert (module.places(), module.A.at, module.base.Item.n) == ((1, 2, 3), 1, 3)
        if how not in ("code outside", "setattr"):  # nothing shows that these work on a class of the block
            assert [module.new(), module.new()] == [4, 5]
            bf.swap(counting)
    late = importlib.import_module("counting.late")
    for _ in range(2):
        assert (module.places(), late.at, module.base.Item.n) == ((1, 2, 3), 4, 4)
        bf.swap(counting)
    bf.rollback(counting)
    assert (module.places(), late.at, module.base.Item.n) == ((1, 2, 3), 4, 4)


def test_a_counter_that_a_test_has_set_is_a_patch_until_the_block_counts_on(workshop: Workshop) -> None:
    text = """
        class Item:
            n = 0
            def count(self):
                type(self).n += 1
                return self.n
        def count(): return Item().count()
        """
    shop = workshop.freeze("shop", text, patchable=True)
    assert [shop.count(), shop.count()] == [1, 2]
    with mock.patch.object(shop.Item, "n", 100):
        bf.swap(shop)
        assert shop.Item.n == 100
        assert shop.count() == 101
        bf.swap(shop)
        assert shop.Item.n == 0
