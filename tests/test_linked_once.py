"""What the suite links once is what linking again would give: `linked_once` changes how long a test takes, only."""

from __future__ import annotations

from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from conftest import LINKED_ONCE
from linked_once import LinkedOnce
from pairs import NAMES, feature_pair, forget_block

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.building import link_cache as linking
from blockfreeze.linking.linker import LinkedCode

ALWAYS = LINKED_ONCE.link_always


def codes(code: CodeType) -> list[CodeType]:
    return [code, *(one for inner in code.co_consts if isinstance(inner, CodeType) for one in codes(inner))]


def comparable(linked: LinkedCode) -> list[object]:
    """Everything that is in what was linked; code objects compare all but some of their tables."""
    tables = [
        (code.co_filename, code.co_qualname, code.co_stacksize, code.co_linetable, code.co_exceptiontable)
        for code in codes(linked.code)
    ]
    return [linked, tables]


@pytest.mark.parametrize("feature", NAMES)
def test_a_copy_of_what_was_linked_before_is_what_linking_gives(
    feature: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = feature_pair(tmp_path, feature)
    once = LinkedOnce(ALWAYS)
    monkeypatch.setattr(linking, "analyse", once.analyse)
    compared = 0

    def both(*given: Any) -> LinkedCode:
        nonlocal compared
        once.link(*given)
        before = once.handed_out
        handed_out, linked = once.link(*given), ALWAYS(*given)
        assert once.handed_out == before + 1
        assert comparable(handed_out) == comparable(linked)
        assert {id(code) for code in codes(handed_out.code)}.isdisjoint(map(id, codes(once.link(*given).code)))
        compared += 1
        return handed_out

    monkeypatch.setattr(linking, "_link", both)
    try:
        pair.freeze()
        pair.swap("v2")
    finally:
        pair.forget()
    assert compared == 2


def test_what_the_block_covers_is_asked_again(workshop: Any) -> None:
    text = "from helper import name\ndef f(): return name\n"
    once = LinkedOnce(ALWAYS)
    asked = []
    for roots in (["asking"], ["asking", "helper"], ["asking"]):
        workshop.write("helper.py", "def name(): pass\n")
        workshop.write("asking.py", text)
        frozen = bf.freeze_block(*roots)
        block = registry.block_of(frozen, "test")
        source = block.current.members["asking"].source
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(linking, "analyse", once.analyse)
            asked.append((once.link(block, source, frozenset()).linkage.member_imports, once.handed_out))
        forget_block(block)
        workshop.forget()
    assert asked[0] == (frozenset(), 0)
    assert asked[1] == (frozenset({"helper"}), 0)
    assert asked[2] == (frozenset(), 1)
