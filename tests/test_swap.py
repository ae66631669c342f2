"""Swapping from every kind of source, going back, and what is kept: state, patches, members, the other blocks."""

from __future__ import annotations

import ast
import gc
import importlib
import inspect
import linecache
import os
import pickle
import re
import signal
from textwrap import dedent
from typing import Any

import pytest
from conftest import Workshop
from threads import ThreadedCall, elsewhere

import blockfreeze as bf
from blockfreeze.linking import cpython
from blockfreeze.swapping import arming, clock
from blockfreeze.versions.snapshot import Snapshot

SHOP = """
def frob(a): return [a, {version}]
def bar(x): return ({version}, *x)
def foo(a): return bar(frob(a))
"""


def version(number: int) -> str:
    return SHOP.format(version=number)


def test_a_changed_file_is_read_again_even_if_its_size_and_second_are_the_same(workshop: Workshop) -> None:
    path = workshop.write("shop.py", version(1))
    shop = bf.freeze_block("shop")
    stamp = path.stat()
    path.write_text(version(2))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    bf.swap(shop)
    assert shop.foo(0) == (2, 0, 2)


def test_a_swap_from_text_and_then_from_the_file_again(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", version(1))
    bf.swap(shop, source=version(2))
    assert shop.foo(0) == (2, 0, 2)
    bf.swap(shop)
    assert shop.foo(0) == (1, 0, 1)


def test_a_swap_from_another_file_and_from_a_directory(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", version(1))
    other = workshop.version("elsewhere", {"shop_next.py": version(2), "shop.py": version(3)})
    bf.swap(shop, source=other / "shop_next.py")
    assert shop.foo(0) == (2, 0, 2)
    bf.swap(shop, source=str(other))
    assert shop.foo(0) == (3, 0, 3)


def test_reload_of_a_facade_is_a_swap(workshop: Workshop) -> None:
    path = workshop.write("shop.py", version(1))
    shop = bf.freeze_block("shop")
    foo = shop.foo
    path.write_text(version(2))
    assert importlib.reload(shop) is shop
    assert foo(0) == (2, 0, 2)
    assert bf.status(shop).current == 2


@pytest.mark.parametrize(
    ("source", "phase", "cause"),
    [
        ("def foo(:\n", "link", SyntaxError),
        ("import no_such_module_anywhere\n", "execute", ModuleNotFoundError),
        ("raise SystemExit(3)\n", "execute", SystemExit),
        ("1 / 0\n", "execute", ZeroDivisionError),
        ("/no/such/file.py", "read", FileNotFoundError),
    ],
)
def test_a_version_that_cannot_be_built_leaves_the_current_one_serving(
    workshop: Workshop, source: str, phase: str, cause: type[BaseException]
) -> None:
    shop = workshop.freeze("shop", version(1))
    foo = shop.foo
    with pytest.raises(bf.PrepareError) as caught:
        bf.swap(shop, source=source)
    assert (caught.value.phase, type(caught.value.__cause__)) == (phase, cause)
    assert pickle.loads(pickle.dumps(caught.value)).phase == phase
    assert shop.foo is foo
    assert foo(0) == (1, 0, 1)
    bf.swap(shop, source=version(2))
    assert foo(0) == (2, 0, 2)


def test_a_module_may_become_a_package_and_back(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", version(1))
    package = workshop.version(
        "package", {"shop/__init__.py": "from .parts import foo, frob, bar\n", "shop/parts.py": version(2)}
    )
    bf.swap(shop, source=package)
    assert shop.foo(0) == (2, 0, 2)
    bf.rollback(shop)
    assert shop.foo(0) == (1, 0, 1)


@pytest.mark.parametrize("dots", [".", "..", "..."])
def test_an_import_that_leads_out_of_every_package_may_be_tried(workshop: Workshop, dots: str) -> None:
    tried = f"try: from {dots} import here\nexcept ImportError: here = {{0}}\nclass Kind: ...\ndef foo(): return here\n"
    shop = workshop.freeze("shop", tried.format(1))
    bf.swap(shop, source=tried.format(2))
    assert shop.foo() == 2


def test_each_version_of_a_module_is_parsed_once(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str | bytes] = []
    monkeypatch.setattr(cpython, "parse", lambda text: parsed.append(text) or ast.parse(text))
    text = "import sys\nmodules = sys.modules\nclass Kind: size = {0}\nsentinel = object()\ndef once(): return {0}\n"
    shop = workshop.freeze("shop", text.format(1))
    bf.swap(shop, source=text.format(2))
    assert sorted(one for one in parsed if isinstance(one, bytes)) == [text.format(1).encode(), text.format(2).encode()]
    # Of statements that are written in another way it is found out whether they say something else.
    changed = {one for one in parsed if isinstance(one, str)}
    assert changed == {f"def once(): return {n}" for n in (1, 2)} | {f"class Kind: size = {n}" for n in (1, 2)}


def test_a_removed_entry_says_so_when_it_is_called_and_comes_back(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", version(1))
    bar = shop.bar
    report = bf.swap(shop, source="def foo(a): return 'alone'\n")
    assert report.removed == ("shop.bar", "shop.frob")
    with pytest.raises(bf.EntryRemovedError, match=r"shop\.bar"):
        bar([1])
    assert not hasattr(shop, "bar")
    bf.rollback(shop)
    assert bar([1]) == (1, 1)


def test_strict_refuses_what_callers_rely_on(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", version(1))
    with pytest.raises(bf.IncompatibleBlockError) as caught:
        bf.swap(shop, source="async def foo(a): ...\ndef bar(x, y): ...\n", strict=True)
    assert len(caught.value.problems) == 3
    assert shop.foo(0) == (1, 0, 1)


def test_a_check_sees_the_candidate_and_can_refuse_it(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", version(1))
    seen = []
    with pytest.raises(bf.PrepareError) as caught:
        bf.swap(shop, source=version(2), check=lambda candidate: seen.append(candidate.foo(0)) or False)
    assert (seen, caught.value.phase) == ([(2, 0, 2)], "check")
    assert shop.foo(0) == (1, 0, 1)
    bf.swap(shop, source=version(2), check=lambda candidate: candidate.foo(0))
    assert shop.foo(0) == (2, 0, 2)


def test_a_candidate_is_committed_or_discarded_once(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", version(1))
    candidate = bf.prepare(shop, source=version(2))
    assert (candidate.foo(0), shop.foo(0)) == ((2, 0, 2), (1, 0, 1))
    with pytest.raises(bf.SwapInProgressError):
        bf.swap(shop)
    candidate.discard()
    with pytest.raises(bf.SwapError, match="already"):
        candidate.commit()
    with bf.prepare(shop, source=version(3)) as left:
        assert left.foo(0) == (3, 0, 3)
    assert shop.foo(0) == (1, 0, 1)
    assert bf.prepare(shop, source=version(4)).commit().to_generation == shop_generation(shop)
    assert shop.foo(0) == (4, 0, 4)


def shop_generation(shop: object) -> int:
    return bf.status(shop).current


def test_rollback_reaches_what_history_keeps_and_no_further(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", version(1), history=3)
    for number in (2, 3, 4):
        bf.swap(shop, source=version(number))
    with pytest.raises(bf.NoSuchGenerationError) as caught:
        bf.rollback(shop, to=1)
    assert caught.value.kept == (2, 3)
    assert isinstance(caught.value, LookupError)
    bf.rollback(shop, to=2)
    assert shop.foo(0) == (2, 0, 2)
    with pytest.raises(bf.NoSuchGenerationError):
        bf.rollback(shop)


def test_state_survives_that_is_rebound_with_global_declared_or_made_by_an_unchanged_statement(
    workshop: Workshop,
) -> None:
    source = """
from blockfreeze import defvar
count, seen, kept = 0, {{}}, defvar("kept", dict)
def add(x):
    global count
    count += 1
    seen[x] = kept[x] = {version}
    return count
"""
    shop = workshop.freeze("shop", source.format(version=1))
    kept = shop.kept
    assert (shop.add("a"), shop.add("b")) == (1, 2)
    report = bf.swap(shop, source=source.format(version=2))
    assert shop.add("c") == shop.count == 3
    assert (shop.seen, shop.kept, shop.kept is kept) == ({"a": 1, "b": 1, "c": 2}, {"a": 1, "b": 1, "c": 2}, True)
    assert report.afresh == ()
    assert report.kept_state == ("shop.count",)
    shop.count = 10
    assert shop.add("d") == 11
    bf.rollback(shop)
    assert shop.add("e") == 12


def test_definitions_are_frozen_other_names_are_not_and_patched_reaches_inside(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", "LIMIT = 1\ndef limit(): return LIMIT\n" + version(1))
    for _ in range(2):
        with pytest.raises(bf.FrozenBlockError, match="patched") as caught:
            shop.bar = print
        assert caught.value.name == "bar"
        with pytest.raises(AttributeError):
            del shop.bar
        shop.LIMIT = 2
        assert shop.limit() == 2
        with bf.patched(shop, bar=lambda x: ("fake", *x)):
            assert shop.foo(0)[0] == "fake"
        assert shop.foo(0)[0] != "fake"
        bf.swap(shop, source="LIMIT = 1\ndef limit(): return LIMIT\n" + version(2))


def test_a_name_that_was_set_from_outside_is_reported_when_it_is_lost(workshop: Workshop) -> None:
    source = (
        "import sys\nKEY = None\nLIMIT = 3\nKEPT = bf.defvar('KEPT', int)\ndef put(): sys.modules['conf'].MINE = 1\n"
    )
    conf = workshop.freeze("conf", "import blockfreeze as bf\n" + source)
    conf.KEY, conf.LIMIT, conf.KEPT, conf.added = "key", 3, 4, 5
    conf.put()
    report = bf.swap(conf)
    assert report.overwritten == ("conf.KEY", "conf.added")
    assert "overwritten: conf.KEY; conf.added (set from outside; declare with defvar what is to stay)" in str(report)
    assert (conf.KEY, conf.LIMIT, conf.KEPT, hasattr(conf, "added")) == (None, 3, 4, False)
    assert bf.swap(conf).overwritten == ()


def test_state_that_is_kept_beside_a_table_that_is_not_is_reported(workshop: Workshop) -> None:
    text = dedent(
        """
        loaded, total, table, other = False, 0, {}, []
        def load():
            global loaded, total
            def fill(): table["a"] = 1
            if not loaded:
                loaded, total = True, 1
                fill()
            return table
        def note(): other.append(1)
        """
    )
    lazy = workshop.freeze("lazy", text)
    lazy.load(), lazy.note()
    fresh = {one.name: one for one in bf.swap(lazy, source=text.replace("{}", "dict()")).afresh}
    assert lazy.load() == {}  # it says that it is loaded
    assert fresh["lazy.table"].beside == ("loaded", "total")
    assert "used together with loaded, total, which keep theirs; declare it with defvar" in str(fresh["lazy.table"])
    assert str(fresh["lazy.other"]) == "other: list, 1 items -> 0; declare it with defvar to keep it"


def test_a_patchable_block_can_be_patched_through_the_module(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = workshop.freeze("shop", version(1), patchable=True)
    with monkeypatch.context() as patch:
        patch.setattr(shop, "frob", lambda a: ["fake"])
        assert shop.foo(0) == (1, "fake")
    assert shop.foo(0) == (1, 0, 1)


def test_a_patch_of_a_builtin_is_seen_inside(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = workshop.freeze("shop", "def foo(): return len('abc')\n")
    bf.swap(shop)
    with monkeypatch.context() as patch:
        patch.setattr("builtins.len", lambda text: "patched")
        assert shop.foo() == "patched"
    assert shop.foo() == 3


def test_a_member_first_imported_after_a_swap_is_of_the_version_that_imports_it(workshop: Workshop) -> None:
    files = {
        "shop/__init__.py": "def foo():\n    from .late import bar\n    return {v}, bar()\n",
        "shop/late.py": "def bar(): return {v}\n",
    }
    for file, text in files.items():
        workshop.write(file, text.format(v=1))
    shop = bf.freeze_block("shop")
    new = workshop.version("new", {file: text.format(v=2) for file, text in files.items()})
    for file in files:  # the files of the version that serves are gone when it needs the one that it has not loaded
        (workshop.path / file).write_text("raise SystemError('the wrong version')\n")
    bf.swap(shop, source=new)
    assert shop.foo() == (2, 2)
    bf.rollback(shop)
    assert shop.foo() == (1, 1)


def test_a_member_first_imported_while_a_swap_is_prepared_is_swapped_with_the_others(workshop: Workshop) -> None:
    files = {
        "shop/__init__.py": "def foo(): return {v}\n",
        "shop/late.py": "class Till:\n    def total(self): return {v}, bar()\ndef bar(): return {v}\n"
        "def both(): return {v}, bar()\n",
    }
    for file, text in files.items():
        workshop.write(file, text.format(v=1))
    shop = bf.freeze_block("shop")
    new = workshop.version("new", {file: text.format(v=2) for file, text in files.items()})
    with bf.prepare(shop, source=new) as candidate:
        late = workshop.load("shop.late")
        both, bar, till = late.both, late.bar, late.Till()
        total = till.total
        assert both() == total() == (1, 1)
        candidate.commit()
    for version, then in ((2, bf.drain), (2, bf.rollback), (1, bf.drain)):
        assert [both(), till.total(), total(), late.both(), late.Till().total()] == [(version, version)] * 5
        assert (bar(), late.both is both, late.bar is bar, type(till) is late.Till) == (version, True, True, True)
        then(shop)


def test_swaps_of_different_blocks_run_side_by_side(workshop: Workshop) -> None:
    workshop.write("one.py", version(1))
    workshop.write("two.py", version(1))
    one, two = bf.freeze_block("one"), bf.freeze_block("two")
    with bf.prepare(one, source=version(2)) as candidate:
        bf.swap(two, source=version(2))
        candidate.commit()
    assert one.foo(0) == two.foo(0) == (2, 0, 2)


def test_a_swap_called_from_inside_the_block_leaves_its_caller_in_its_generation(workshop: Workshop) -> None:
    source = (
        version(1)
        + "TABLE = {'bar': bar}\ndef turn(swap):\n    before = frob(0)\n    swap()\n    return TABLE['bar'](before)\n"
    )
    shop = workshop.freeze("shop", source)
    assert shop.turn(lambda: bf.swap(shop, source=source.replace("1", "2"))) == (1, 0, 1)
    assert shop.turn(lambda: None) == (2, 0, 2)


@pytest.mark.needs_threads
def test_a_second_swap_waits_if_it_is_asked_to(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", version(1))
    candidate = bf.prepare(shop, source=version(2))
    second = ThreadedCall(lambda: bf.swap(shop, source=version(3), wait=True))
    with pytest.raises(bf.SwapInProgressError):
        bf.rollback(shop)
    candidate.commit()
    assert second.result().from_generation == 2
    assert shop.foo(0) == (3, 0, 3)


@pytest.mark.needs_fork
def test_a_child_process_can_swap_while_the_parent_was_swapping(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", version(1))
    bf.swap(shop, source=version(2))
    child = os.fork()
    if child == 0:  # pragma: no cover - the child's coverage is not collected
        try:
            bf.swap(shop, source=version(3))
            os._exit(0 if shop.foo(0) == (3, 0, 3) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert shop.foo(0) == (2, 0, 2)


def test_a_signal_handler_in_a_block_is_current(workshop: Workshop) -> None:
    source = "got = []\ndef handler(number, frame): got.append({version})\n"
    shop = workshop.freeze("shop", source.format(version=1))
    before = signal.signal(signal.SIGINT, shop.handler)
    try:
        bf.swap(shop, source=source.format(version=2))
        signal.raise_signal(signal.SIGINT)
        assert shop.got == [2]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_namespace_package_inside_a_package_belongs_to_the_block(workshop: Workshop) -> None:
    files = {
        "outer/__init__.py": "from .plain.app import App\nfrom . import other\n",
        "outer/plain/app.py": "from .. import other\nclass App:\n    def show(self): return 'v1', other.show()\n",
        "outer/other.py": "def show():\n    import outer.plain.late as late\n    return late.value\n",
        "outer/plain/late.py": "value = 'v1'\n",
    }
    for file, text in files.items():
        workshop.write(file, text)
    outer = bf.freeze_block("outer")
    app = outer.App()
    assert app.show() == ("v1", "v1")
    bf.swap(outer)
    assert app.show() == ("v1", "v1")
    new = {name: text.replace("v1", "v2") for name, text in files.items()}
    bf.swap(outer, source=workshop.version("next", new))
    assert (app.show(), outer.plain.app.App is type(app)) == (("v2", "v2"), True)
    bf.rollback(outer)
    assert app.show() == ("v1", "v1")


def test_a_function_that_an_older_version_has_put_outside_is_not_taken_for_one_of_the_new(workshop: Workshop) -> None:
    workshop.write("other.py", "def can(): return True\n")
    source = """
        import other
        from other import can
        def run(inside):
            saved, other.can = other.can, lambda: 'replaced'
            try:
                return inside()
            finally:
                other.can = saved
        """
    workshop.write("shop.py", source)
    shop, other = bf.freeze_block("shop"), workshop.load("other")

    def inside() -> list[object]:
        found = []
        for _ in range(3):
            bf.swap(shop)  # the body imports what the call in flight has put there
            found.append(other.can())
        return found

    assert shop.run(inside) == ["replaced"] * 3
    assert other.can() is True


def test_lines_of_versions_that_were_given_as_text_are_kept_as_long_as_the_versions(workshop: Workshop) -> None:
    shop = workshop.freeze("kept_lines", version(1))  # no other test's name: its versions may be held a little longer
    for number in range(2, 12):
        bf.swap(shop, source=version(number))
    gc.collect()
    assert inspect.getsource(shop.foo) in version(11)
    kept = [name for name in linecache.cache if name.startswith("<blockfreeze kept_lines generation")]
    assert kept == [f"<blockfreeze kept_lines generation {number}>" for number in (10, 11)]


def test_lines_that_go_with_a_version_are_not_those_of_a_namesake() -> None:
    before = Snapshot(("namesake",)).given(version(2), 2)
    after = Snapshot(("namesake",)).given(version(3), 2)  # of another block, under the same file name
    del before
    gc.collect()
    assert "".join(linecache.getlines(after.modules["namesake"].path or "")) == version(3)
    del after
    gc.collect()
    assert "<blockfreeze namesake generation 2>" not in linecache.cache


def test_a_syntax_tree_that_another_thread_has_disturbed_is_built_again(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = workshop.freeze("disturbed", "class Kept:\n    def version(self): return 1\n")
    parse, calls = ast.parse, []

    def disturbed(*args: Any, **kwargs: Any) -> ast.Module:
        calls.append(args)
        if len(calls) % 3:
            raise SystemError("AST constructor recursion depth mismatch")
        return parse(*args, **kwargs)

    monkeypatch.setattr(ast, "parse", disturbed)
    bf.swap(module, source="class Kept:\n    def version(self): return 'another one'\n")
    assert module.Kept().version() == "another one"
    assert len(calls) >= 3


@pytest.mark.needs_threads
def test_a_member_may_be_imported_while_a_swap_looks_through_the_members(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.write("growing/__init__.py", "def version(): return 1\n")
    workshop.write("growing/first.py", "")
    workshop.write("growing/later.py", "def found(): return 2\n")
    module = bf.freeze_block("growing")
    importlib.import_module("growing.first")
    arm = arming.arm_facade

    def meanwhile(facade: Any) -> None:
        elsewhere(importlib.import_module, "growing.later")
        arm(facade)

    monkeypatch.setattr(arming, "arm_facade", meanwhile)
    bf.swap(module)
    assert module.later.found() == 2
    bf.swap(module, source={"growing.later": "def found(): return 3\n"})
    assert module.later.found() == 3


@pytest.mark.parametrize(
    ("files", "phase", "member"),
    [
        ({"faulty/deep.py": "x = 1 / 0\n"}, "execute", "faulty.deep"),
        ({"faulty/__init__.py": "x = 1 / 0\n"}, "execute", "faulty"),
        ({"faulty/view.py": "from .deep import f\nf(0)\n"}, "execute", "faulty.view"),
        ({"faulty/deep.py": "from . import more\n", "faulty/more.py": "raise LookupError\n"}, "execute", "faulty.more"),
    ],
)
def test_the_member_whose_body_failed_is_named_however_it_was_imported(
    workshop: Any, files: dict[str, str], phase: str, member: str
) -> None:
    whole = {
        "faulty/__init__.py": "",
        "faulty/deep.py": "def f(n): return 1 / n\n",
        "faulty/view.py": "from . import deep\n",
    }
    for file, source in whole.items():
        workshop.write(file, source)
    faulty = bf.freeze_block("faulty")
    workshop.load("faulty.view")
    with pytest.raises(bf.PrepareError) as caught:
        bf.swap(faulty, source=workshop.version("next", whole | files))
    assert (caught.value.phase, caught.value.member) == (phase, member)
    assert str(caught.value).startswith(f"{member}: ")


def test_the_phases_cover_the_whole_time(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = workshop.freeze("shop", version(1))
    now = [0.0]
    calls = 0

    def tick() -> float:
        nonlocal calls
        calls += 1
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr(clock.time, "perf_counter", tick)
    report = bf.swap(shop, source=version(2))
    monkeypatch.undo()
    names = ["drain", "read", "link", "arm", "execute", "compare", "convert", "commit", "repoint"]
    assert list(report.phases) == names
    # Each clock that is started looks at the time once; from there on, every tick is part of a phase.
    assert sum(report.phases.values()) == calls - 3


BREAKS = {
    "in a body": ("a = 1\nb = a / 0\n", "division by zero at {}:2"),
    "in a function that the body calls": ("def half(a):\n    return a / 0\nhalf(1)\n", "division by zero at {}:2"),
    "in code outside that it calls": ("import json\njson.loads('no')\n", "char 0) at {}:2"),
    "an import": ("\n\nimport nothing_of_that_name\n", "No module named 'nothing_of_that_name' at {}:3"),
    "an assertion without a text": ("assert not __name__\n", "assert not __name__ at {}:1"),
    "a syntax error": ("a = (\n", "({}, line 1)"),
}


@pytest.mark.parametrize("where", BREAKS)
def test_a_refusal_says_where_the_new_version_failed(workshop: Workshop, where: str) -> None:
    text, said = BREAKS[where]
    workshop.write("pack/__init__.py", "from . import parts\n")
    workshop.write("pack/parts.py", "V = 1\n")
    block = bf.freeze_block("pack")
    file = workshop.write("pack/parts.py", text)
    place = file.name if where == "a syntax error" else str(file)
    with pytest.raises(bf.PrepareError, match=re.escape(said.format(place))) as caught:
        bf.swap(block)
    assert str(caught.value).startswith("pack.parts: ")
