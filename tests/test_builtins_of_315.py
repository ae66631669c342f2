"""What is a built-in since CPython 3.15: sentinels and frozen mappings in a module that is swapped."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import blockfreeze as bf

pytestmark = pytest.mark.skipif(sys.version_info < (3, 15), reason="these built-ins are new in CPython 3.15")


def test_a_sentinel_stays_the_object_that_it_was(workshop: Any) -> None:
    text = """
        MISSING = sentinel("MISSING")
        class Field:
            default = sentinel("default")
        def get(value=MISSING): return {} if value is MISSING else value
    """
    block = workshop.freeze("shop", text.format("1"))
    missing, default = block.MISSING, block.Field.default
    workshop.write("shop.py", text.format("2"))
    bf.swap(block)
    assert block.MISSING is missing
    assert block.Field.default is default
    assert block.get(missing) == block.get() == 2


def test_a_frozen_mapping_that_is_equal_stays_and_another_does_not(workshop: Any) -> None:
    text = "SIZES = frozendict(a=1, b=(2, {}))\ndef sizes(): return SIZES\n"
    block = workshop.freeze("shop", text.format(3))
    sizes = block.SIZES
    for number, stays in ((3, True), (3.0, False), (4, False)):
        workshop.write("shop.py", text.format(number) + f"# {number}\n")
        bf.swap(block)
        assert (block.SIZES is sizes) is stays
        assert block.sizes() == frozendict(a=1, b=(2, number))  # type: ignore[name-defined]  # noqa: F821


def test_what_a_frozen_mapping_holds_is_that_of_the_new_version(workshop: Any) -> None:
    text = """
        def make(): return {0}
        class Kept:
            def get(self): return {0}
        class Kind{1}:
            __slots__ = ("a{0}",)
            def get(self): return {0}
        TABLE = frozendict(make=make, kept=Kept, kind=Kind, inner=(frozendict(kept=Kept), [Kind]))
        def use(): return TABLE["make"](), TABLE["kept"]().get(), TABLE["kind"]().get()
    """
    block = workshop.freeze("shop", text.format(1, ""))
    held = block.TABLE["make"], block.TABLE["kept"]
    workshop.write("shop.py", text.format(2, ""))
    bf.swap(block)
    assert block.use() == (2, 2, 2)
    assert (block.TABLE["make"], block.TABLE["kept"]) == held
    assert block.TABLE["inner"][0]["kept"] is block.Kept
    assert block.TABLE["kind"] is block.Kind is block.TABLE["inner"][1][0]
    bf.rollback(block)
    assert block.use() == (1, 1, 1)
