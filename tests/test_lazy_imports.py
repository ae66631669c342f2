"""Lazy imports (PEP 810): resolved in the generation of their statement, whoever uses the name first, and whenever."""

from __future__ import annotations

import gc
import sys
import types
from typing import Any

import pytest

import blockfreeze as bf

pytestmark = pytest.mark.skipif(sys.version_info < (3, 15), reason="lazy imports are new in CPython 3.15")

FORMS = {
    "a name": ("lazy from .parts import value", "value()"),
    "a name as another": ("lazy from .parts import value as made", "made()"),
    "a module": ("lazy from . import parts", "parts.value()"),
    "a module by its whole name": ("lazy import lazily.parts", "lazily.parts.value()"),
    "a module by its whole name as another": ("lazy import lazily.parts as p", "p.value()"),
    "a value": ("lazy from .parts import NUMBER", "NUMBER"),
    "two names": ("lazy from .parts import other, value", "value()"),
    "a class": ("lazy from .parts import Made", "Made().value()"),
    "what the module asks for": ("__lazy_modules__ = ['lazily.parts']\nfrom .parts import value", "value()"),
}
PARTS = """
    NUMBER = {0}
    def value(): return NUMBER
    def other(): return -{0}
    class Made:
        def value(self): return value()
"""


def write(workshop: Any, number: int, form: str = "a name", *, more: str = "") -> None:
    statement, use = FORMS[form]
    workshop.write(
        "lazily/__init__.py", f"{statement}\ndef use(): return {use}\ndef paused(): yield {number}; yield use()\n"
    )
    workshop.write("lazily/parts.py", PARTS.format(number))


def frozen_or_swapped() -> Any:
    """Return the block after another version was written: frozen if it is the first, swapped otherwise."""
    if "lazily" not in sys.modules:
        return bf.freeze_block("lazily")
    bf.swap(sys.modules["lazily"])
    return sys.modules["lazily"]


def is_loaded() -> bool:
    return "lazily.parts" in sys.modules


@pytest.mark.parametrize("form", FORMS)
def test_a_lazy_import_is_as_lazy_in_a_block_as_without(workshop: Any, form: str) -> None:
    write(workshop, 1, form)
    block = bf.freeze_block("lazily")
    assert not is_loaded()
    assert block.use() == 1
    assert is_loaded()
    write(workshop, 2, form)
    bf.swap(block)
    assert block.use() == 2
    bf.rollback(block)
    assert block.use() == 1


@pytest.mark.parametrize("form", FORMS)
def test_what_first_resolves_after_a_swap_does_so_in_the_new_generation(workshop: Any, form: str) -> None:
    write(workshop, 1, form)
    block = bf.freeze_block("lazily")
    for number in (2, 3):
        write(workshop, number, form)
        bf.swap(block)
        assert not is_loaded()
    assert block.use() == 3


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("loaded", [False, True])
def test_a_call_that_lingers_resolves_in_its_own_generation(workshop: Any, form: str, loaded: bool) -> None:
    write(workshop, 1, form)
    block = bf.freeze_block("lazily")
    old = block.paused()
    assert next(old) == 1
    for number in (2, 3):
        write(workshop, number, form)
        bf.swap(block)
        if loaded:
            assert block.use() == number
    assert next(old) == 1
    assert block.use() == 3


def test_a_promise_taken_out_of_a_namespace_means_the_version_that_made_it(workshop: Any) -> None:
    write(workshop, 1, "a value")
    block = bf.freeze_block("lazily")
    promises = [vars(block)["NUMBER"]]
    for number in range(2, 6):
        write(workshop, number, "a value")
        bf.swap(block)
        promises.append(vars(block)["NUMBER"])
    assert [one.resolve() for one in promises] == [1, 2, 3, 4, 5]
    assert [one.resolve() for one in reversed(promises)] == [5, 4, 3, 2, 1]
    assert block.use() == block.NUMBER == 5


def test_reading_a_module_resolves_what_it_promises(workshop: Any) -> None:
    write(workshop, 1, "a value")
    block = bf.freeze_block("lazily")
    for number in (2, 3):
        write(workshop, number, "a value")
        bf.swap(block)
    assert "NUMBER" in dir(block)
    assert type(vars(block)["NUMBER"]).__name__ == "lazy_import"
    assert not is_loaded()
    assert block.NUMBER == 3
    assert vars(block)["NUMBER"] == 3


def test_a_candidate_resolves_in_itself(workshop: Any) -> None:
    write(workshop, 1, "a value")
    block = bf.freeze_block("lazily")
    write(workshop, 2, "a value")
    candidate = bf.prepare(block)
    assert (candidate.NUMBER, candidate.use()) == (2, 2)
    assert not is_loaded()
    assert (block.NUMBER, block.use()) == (1, 1)
    candidate.commit()
    assert (block.NUMBER, block.use()) == (2, 2)


