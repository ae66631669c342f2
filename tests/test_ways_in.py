"""The ways in: how modules become blocks, and what cannot become one, with nothing changed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from conftest import Workshop
from processes import run_python

import blockfreeze as bf
from blockfreeze.linking import cpython

SHOP = """
def frob(a): return [a, {version}]
def bar(x): return ({version}, *x)
def foo(a): return bar(frob(a))
"""

BODY_RUNS = """
import counting
counting.runs.append(__name__)
"""


def version(number: int) -> str:
    return SHOP.format(version=number)


@pytest.fixture
def counting(workshop: Workshop) -> ModuleType:
    """A module outside of every block that counts how often bodies run."""
    workshop.write("counting.py", "runs = []\n")
    return workshop.load("counting")


def test_freezing_by_name_runs_the_body_once_and_returns_the_module(workshop: Workshop, counting: ModuleType) -> None:
    shop = workshop.freeze("shop", BODY_RUNS + version(1))
    assert shop is sys.modules["shop"]
    assert shop.foo(0) == (1, 0, 1)
    assert counting.runs == ["shop"]


def test_freezing_a_module_that_is_imported_keeps_what_others_took(workshop: Workshop, counting: ModuleType) -> None:
    workshop.write("shop.py", BODY_RUNS + version(1) + "class Order:\n    def total(self): return foo(1)\n")
    shop = workshop.load("shop")
    foo, order, kind = shop.foo, shop.Order(), shop.Order
    bound = order.total
    assert bf.freeze_block(shop) is shop
    assert counting.runs == ["shop", "shop"]
    assert shop.foo is foo
    assert shop.Order is kind
    bf.swap(shop, source=version(2) + "class Order:\n    def total(self): return foo(1)\n")
    assert foo(0) == (2, 0, 2)
    assert order.total() == bound() == (2, 1, 2)
    assert isinstance(order, shop.Order)


def test_a_late_freeze_that_cannot_run_the_body_again_changes_nothing(workshop: Workshop, counting: ModuleType) -> None:
    workshop.write("shop.py", BODY_RUNS + "if len(counting.runs) > 1: raise ValueError('once')\n" + version(1))
    shop = workshop.load("shop")
    before, foo, kind = dict(vars(shop)), shop.foo, type(shop)
    code = foo.__code__
    with pytest.raises(bf.FreezeError, match="once") as caught:
        bf.freeze_block(shop)
    assert isinstance(caught.value.__cause__, ValueError)
    assert vars(shop) == before
    assert shop.foo is foo
    assert foo.__code__ is code or foo.__code__ == code
    assert type(shop) is kind
    assert shop.foo(0) == (1, 0, 1)


def test_freezing_twice_is_harmless(workshop: Workshop, counting: ModuleType) -> None:
    shop = workshop.freeze("shop", BODY_RUNS + version(1))
    assert bf.freeze_block("shop") is shop
    assert bf.freeze_block(shop) is shop
    assert counting.runs == ["shop"]


def test_several_names_make_one_block_that_swaps_as_one(workshop: Workshop) -> None:
    workshop.write("front.py", "import back\nfrom back import bar\ndef foo(): return 1, bar(), back.bar()\n")
    workshop.write("back.py", "def bar(): return 1\n")
    front = bf.freeze_block("front", "back")
    assert bf.status("back") == bf.status(front)
    new = workshop.version(
        "new",
        {
            "front.py": "import back\nfrom back import bar\ndef foo(): return 2, bar(), back.bar()\n",
            "back.py": "def bar(): return 2\n",
        },
    )
    bf.swap("back", source=new)
    assert front.foo() == (2, 2, 2)


def test_install_makes_blocks_of_modules_as_they_are_imported(workshop: Workshop) -> None:
    workshop.write("billing_a/__init__.py", "from .parts import bar\n")
    workshop.write("billing_a/parts.py", "def bar(): return 1\n")
    workshop.write("plain_b.py", version(1))
    bf.install("billing_*")
    package, plain = workshop.load("billing_a"), workshop.load("plain_b")
    assert bf.status(package).members == ("billing_a", "billing_a.parts")
    with pytest.raises(bf.BlockfreezeError, match="not a block"):
        bf.status(plain)


@pytest.mark.parametrize("way", ["@bf.freeze_block\n", "bf.freeze_block(__name__)\n"], ids=["decorator", "call"])
def test_a_module_can_freeze_itself(workshop: Workshop, way: str) -> None:
    workshop.write("shop.py", "import blockfreeze as bf\n" + way + version(1).lstrip())
    shop = workshop.load("shop")
    assert bf.status(shop).current == 1
    bf.swap(shop, source="import blockfreeze as bf\n" + way + version(2).lstrip())
    assert shop.foo(0) == (2, 0, 2)


def test_a_module_that_freezes_itself_and_is_frozen_by_name_runs_once(workshop: Workshop, counting: ModuleType) -> None:
    workshop.write("shop.py", BODY_RUNS + "import blockfreeze as bf\nbf.freeze_block(__name__)\n" + version(1))
    bf.freeze_block("shop")
    assert counting.runs == ["shop"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sys", "built-in"),
        ("no_such_module_anywhere", "no such module"),
        ("json.no_such_module_anywhere", "no such module"),
        ("__main__", "script"),
        ("blockfreeze", "does the freezing"),
        ("", "empty"),
    ],
)
def test_what_cannot_be_a_block_is_refused_and_sys_modules_stays(name: str, reason: str) -> None:
    importlib.import_module("json")
    before = dict(sys.modules)
    with pytest.raises(bf.FreezeError, match=reason):
        bf.freeze_block(name)
    assert dict(sys.modules) == before


def test_a_namespace_package_is_refused(workshop: Workshop) -> None:
    workshop.write("spread/part.py", "")
    with pytest.raises(bf.FreezeError, match="namespace package"):
        bf.freeze_block("spread")
    assert "spread" not in sys.modules


def test_a_package_whose_member_raises_leaves_no_member_behind(workshop: Workshop) -> None:
    workshop.write("shop/__init__.py", "from . import good, bad\n")
    workshop.write("shop/good.py", "")
    workshop.write("shop/bad.py", "raise RuntimeError('boom')\n")
    with pytest.raises(bf.FreezeError, match="boom") as caught:
        bf.freeze_block("shop")
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert not [name for name in sys.modules if name.partition(".")[0] == "shop"]
    workshop.write("shop/bad.py", "\n# mended\n")
    assert bf.freeze_block("shop").good


def test_a_block_inside_a_package_cannot_be_swallowed_by_the_package(workshop: Workshop) -> None:
    workshop.write("shop/__init__.py", "")
    workshop.write("shop/part.py", version(1))
    bf.freeze_block("shop.part")
    with pytest.raises(bf.FreezeError, match="a block of its own"):
        bf.freeze_block("shop")


def test_a_swap_during_the_first_import_is_refused(workshop: Workshop) -> None:
    shop = workshop.freeze(
        "shop",
        version(1)
        + """
