"""The release pointer: what is pointed at comes up, a swap by release is read whole or refused, labels and hashes."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from conftest import Workshop
from hypothesis import given
from hypothesis import strategies as st
from processes import run_python

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.releases import version
from blockfreeze.releases.pointer import point, pointed

KINDS = ("link", "file")


@pytest.fixture(autouse=True)
def _no_pattern_outlives_its_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_patterns", {})
    monkeypatch.setattr(registry, "_pointers", {})


@pytest.fixture
def releases(workshop: Workshop) -> Path:
    """Three releases of the package `shop`, and a pointer of no kind yet."""
    for number in (1, 2, 3):
        workshop.version(
            f"srv/r{number}",
            {
                "shop/__init__.py": "from .parts import frob, bar\ndef foo(a): return bar(frob(a))\n",
                "shop/parts.py": f"def frob(a): return (a,) * {number}\ndef bar(them): return len(them), {number}\n",
            },
        )
    return workshop.path.parent / "srv"


def make(kind: str, pointer: Path, release: str) -> None:
    if kind == "link":
        pointer.symlink_to(release)
    else:
        pointer.write_text(release + "\n", encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_comes_up_in_the_pointed_release(releases: Path, kind: str) -> None:
    make(kind, releases / "current", "r2")
    shop = bf.freeze_block("shop", release=releases / "current")
    assert shop.foo(1) == (2, 2)
    status = bf.status(shop)
    assert status.pointer == str(releases / "current")
    assert (status.generations[0].release, status.generations[0].label) == (str(releases / "r2"), "r2")
    assert shop.__file__ == str(releases / "r2" / "shop" / "__init__.py")


@pytest.mark.parametrize("kind", KINDS)
def test_a_swap_without_a_source_follows_the_pointer(releases: Path, kind: str) -> None:
    make(kind, releases / "current", "r1")
    shop = bf.freeze_block("shop", release=releases / "current")
    assert bf.swap(shop).label == "r1"
    bf.point(releases / "current", releases / "r3")
    report = bf.swap(shop)
    assert (report.label, report.release, shop.foo(1)) == ("r3", str(releases / "r3"), (3, 3))


def test_a_release_and_its_label_are_told_by_report_status_and_events(releases: Path) -> None:
    shop = bf.freeze_block("shop", release=releases / "r1")
    told: list[bf.Event] = []
    unsubscribe = bf.subscribe(told.append)
    report = bf.swap(shop, release=releases / "r2", label="the second")
    bf.rollback(shop)
    unsubscribe()
    assert (report.label, report.release) == ("the second", str(releases / "r2"))
    assert [str(one) for one in told if isinstance(one, bf.Prepared | bf.Committed | bf.RolledBack)] == [
        "shop: generation 2 (the second) is prepared, 1 serves",
        "shop: generation 2 (the second) serves, after 1",
        "shop: generation 1 (r1) serves again, after 2",
    ]
    assert [one.label for one in bf.status(shop).generations] == ["r1", "the second"]
    assert "1 -> 2 (the second) in" in str(report)


def test_a_version_given_as_a_source_has_a_label_too(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", "def foo(): return 1\n")
    assert bf.swap(shop, source="def foo(): return 2\n", label="r42").label == "r42"
    assert bf.status(shop).generations[-1].label == "r42"
    assert bf.status(shop).generations[-1].release == ""


def test_only_the_expected_hash_is_accepted(releases: Path) -> None:
    shop = bf.freeze_block("shop", release=releases / "r1")
    second = bf.swap(shop, release=releases / "r2").source_hash
    bf.rollback(shop)
    with pytest.raises(bf.PrepareError, match=f"the hash of the sources is {second}, not") as refused:
        bf.swap(shop, release=releases / "r2", expect_hash="0" * 64)
    assert refused.value.phase == "read"
    assert shop.foo(1) == (1, 1)
    assert bf.swap(shop, release=releases / "r2", expect_hash=second.upper()).source_hash == second
    assert bf.status(shop).generations[-1].source_hash == second


def test_the_hash_is_that_of_the_version_whatever_is_loaded(workshop: Workshop) -> None:
    files = {"shop/__init__.py": "def foo(): return 1\n", "shop/late.py": "x = 1\n"}
    place = workshop.version("r1", files)
    shop = bf.freeze_block("shop", release=place)
    before = bf.status(shop).generations[0].source_hash
    workshop.load("shop.late")
    assert bf.status(shop).generations[0].source_hash == before
    changed = workshop.version("r2", files | {"shop/late.py": "x = 2\n"})
    assert bf.swap(shop, release=changed).source_hash != before


def test_a_source_and_a_release_are_one_too_many(releases: Path) -> None:
    shop = bf.freeze_block("shop", release=releases / "r1")
    with pytest.raises(bf.BlockfreezeError, match="names a source and a release; give one of them"):
        bf.swap(shop, release=releases / "r2", source=releases / "r2")


@pytest.mark.parametrize("what", ["nothing", "dangling", "two lines", "empty", "another module"])
def test_a_pointer_that_leads_to_no_release_changes_nothing(releases: Path, what: str) -> None:
    pointer = releases / "current"
    if what == "dangling":
        pointer.symlink_to("r9")
    elif what == "two lines":
        pointer.write_text("r1\nr2\n", encoding="utf-8")
    elif what == "empty":
        pointer.write_text("", encoding="utf-8")
    elif what == "another module":
        (releases / "r9").mkdir()
        pointer.symlink_to("r9")
    with pytest.raises(bf.FreezeError, match="let the pointer lead to a release that has it"):
        bf.freeze_block("shop", release=pointer)
    assert "shop" not in sys.modules
    shop = bf.freeze_block("shop", release=releases / "r1")
    with pytest.raises(bf.PrepareError) as refused:
        bf.swap(shop, release=pointer)
    assert (refused.value.phase, shop.foo(1)) == ("read", (1, 1))


def test_patterns_come_from_the_pointed_release(releases: Path) -> None:
    make("link", releases / "current", "r2")
    bf.install("shop", release=releases / "current")
    import shop  # type: ignore[import-not-found]

    assert (shop.foo(1), bf.status(shop).pointer) == ((2, 2), str(releases / "current"))


def test_what_the_release_does_not_have_cannot_be_imported(releases: Path) -> None:
    (releases / "empty").mkdir()
    bf.install("shop.absent_one", "absent_shop", release=releases / "empty")
    with pytest.raises(ImportError, match=r"the release at .* was not read"):
        __import__("absent_shop")


def test_a_late_freeze_brings_the_pointed_release(workshop: Workshop, releases: Path) -> None:
    workshop.write("shop.py", "def foo(a): return 'from the path'\n")
    held = workshop.load("shop").foo
    shop = bf.freeze_block("shop", release=releases / "r3")
    assert (shop.foo(1), held(1)) == ((3, 3), (3, 3))
    with pytest.raises(bf.NoSuchGenerationError):
        bf.rollback(shop)


@pytest.mark.parametrize("way", ["freeze_block", "install"])
def test_a_pointer_that_moves_while_the_block_is_imported_is_followed(workshop: Workshop, way: str) -> None:
    pointer = workshop.path.parent / "current"
    second = workshop.version("r2", {"shop.py": "def foo(): return 2\n"})
    move = f"import blockfreeze\nblockfreeze.point({str(pointer)!r}, {str(second)!r})\ndef foo(): return 1\n"
    pointer.symlink_to(workshop.version("r1", {"shop.py": move}))
    if way == "install":
        bf.install("shop", release=pointer)
        shop = workshop.load("shop")
    else:
        shop = bf.freeze_block("shop", release=pointer)
    assert (shop.foo(), bf.status(shop).generations[-1].label) == (2, "r2")


def test_a_pointer_that_moves_on_to_what_cannot_be_built_is_told(workshop: Workshop) -> None:
    pointer = workshop.path.parent / "current"
    second = workshop.version("r2", {"shop.py": "1 / 0\n"})
    move = f"import blockfreeze\nblockfreeze.point({str(pointer)!r}, {str(second)!r})\ndef foo(): return 1\n"
    pointer.symlink_to(workshop.version("r1", {"shop.py": move}))
    with pytest.raises(bf.FreezeError, match="is frozen, but the pointer has moved, and its release was refused"):
        bf.freeze_block("shop", release=pointer)


@pytest.mark.parametrize("change", ["content", "added", "removed"])
def test_a_release_that_changes_while_it_is_read_is_refused(
    releases: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = bf.freeze_block("shop", release=releases / "r1")
    wait = version._wait_for_rest

    def deploy_goes_on(snapshot: version.Snapshot) -> None:
        place = releases / "r2" / "shop"
        if change == "content":
            (place / "parts.py").write_text("def frob(a): return a\ndef bar(a): return a\n", encoding="utf-8")
        elif change == "added":
            (place / "more.py").write_text("", encoding="utf-8")
        else:
            (place / "parts.py").unlink()
        wait(snapshot)

    monkeypatch.setattr(version, "_wait_for_rest", deploy_goes_on)
    with pytest.raises(bf.PrepareError, match="changed while it was read") as refused:
        bf.swap(shop, release=releases / "r2")
    assert (refused.value.phase, shop.foo(1)) == ("read", (1, 1))


def test_files_from_the_future_are_no_reason_to_wait(releases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: float) -> None:
        raise AssertionError("waited")

    for file in (releases / "r2" / "shop").iterdir():
        os.utime(file, (4e9, 4e9))
    monkeypatch.setattr(version.time, "sleep", refuse)
    shop = bf.freeze_block("shop", release=releases / "r2")
    assert shop.foo(1) == (2, 2)


@pytest.mark.needs_threads
@pytest.mark.parametrize("kind", KINDS)
def test_a_pointer_is_replaced_and_never_missing(releases: Path, kind: str) -> None:
    pointer = releases / "current"
    make(kind, pointer, "r1")
    ended, seen = threading.Event(), set()

    def look() -> None:
        while not ended.is_set():
            seen.add(pointed(pointer).name)

    reader = threading.Thread(target=look)
    reader.start()
    for turn in range(60):
        point(pointer, releases / f"r{turn % 3 + 1}")
    ended.set()
    reader.join()
    assert seen <= {"r1", "r2", "r3"}
    assert seen
    assert pointer.is_symlink() == (kind == "link")
    assert sorted(path.name for path in releases.iterdir()) == ["current", "r1", "r2", "r3"]


def test_a_pointer_is_relative_so_that_the_whole_directory_can_be_moved(releases: Path, tmp_path: Path) -> None:
    point(releases / "current", releases / "r2")
    moved = releases.rename(tmp_path / "moved")
    assert pointed(moved / "current") == moved / "r2"
    point(tmp_path / "outside", moved / "current")
    assert pointed(tmp_path / "outside") == moved / "r2"


@pytest.mark.parametrize("place", ["directory", "file.py", "missing directory"])
def test_only_a_pointer_is_replaced(releases: Path, place: str) -> None:
    where = releases / place if place == "directory" else releases / place / "current" if "missing" in place else None
    if place == "directory":
        (releases / place).mkdir()
    elif where is None:
        where = releases / place
        where.write_text("x = 1\n", encoding="utf-8")
    with pytest.raises((ValueError, OSError)):
        point(where, releases / "r1")
    assert not [path for path in releases.iterdir() if path.name.startswith(".")]


@given(st.binary(max_size=200))
def test_whatever_is_in_a_pointer_file_it_is_a_release_or_refused(content: bytes) -> None:
    place = Path(tempfile.gettempdir()) / f"blockfreeze-pointer-{os.getpid()}"
    place.write_bytes(content)
    try:
        assert pointed(place).exists()
    except (OSError, ValueError):
        pass
    finally:
        place.unlink()


@pytest.mark.needs_subprocess
def test_a_spawned_process_comes_up_in_the_pointed_release(releases: Path) -> None:
    make("link", releases / "current", "r1")
    script = releases / "program.py"
    script.write_text(
        "import multiprocessing, blockfreeze as bf\n"
        f"POINTER = {str(releases / 'current')!r}\n"
        "shop = bf.freeze_block('shop', release=POINTER)\n"
        "def ask(_): return shop.foo(1)\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    first = context.Pool(1).map(ask, [1])\n"
        f"    bf.swap(shop, release={str(releases / 'r2')!r})\n"
        f"    bf.point(POINTER, {str(releases / 'r2')!r})\n"
        "    print(first, shop.foo(1), context.Pool(1).map(ask, [1]))\n",
        encoding="utf-8",
    )
    ran = run_python(str(script))
    assert ran.stdout == "[(1, 1)] (2, 2) [(2, 2)]\n", ran.stderr
