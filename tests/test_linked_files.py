"""Linked modules on disk: what is found again, when it is not, and that nobody meets half of one."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import io
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from linked_in_session import linked_where_users_have_it
from pairs import forget_block
from processes import run_python
from sequencer import Sequencer
from threads import ThreadedCall

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.building import link_cache
from blockfreeze.building.linked_files import linked_file, read_linked, write_linked


class Counted:
    """The modules that were linked, in their order, each time that one was."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.forms: list[bool] = []
        link = link_cache.link

        def counted(code: Any, linkage: Any, *, has_home: bool) -> Any:
            self.forms.append(has_home)
            return link(code, linkage, has_home=has_home)

        monkeypatch.setattr(link_cache, "link", counted)

    def since(self, action: Callable[[], object]) -> int:
        """Return how many were linked by an action."""
        before = len(self.forms)
        action()
        return len(self.forms) - before


@pytest.fixture(autouse=True)
def _real_places(monkeypatch: pytest.MonkeyPatch, workshop: Any) -> Iterator[None]:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    with linked_where_users_have_it():
        yield


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def forget(workshop: Any) -> None:
    """Let nothing be left of the blocks of a test, as in a new process."""
    for block in registry.all_blocks():
        forget_block(block)
    workshop.forget()
    importlib.invalidate_caches()


def freeze_anew(workshop: Any, *names: str, **options: Any) -> ModuleType:
    forget(workshop)
    return bf.freeze_block(*names, **options)


def files(workshop: Any) -> list[Path]:
    return sorted(workshop.path.rglob("*.linked"))


TEXT = "def bar(a):\n    return a + {0}\n\n\ndef foo(a):\n    return bar(a)\n"


def test_a_second_process_links_nothing(workshop: Any, counted: Counted) -> None:
    workshop.write("shop/__init__.py", "from .part import foo\n")
    workshop.write("shop/part.py", TEXT.format(1))
    assert counted.since(lambda: bf.freeze_block("shop")) == 2
    assert [file.parent.name for file in files(workshop)] == ["__pycache__"] * 2
    assert counted.since(lambda: freeze_anew(workshop, "shop")) == 0
    shop = sys.modules["shop"]
    assert shop.foo(1) == 2
    # A later generation is linked in another way.
    assert counted.since(lambda: bf.swap(shop)) == 2
    assert counted.since(lambda: bf.swap(freeze_anew(workshop, "shop"))) == 0
    assert sys.modules["shop"].foo(1) == 2


