"""A linked module as bytes: nothing is lost, nothing damaged is read, and the key has all that linking depends on."""

from __future__ import annotations

import marshal
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pairs import NAMES, TEXTS
from processes import ROOT, run_python
from versioned import both_versions

from blockfreeze.linking import stored_form
from blockfreeze.linking.analysis import analyse, walk_codes
from blockfreeze.linking.linker import LinkedCode, link
from blockfreeze.linking.stored_form import MAGIC, decode, encode, key_of

SMALL = """
from .other import helper
from outside import name
count = 0

def frob(a, table={1, 2, 3}, text="not an identifier"):
    global count
    count += 1
    return helper(bar(a), [x for x in (1.5, 2j, b"", None, ...)])

async def bar(b):
    return locals(), frob(b)[1:2]

class Part:
    def copy(self):
        return Part()
"""
ANSWERS = {("other", 1): True, ("outside", 0): False}
KEY = key_of(b"text", name="part")


def linked(text: str, later: bool) -> LinkedCode:
    code = compile(text, "/somewhere/part.py", "exec", dont_inherit=True)
    return link(code, analyse(code, lambda name, level: bool(level)), has_home=later)


def comparable(one: LinkedCode) -> list[object]:
    """Everything that is in what was linked; code objects compare all but some of their tables."""
    tables = [
        (code.co_filename, code.co_qualname, code.co_stacksize, code.co_linetable, code.co_exceptiontable)
        for code in walk_codes(one.code)
    ]
    return [one, tables, list(one.cells), list(one.linkage.bound), list(one.linkage.mentions)]


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("feature", NAMES)
def test_what_is_read_is_what_was_written(feature: str, later: bool) -> None:
    for text in both_versions(TEXTS[feature]):
        whole = linked(text, later)
        data = encode(whole, ANSWERS, KEY)
        found = decode(data, KEY, "/somewhere/part.py")
        assert found is not None
        assert comparable(found[0]) == comparable(whole)
        assert found[1] == ANSWERS
        again = decode(data, KEY, "/elsewhere/part.py")
        assert again is not None
        # Of fresh code objects all through: reference counts tell of each generation whether it is at rest.
        assert {id(code) for code in walk_codes(found[0].code)}.isdisjoint(map(id, walk_codes(again[0].code)))
        assert {code.co_filename for code in walk_codes(again[0].code)} == {"/elsewhere/part.py"}


def test_another_key_is_not_read() -> None:
    data = encode(linked(SMALL, False), ANSWERS, KEY)
    assert decode(data, key_of(b"text", name="other"), "part.py") is None
    assert decode(data, KEY[:-1], "part.py") is None
    assert decode(data, KEY + b"\0", "part.py") is None
    assert decode(data, b"", "part.py") is None


DATA = encode(linked(SMALL, True), ANSWERS, KEY)