import blockfreeze as bf
try: bf.swap(__name__)
except bf.SwapInProgressError as error: refused = str(error)
""",
    )
    assert "first time" in shop.refused


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("swapped_first", [False, True])
def test_a_member_that_puts_another_object_in_its_place_is_left_to_the_import_system(
    workshop: Workshop, swapped_first: bool, late: bool
) -> None:
    workshop.write(
        "lazy/__init__.py",
        """
        def use():
            from lazy.parts import get, made
            from lazy.parts.inner import twice
            import lazy.parts
            return get(), made, lazy.parts.made, twice(get)
        """,
    )
    workshop.write(
        "lazy/parts/__init__.py",
        """
        import sys
        from types import ModuleType
        from lazy import use
        def get(): return "got"
        class Parts(ModuleType):
            def __getattr__(self, name):
                if name == "made":
                    return "made when asked for"
                raise AttributeError(name)
        parts = Parts(__name__)
        parts.__dict__.update(sys.modules[__name__].__dict__)
        sys.modules[__name__] = parts
        """,
    )
    workshop.write("lazy/parts/inner.py", "def twice(call): return call() * 2\n")
    if late:
        workshop.load("lazy")
    frozen = bf.freeze_block("lazy")
    answer = ("got", "made when asked for", "made when asked for", "gotgot")
    if not swapped_first:
        assert frozen.use() == answer
    for _ in range(2):
        bf.swap(frozen)
        assert frozen.use() == answer
    parts = workshop.load("lazy.parts")
    assert (parts.get(), parts.made, parts.use) == ("got", "made when asked for", frozen.use)
    bf.rollback(frozen)
    assert frozen.use() == answer
    assert sorted(bf.status(frozen).members) == ["lazy", "lazy.parts.inner"]


@pytest.mark.parametrize("unknown", ["version", "implementation"])
def test_nothing_is_frozen_where_the_bytecode_is_not_known(
    workshop: Workshop, unknown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.write("unknown/__init__.py", "")
    workshop.write("unknown/shop.py", BODY_RUNS + version(1))
    workshop.write("counting.py", "runs = []\n")
    workshop.write("inside.py", "import blockfreeze as bf\nbf.freeze_block(__name__)\n")
    workshop.write("decorated.py", "import blockfreeze as bf\n@bf.freeze_block\ndef f(): return 1\n")
    with monkeypatch.context() as patch:
        if unknown == "version":
            patch.setattr(cpython, "FIRST_UNKNOWN", sys.version_info[:2])
        else:
            patch.setattr(sys.implementation, "name", "another")
        before, finders = set(sys.modules), list(sys.meta_path)
        for attempt in (
            lambda: bf.freeze_block("unknown.shop"),
            lambda: bf.freeze_block(sys),
            lambda: bf.install("unknown"),
            lambda: workshop.load("inside"),
            lambda: workshop.load("decorated"),
        ):
            with pytest.raises(bf.FreezeError, match="is not known") as caught:
                attempt()
            assert f"{sys.version_info[0]}.{sys.version_info[1]}" in caught.value.reason
        assert (set(sys.modules), sys.meta_path) == (before, finders)
        shop = workshop.load("unknown.shop")
        assert type(shop) is ModuleType
    assert bf.freeze_block(shop) is shop


SUB_INTERPRETER = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
inside = f'''
import sys
sys.path[:] = {sys.path!r}
import blockfreeze as bf
for attempt in (lambda: bf.freeze_block("shop"), lambda: bf.install("shop")):
    try:
        attempt()
    except bf.FreezeError as error:
        print(error.module, "sub-interpreter" in str(error), "shop" in sys.modules)
import shop
print(shop.foo())
sys.stdout.flush()
'''
isolated = interpreters.create()
run = getattr(interpreters, "run_string", None) or interpreters.exec
failed = run(isolated, inside)
assert failed is None, failed
interpreters.destroy(isolated)
import blockfreeze as bf
print(bf.freeze_block("shop").foo())
"""


@pytest.mark.needs_subprocess
@pytest.mark.skipif(sys.version_info < (3, 12), reason="interpreters have one lock")
def test_nothing_is_frozen_in_a_sub_interpreter(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("def foo(): return 7\n", encoding="utf-8")
    script = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n" + SUB_INTERPRETER
    ended = run_python("-c", script)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.split() == ["shop", "True", "False", "shop", "True", "False", "7", "7"]