def test_what_is_read_parses_and_compiles_nothing(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.write("shop/__init__.py", "from .part import foo\nimport sys\nloaded = sys.modules[__name__]\n")
    workshop.write("shop/part.py", TEXT.format(1))
    bf.freeze_block("shop")
    forget(workshop)
    from blockfreeze.linking import cpython
    from blockfreeze.versions.module_source import ModuleSource

    monkeypatch.setattr(ModuleSource, "compile", lambda *given: pytest.fail("compiled"))
    monkeypatch.setattr(cpython, "parse", lambda text: pytest.fail("parsed"))
    assert bf.freeze_block("shop").foo(1) == 2


def test_an_edit_of_the_same_size_at_the_same_time_is_seen(workshop: Any, counted: Counted) -> None:
    path = workshop.write("shop.py", TEXT.format(1))
    bf.freeze_block("shop")
    was = path.stat()
    path.write_text(TEXT.format(2))
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert counted.since(lambda: freeze_anew(workshop, "shop")) == 1
    assert sys.modules["shop"].foo(1) == 3
    assert len(files(workshop)) == 1  # the file of the text before has been replaced
    path.write_text(TEXT.format(1))
    assert counted.since(lambda: freeze_anew(workshop, "shop")) == 1


def test_the_blocks_roots_count(workshop: Any, counted: Counted) -> None:
    workshop.write("helper.py", "def name(): return 1\n")
    workshop.write("caller.py", "from helper import name\ndef f(): return name()\n")
    for roots, linked in ((["caller"], 1), (["caller", "helper"], 2), (["caller"], 0), (["caller", "helper"], 0)):
        assert counted.since(lambda roots=roots: freeze_anew(workshop, *roots)) == linked
        block = registry.block_of("caller", "test")
        assert block.current.members["caller"].linkage.member_imports == frozenset(roots[1:])


def test_a_member_by_itself_is_another_block(workshop: Any, counted: Counted) -> None:
    workshop.write("shop/__init__.py", "")
    workshop.write("shop/a.py", "def f(): return 1\n")
    workshop.write("shop/b.py", "from .a import f\ndef g(): return f()\n")
    workshop.write("both.py", "import shop.b\n")
    for _ in range(2):
        freeze_anew(workshop, "shop")
        importlib.import_module("shop.b")
        assert registry.block_of("shop", "test").current.members["shop.b"].linkage.bound.keys() == {"f", "g"}
        freeze_anew(workshop, "shop.b")
        assert registry.block_of("shop.b", "test").current.members["shop.b"].linkage.bound.keys() == {"g"}
    assert len(counted.forms) == 4


def test_what_does_not_belong_to_the_block_any_more_counts(workshop: Any, counted: Counted) -> None:
    workshop.write("shop/__init__.py", "from .other import f\nfrom . import user\n")
    other = workshop.write("shop/other.py", "def f(): return 1\n")
    workshop.write("shop/user.py", "import shop.other as other\ndef g(): return other.f()\n")
    bf.freeze_block("shop")
    members = registry.block_of("shop", "test").current.members
    assert members["shop.user"].linkage.member_imports
    # From now on it puts another object in its place, and is no member.
    other.write_text(
        "import sys, types\nsys.modules[__name__] = stands = types.ModuleType(__name__)\nstands.f = lambda: 2\n"
    )
    for linked in (2, 0):  # the other one cannot be linked
        found = counted.since(lambda: freeze_anew(workshop, "shop"))
        block = registry.block_of("shop", "test")
        assert sys.modules["shop"].user.g() == 2
        assert "shop.other" not in block.current.members
        assert found <= linked


def test_a_renamed_package_is_linked_under_its_new_name(workshop: Any, counted: Counted) -> None:
    workshop.write("shop/__init__.py", "from .part import foo, where\n")
    workshop.write("shop/part.py", TEXT.format(1) + "def where(): return foo.__module__, foo.__code__.co_filename\n")
    bf.freeze_block("shop")
    forget(workshop)
    shutil.move(workshop.path / "shop", workshop.path / "store")
    workshop._roots.add("store")
    assert counted.since(lambda: bf.freeze_block("store")) == 2
    assert sys.modules["store"].where() == ("store.part", str(workshop.path / "store" / "part.py"))


def test_what_has_been_moved_says_where_it_is_now(workshop: Any, counted: Counted, tmp_path: Path) -> None:
    workshop.write("shop.py", TEXT.format(1))
    bf.freeze_block("shop")
    forget(workshop)
    moved = tmp_path / "elsewhere"
    shutil.move(workshop.path, moved)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(moved)
        assert counted.since(lambda: bf.freeze_block("shop")) == 0
        function = sys.modules["shop"].foo
        assert function.__code__.co_filename == str(moved / "shop.py")
        with pytest.raises(TypeError) as caught:
            function(None)
        assert {entry.frame.code.path for entry in caught.traceback[1:]} == {moved / "shop.py"}
        forget(workshop)
    workshop.path.mkdir()


def test_a_patchable_block_has_code_of_its_own(workshop: Any, counted: Counted) -> None:
    workshop.write("shop.py", TEXT.format(1))
    bf.freeze_block("shop")
    assert counted.since(lambda: freeze_anew(workshop, "shop", history=5)) == 0
    for linked in (1, 0):  # nothing is inlined in it
        assert counted.since(lambda: freeze_anew(workshop, "shop", patchable=True)) == linked
        shop = sys.modules["shop"]
        with bf.patched(shop, bar=lambda a: "patched"):
            assert shop.foo(1) == "patched"
        assert shop.foo(1) == 2
    assert counted.since(lambda: freeze_anew(workshop, "shop")) == 0
    assert sys.modules["shop"].foo(1) == 2


def test_what_is_inlined_counts(workshop: Any, counted: Counted) -> None:
    workshop.write("shop.py", TEXT.format(1))
    for linked in (1, 0):
        for inline in (False, True):
            assert counted.since(lambda inline=inline: freeze_anew(workshop, "shop", inline=inline)) == linked
            assert sys.modules["shop"].foo(1) == 2
            assert bool(registry.block_of("shop", "test").current.members["shop"].linkage.inlined) is inline


def test_a_registration_that_is_made_before_counts(workshop: Any, counted: Counted) -> None:
    text = """
        import blockfreeze as bf
        import told
        @told.register
        @bf.entry
        def foo(a):
            return a + {0}
    """
    workshop.write("told.py", "told = []\ndef register(function):\n    told.append(function)\n    return function\n")
    for _ in range(2):
        path = workshop.write("shop.py", text.format(1))
        shop = freeze_anew(workshop, "shop")
        workshop.write("shop.py", text.format(2))
        bf.swap(shop)
        assert (len(sys.modules["told"].told), sys.modules["told"].told[0](1)) == (1, 3)
        # Without what the decorator was called on before, it is called again.
        path.write_text(path.read_text().replace("@told.register", "@told.register.__call__"))
        bf.swap(shop)
        assert len(sys.modules["told"].told) == 2


def test_a_variable_of_another_version_counts(workshop: Any, counted: Counted) -> None:
    text = """
        import blockfreeze as bf
        total = bf.defvar("total", lambda: 1, version={0}, migrate=lambda was: was * 100)
        def add():
            global total
            total += 1
            return total
    """
    for _ in range(2):
        workshop.write("shop.py", text.format(1))
        shop = freeze_anew(workshop, "shop")
        assert shop.add() == 2
        workshop.write("shop.py", text.format(2))
        bf.swap(shop)
        assert shop.add() == 201
        # The same text once more: its variable has no home of its own now that differs from the generation before.
        bf.swap(shop)
        assert shop.add() == 202
    workshop.write("shop.py", text.format(2))
    shop = freeze_anew(workshop, "shop")
    bf.swap(shop)
    assert shop.add() == 2


def test_what_inspects_its_locals_and_its_callers_does_so_when_it_was_read(workshop: Any, counted: Counted) -> None:
    workshop.write(
        "shop.py",
        """
        import sys
        def bar(): return 1
        def inspects(a):
            bar()
            return sorted(locals()), sys._getframe(1).f_code.co_name
        """,
    )

    def caller(shop: Any) -> Any:
        return shop.inspects(1)

    for linked in (1, 0):
        assert counted.since(lambda: freeze_anew(workshop, "shop")) == linked
        shop = sys.modules["shop"]
        assert caller(shop) == (["a"], "caller")
        bf.swap(shop)
        assert caller(shop) == (["a"], "caller")


def test_bytecode_that_is_not_to_be_written_is_read(
    workshop: Any, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.write("shop.py", TEXT.format(1))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    bf.freeze_block("shop")
    assert not (workshop.path / "__pycache__").exists()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    freeze_anew(workshop, "shop")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert counted.since(lambda: freeze_anew(workshop, "shop")) == 0


def test_a_prefix_says_where_files_lie(
    workshop: Any, counted: Counted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    workshop.write("shop.py", TEXT.format(1))
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "not" / "there yet"))
    bf.freeze_block("shop")
    assert not files(workshop)
    assert len(list((tmp_path / "not").rglob("*.linked"))) == 1
    assert counted.since(lambda: freeze_anew(workshop, "shop")) == 0


def test_a_directory_that_cannot_be_written_to_is_no_error(workshop: Any, counted: Counted) -> None:
    workshop.write("shop.py", TEXT.format(1))
    (workshop.path / "__pycache__").write_text("a file, so that not even root can write there")
    for _ in range(2):
        assert counted.since(lambda: freeze_anew(workshop, "shop")) == 1
        assert sys.modules["shop"].foo(1) == 2
    assert sorted(path.name for path in workshop.path.iterdir()) == ["__pycache__", "shop.py"]


def test_no_directory_is_made_where_there_is_none(tmp_path: Path) -> None:
    absent = tmp_path / "absent" / "part.py"
    file = linked_file(str(absent), "first")
    assert file is not None
    write_linked(file, b"data", str(absent))
    assert not absent.parent.exists()
    assert read_linked(file) is None
    assert linked_file(None, "first") is None
    assert linked_file("<blockfreeze shop generation 2>", "first") is None


def test_without_a_tag_there_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.implementation, "cache_tag", None)
    assert linked_file("/somewhere/part.py", "first") is None