@pytest.fixture
def no_unmarshalling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that `encode` has not made are not shown to `marshal`, which they might crash."""

    def loads(data: bytes) -> Any:
        pytest.fail(f"damaged bytes were unmarshalled: {data[:20]!r}…")

    monkeypatch.setattr(marshal, "loads", loads)


@pytest.mark.usefixtures("no_unmarshalling")
def test_damage_at_any_byte_is_noticed() -> None:
    for at in range(len(DATA)):
        for mask in (0x01, 0x80, 0xFF):
            damaged = bytearray(DATA)
            damaged[at] ^= mask
            assert decode(bytes(damaged), KEY, "part.py") is None


@pytest.mark.usefixtures("no_unmarshalling")
def test_a_truncated_file_is_noticed_wherever_it_ends() -> None:
    assert all(decode(DATA[:end], KEY, "part.py") is None for end in range(len(DATA)))


@pytest.mark.usefixtures("no_unmarshalling")
def test_more_than_a_whole_file_is_noticed() -> None:
    assert decode(DATA + b"\0", KEY, "part.py") is None
    assert decode(DATA + DATA, KEY, "part.py") is None


@given(st.data())
def test_any_other_bytes_are_noticed(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(DATA)))
    end = data.draw(st.integers(start, len(DATA)))
    damaged = DATA[:start] + data.draw(st.binary(max_size=40)) + DATA[end:]
    with pytest.MonkeyPatch.context() as patch:
        if damaged != DATA:
            patch.setattr(marshal, "loads", None)
        assert (decode(damaged, KEY, "part.py") is not None) is (damaged == DATA)


@given(st.binary(max_size=200))
def test_a_foreign_file_is_noticed(foreign: bytes) -> None:
    assert decode(foreign, KEY, "part.py") is None
    assert decode(MAGIC + foreign, KEY, "part.py") is None


WRITES = """
import sys
sys.path[:0] = {path!r}
for text in {interned!r}: sys.intern(text)
from test_stored_form import ANSWERS, KEY, SMALL, encode, linked
print(encode(linked(SMALL, True), ANSWERS, b"key").hex())
"""


@pytest.mark.needs_subprocess
def test_the_same_module_gives_the_same_bytes_in_every_process(monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    for seed, interned in (("1", []), ("2", ["not an identifier", ".count"]), ("3", ["/somewhere/part.py", "other"])):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        path = [str(ROOT), str(ROOT / "tests")]
        run = run_python("-c", WRITES.format(path=path, interned=interned))
        assert run.returncode == 0, run.stderr
        found.add(run.stdout.strip())
    assert found == {encode(linked(SMALL, True), ANSWERS, b"key").hex()}


def test_what_no_source_can_say_is_refused() -> None:
    whole = linked(SMALL, False)
    strange = whole.code.replace(co_consts=(*whole.code.co_consts, print))
    with pytest.raises(ValueError, match="unmarshallable"):
        encode(LinkedCode(strange, whole.cells, whole.linkage, whole.has_home), {}, KEY)


INPUTS: dict[str, Any] = {"name": "a.b", "package": "a", "roots": ("a",), "form": "first", "made_before": ()}
OTHERS = {"name": "a.c", "package": "a.b", "roots": ("a", "b"), "form": "later", "made_before": ("f",)}


def test_the_key_has_each_input() -> None:
    keys = {key_of(b"x = 1", **INPUTS), key_of(b"x = 2", **INPUTS), key_of(b"x = 1\n", **INPUTS)}
    keys |= {key_of(b"x = 1", **INPUTS | {name: other}) for name, other in OTHERS.items()}
    assert len(keys) == 3 + len(INPUTS)
    assert key_of(b"x = 1", **INPUTS) == key_of(b"x = 1", **INPUTS)
    swapped = {"roots": ("a", "b"), "made_before": ("c",)}, {"roots": ("a",), "made_before": ("b", "c")}
    assert len({key_of(b"", **one) for one in swapped}) == 2


@pytest.mark.parametrize(
    ("module", "attribute", "value"),
    [
        (stored_form, "__version__", "9.9"),
        (stored_form, "_hash_of_rooms", lambda package: b"other"),
        (stored_form, "written_by", "bytecode 9.9"),
        (sys, "version", "another build"),
        (stored_form.importlib.util, "MAGIC_NUMBER", b"9999"),
    ],
)
def test_the_key_has_what_does_the_linking(
    module: Any, attribute: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = key_of(b"", **INPUTS)
    monkeypatch.setattr(module, attribute, value)
    stored_form._environment.cache_clear()
    try:
        assert key_of(b"", **INPUTS) != before
    finally:
        monkeypatch.undo()
        stored_form._environment.cache_clear()
    assert key_of(b"", **INPUTS) == before


def test_the_key_has_the_code_that_links(tmp_path: Any) -> None:
    def hash_with(text: str) -> bytes:
        for room in stored_form._ROOMS:
            (tmp_path / room).mkdir(exist_ok=True)
            (tmp_path / room / "rules.py").write_text(text)
        return stored_form._hash_of_rooms(tmp_path)

    assert hash_with("x = 1") != hash_with("x = 2")
    assert hash_with("x = 1") == hash_with("x = 1")
    assert stored_form._hash_of_rooms(tmp_path / "in a zip file") == b""


@pytest.mark.needs_subprocess
def test_the_key_has_the_options_that_change_what_is_compiled() -> None:
    shows = "from blockfreeze.linking.stored_form import key_of; print(key_of(b''))"
    options = ([], ["-O"], ["-OO"], ["-X", "no_debug_ranges"])
    found = [run_python(*one, "-c", shows).stdout for one in options]
    assert all(found)
    assert len(set(found)) == len(found)
    assert run_python("-c", shows).stdout == found[0]


def test_code_that_is_written_is_left_as_it_is() -> None:
    whole = linked(SMALL, False)
    before = comparable(whole)
    encode(whole, ANSWERS, KEY)
    assert comparable(whole) == before
    assert whole.code.co_filename == "/somewhere/part.py"