def test_what_cannot_be_imported_is_said_where_the_name_is_used(workshop: Any) -> None:
    write(workshop, 1)
    block = bf.freeze_block("lazily")
    assert block.use() == 1
    (workshop.path / "lazily" / "parts.py").write_text("raise RuntimeError('parts')\n")
    with pytest.raises(bf.PrepareError, match="parts"):  # what the version before has loaded is prepared
        bf.swap(block)
    write(workshop, 2)
    (workshop.path / "lazily" / "parts.py").write_text("other = 1\n")
    bf.swap(block)
    for _ in range(2):
        with pytest.raises(ImportError, match="value"):
            block.use()
    bf.rollback(block)
    assert block.use() == 1


def test_submodules_that_were_promised_come_one_by_one(workshop: Any) -> None:
    for number in (1, 2):
        text = "lazy import lazily.a\nlazy import lazily.b\ndef use(name): return getattr(lazily, name).NUMBER\n"
        workshop.write("lazily/__init__.py", text + f"NUMBER = {number}\n")
        for name in "ab":
            workshop.write(f"lazily/{name}.py", f"NUMBER = {number}\n")
        if number == 1:
            block = bf.freeze_block("lazily")
        else:
            bf.swap(block)
    assert "lazily.a" not in sys.modules
    assert block.a.NUMBER == 2
    assert (block.use("a"), block.use("b")) == (2, 2)


@pytest.mark.parametrize("wanted", [True, False])
def test_a_filter_is_asked_in_the_name_of_the_module(workshop: Any, wanted: bool) -> None:
    asked: list[Any] = []

    def wants(importer: str, imported: str, names: Any) -> bool:
        if imported.startswith("lazily"):
            asked.append((importer, imported, names))
        return wanted

    before = sys.get_lazy_imports_filter()
    sys.set_lazy_imports_filter(wants)
    try:
        for number in (1, 2):
            write(workshop, number)
            block = frozen_or_swapped()
            assert asked == [("lazily", "lazily.parts", ("value",))] * number
            assert is_loaded() is not wanted
        assert block.use() == 2
    finally:
        sys.set_lazy_imports_filter(before)


def test_where_the_process_imports_lazily_so_does_a_block(workshop: Any) -> None:
    before = sys.get_lazy_imports()
    sys.set_lazy_imports("all")
    try:
        for number in (1, 2):
            workshop.write("lazily/__init__.py", "from .parts import value, NUMBER\ndef use(): return value()\n")
            workshop.write("lazily/parts.py", PARTS.format(number))
            block = frozen_or_swapped()
            assert not is_loaded()
    finally:
        sys.set_lazy_imports(before)
    assert (block.use(), block.NUMBER) == (2, 2)


def test_state_that_is_promised_first_is_imported_when_it_is_read(workshop: Any) -> None:
    text = """
        lazy from .parts import NUMBER
        def read(): return NUMBER
        def put(value):
            global NUMBER
            NUMBER = value
    """
    for number in (1, 2):
        workshop.write("lazily/__init__.py", text)
        workshop.write("lazily/parts.py", PARTS.format(number))
        block = frozen_or_swapped()
    assert not is_loaded()
    assert block.read() == block.NUMBER == 2
    block.put(7)
    bf.swap(block)
    assert block.read() == block.NUMBER == 7


def test_a_definition_that_is_imported_lazily_as_well_is_looked_up(workshop: Any) -> None:
    text = "def value(): return 'slow'\nlazy from {} import value\ndef use(): return value()\n"
    workshop.write("quick.py", "def value(): return 'quick'\n")
    for source in ("quick", "lazily.parts"):
        workshop.write("lazily/__init__.py", text.format(source))
        workshop.write("lazily/parts.py", PARTS.format(3))
        block = frozen_or_swapped()
        assert block.use() == ("quick" if source == "quick" else 3)


def test_a_base_class_that_is_imported_lazily_lets_a_class_keep_its_identity(workshop: Any) -> None:
    for number in (1, 2):
        workshop.write("lazily/__init__.py", f"lazy from .parts import Made\nclass Own(Made):\n    number = {number}\n")
        workshop.write("lazily/parts.py", PARTS.format(number))
        if number == 1:
            block = bf.freeze_block("lazily")
            own, made = block.Own, block.Made()
        else:
            bf.swap(block)
    assert block.Own is own
    assert isinstance(made, block.Made)
    assert (own().value(), own.number, made.value()) == (2, 2, 2)


def test_promises_keep_no_generation_alive(workshop: Any) -> None:
    def promises() -> int:
        gc.collect()
        return sum(type(one) is types.LazyImportType for one in gc.get_objects())

    write(workshop, 1)
    block = bf.freeze_block("lazily")
    counts = []
    for number in range(2, 10):
        write(workshop, number)
        bf.swap(block)
        counts.append(promises())
    assert counts[-1] == counts[2]