def test_text_is_linked_and_nothing_written(workshop: Any, counted: Counted) -> None:
    shop = workshop.freeze("shop", TEXT.format(1))
    before = files(workshop)
    bf.swap(shop, source=TEXT.format(5))
    assert shop.foo(1) == 6
    assert files(workshop) == before


def test_a_zip_file_is_left_alone(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    place = workshop.path.parent / "lib.zip"
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("zipped_shop.py", TEXT.format(1))
    before = place.read_bytes()
    monkeypatch.syspath_prepend(place)
    try:
        assert bf.freeze_block("zipped_shop").foo(1) == 2
    finally:
        forget(workshop)
        sys.modules.pop("zipped_shop", None)
    assert place.read_bytes() == before
    assert not list(workshop.path.parent.rglob("*.linked"))


class Doubling(importlib.machinery.SourceFileLoader):
    """A loader that makes something else of a source than the compiler would."""

    factor = "2"

    def source_to_code(self, data: Any, path: Any, *name: Any, **options: Any) -> Any:
        return compile(bytes(data).replace(b"a + ", f"a * {self.factor} + ".encode()), path, "exec", dont_inherit=True)


def test_what_a_hook_makes_of_a_source_is_not_stored(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workshop.write("shop.py", TEXT.format(1))

    class Finder:
        @staticmethod
        def find_spec(name: str, *_: Any) -> Any:
            hooked = name == "shop" and Doubling.factor
            return (
                importlib.util.spec_from_file_location(name, path, loader=Doubling(name, str(path))) if hooked else None
            )

    # What was linked without the hook must not serve with it, nor what one hook made when it makes something else.
    assert bf.freeze_block("shop").foo(10) == 11
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    assert freeze_anew(workshop, "shop").foo(10) == 21
    monkeypatch.setattr(Doubling, "factor", "3")
    assert freeze_anew(workshop, "shop").foo(10) == 31
    monkeypatch.setattr(Doubling, "factor", "")
    assert freeze_anew(workshop, "shop").foo(10) == 11


@pytest.mark.parametrize("damage", ["empty", "truncated", "flipped", "foreign", "directory"])
def test_a_damaged_file_is_ignored_and_replaced(workshop: Any, counted: Counted, damage: str) -> None:
    workshop.write("shop.py", TEXT.format(1))
    bf.freeze_block("shop")
    (file,) = files(workshop)
    whole = file.read_bytes()
    match damage:
        case "empty":
            file.write_bytes(b"")
        case "truncated":
            file.write_bytes(whole[: len(whole) // 2])
        case "flipped":
            file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 4]) + whole[-8:])
        case "foreign":
            file.write_bytes(b"\x7fELF" + whole)
        case _:
            file.unlink()
            file.mkdir()
    assert counted.since(lambda: freeze_anew(workshop, "shop")) == 1
    assert sys.modules["shop"].foo(1) == 2
    if damage != "directory":
        assert file.read_bytes() == whole
        assert counted.since(lambda: freeze_anew(workshop, "shop")) == 0
    assert [one.name for one in file.parent.iterdir()] == [file.name]


@pytest.mark.needs_subprocess
def test_optimized_code_is_another_file(workshop: Any) -> None:
    workshop.write("shop.py", "def f():\n    'documented'\n    assert False, 'asserted'\n")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import blockfreeze as bf; shop = bf.freeze_block('shop')\n"
        "try: shop.f()\nexcept AssertionError: print('asserted')\n"
        "print(shop.f.__doc__)"
    )
    expected = {"": "asserted\ndocumented\n", "-O": "documented\n", "-OO": "None\n"}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        for _ in range(2):
            for option, shown in expected.items():
                run = run_python(*filter(None, [option]), "-c", script, str(workshop.path))
                assert run.stdout == shown, run.stderr
    assert len(files(workshop)) == 3


# Several processes at once.


@pytest.fixture
def place(tmp_path: Path) -> Path:
    file = linked_file(str(tmp_path / "part.py"), "first")
    assert file is not None
    return file


@pytest.mark.needs_threads
def test_two_writers_leave_one_whole_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turn = Sequencer()
    replace = Path.replace
    order = {b"first": (1, 4), b"other": (2, 3)}

    def in_turn(self: Path, target: Any) -> Any:
        data = self.read_bytes()
        with turn(order[data][0]):
            pass  # both have written their data by now
        with turn(order[data][1]):
            done = replace(self, target)
            assert place.read_bytes() == data
        return done

    monkeypatch.setattr(Path, "replace", in_turn)
    writers = [ThreadedCall(write_linked, place, data, "part.py") for data in (b"first", b"other")]
    with turn(0):
        pass
    for writer in writers:
        writer.result()
    assert place.read_bytes() == b"first"
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.needs_threads
def test_a_reader_meets_a_whole_file_while_one_is_replaced(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_linked(place, b"old" * 1000, "part.py")
    with place.open("rb") as opened:
        beginning = opened.read(1500)
        write_linked(place, b"new" * 1000, "part.py")
        assert beginning + opened.read() == b"old" * 1000
    seen: list[bytes | None] = []
    replace = Path.replace

    def watched(self: Path, target: Any) -> Any:
        seen.append(read_linked(place))
        done = replace(self, target)
        seen.append(read_linked(place))
        return done

    monkeypatch.setattr(Path, "replace", watched)
    write_linked(place, b"newest", "part.py")
    assert seen == [b"new" * 1000, b"newest"]


@pytest.mark.parametrize("step", ["write", "replace"])
def test_a_writer_that_fails_leaves_what_there_was(place: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_linked(place, b"old", "part.py")

    def fails(*given: Any, **options: Any) -> Any:
        raise OSError(28, "no space left on device")

    class Full(io.FileIO):
        write = fails

    if step == "write":
        monkeypatch.setattr(os, "fdopen", Full)
    else:
        monkeypatch.setattr(Path, "replace", fails)
    write_linked(place, b"new", "part.py")
    assert read_linked(place) == b"old"
    assert list(place.parent.iterdir()) == [place]


def test_a_file_may_be_read_by_whoever_may_read_the_source(tmp_path: Path, place: Path) -> None:
    source = tmp_path / "part.py"
    source.write_text("x = 1\n")
    source.chmod(0o440)
    write_linked(place, b"data", str(source))
    assert place.stat().st_mode & 0o777 == 0o640 & ~_umask()


def _umask() -> int:
    mask = os.umask(0o22)
    os.umask(mask)
    return mask
