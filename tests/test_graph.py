"""`blockfreeze graph`: what it draws is what the linker does, whatever the names are, and nothing is run for it."""

from __future__ import annotations

import importlib
import json
import pickle
import py_compile
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any
from xml.etree import ElementTree

import pytest
from conftest import Workshop
from hypothesis import example, given, settings
from hypothesis import strategies as st

import blockfreeze as bf
from blockfreeze.cli import command_line as cli
from blockfreeze.linking.analysis import analyse, nested_codes
from blockfreeze.linking.linker import link
from blockfreeze.pictures.parts import Change, Definition, Link, LinkKind, lines_of, shown

SHOP = {
    "shop/__init__.py": """
        from blockfreeze import entry
        from .cart import total as sum_up
        from . import rates
        from .models import *

        @entry
        def serve(request):
            return sum_up(request) + rates.tax(request)

        def _later(request):
            from . import late
            from .models import Item as Made
            return late.go(), Made

        TABLE = {"later": _later}
    """,
    "shop/cart.py": """
        from functools import lru_cache
        from .models import Item

        __all__ = ["total", "Cart"]
        RATE = 1

        def total(items):
            return sum(Item(one).price * RATE for one in items) + helper()

        def helper():
            return dict(locals(), x=total)

        def rebind():
            global helper
            helper = None

        @lru_cache
        def cached():
            return rebind

        counting = lambda: total(())

        class Cart:
            kind = Item
            def add(self):
                return counting() + Cart.kind
            def seen(self):
                return vars(), counting()
    """,
    "shop/late.py": """
        import shop.cart as basket
        import shop.rates
        import json

        def go():
            return basket.total(()), shop.rates.tax(1), json.dumps(1)
    """,
    "shop/models.py": "class Base: pass\nclass Item(Base): pass\n",
    "shop/rates.py": "def tax(x): return x\nraise RuntimeError('a graph runs nothing')\n",
}


def written(workshop: Workshop, files: dict[str, str]) -> None:
    for file, text in files.items():
        workshop.write(file, dedent(text))


def links(graph: bf.Graph) -> set[tuple[str, str, str]]:
    return {(one.caller, one.callee, str(one.kind)) for one in graph.links}


def test_the_links_of_a_package_are_those_of_its_text(workshop: Workshop) -> None:
    written(workshop, SHOP)
    graph = bf.graph("shop")
    assert not {name for name in sys.modules if name.startswith("shop")}
    assert links(graph) == {
        ("shop", "shop._later", "at import"),
        ("shop._later", "shop.late.go", "by name"),
        ("shop._later", "shop.models.Item", "by name"),
        ("shop.serve", "shop.cart.total", "bound"),
        ("shop.serve", "shop.rates.tax", "by name"),
        ("shop.cart.Cart", "shop.cart.counting", "bound"),
        ("shop.cart.Cart", "shop.cart.counting", "by name"),
        ("shop.cart.Cart", "shop.models.Item", "at import"),
        ("shop.cart.cached", "shop.cart.rebind", "as a value"),
        ("shop.cart.counting", "shop.cart.total", "bound"),
        ("shop.cart.helper", "shop.cart.total", "as a value"),
        ("shop.cart.total", "shop.cart.helper", "by name"),
        ("shop.cart.total", "shop.models.Item", "bound"),
        ("shop.late.go", "shop.cart.total", "by name"),
        ("shop.late.go", "shop.rates.tax", "by name"),
        ("shop.models.Item", "shop.models.Base", "at import"),
    }


def test_entries_and_reasons_are_told(workshop: Workshop) -> None:
    written(workshop, SHOP)
    found = {one.name: one for one in bf.graph("shop").definitions}
    assert {name: one.entry for name, one in found.items() if one.entry} == {
        "shop.serve": "declared",
        "shop.cart.Cart": "public",
        "shop.cart.total": "public",
        "shop.late.go": "public",
        "shop.models.Base": "public",
        "shop.models.Item": "public",
        "shop.rates.tax": "public",
    }
    assert {
        name: [reason.partition(" ")[0] for reason in one.reasons] for name, one in found.items() if one.reasons
    } == {
        "shop.cart.Cart": ["seen:"],
        "shop.cart.helper": ["rebound"],
    }
    assert (found["shop.cart.Cart"].kind, found["shop.cart.total"].kind, found["shop"].kind) == (
        "class",
        "function",
        "body",
    )
    place = found["shop.cart.total"]
    assert (Path(place.file).name, place.line) == ("cart.py", 8)


@pytest.mark.parametrize("name", ["argparse", "configparser", "fractions", "difflib", "enum", "dataclasses"])
def test_what_is_bound_is_what_linked_code_has_in_cells(name: str, workshop: Workshop) -> None:
    text = Path(importlib.import_module(name).__file__ or "").read_text("utf-8")
    workshop.write("copied.py", text)
    code = compile(text, "copied.py", "exec", dont_inherit=True)
    linkage = analyse(code, lambda name, level: False)
    cells: dict[str, set[str]] = {}
    for one in nested_codes(link(code, linkage, has_home=False).code):
        owner = one.co_name.removeprefix("<generic parameters of ").removesuffix(">")
        found = {name.removeprefix(".") for name in one.co_freevars} & linkage.bound.keys()
        cells[owner] = cells.get(owner, set()) | found - {owner}
    drawn: dict[str, set[str]] = {}
    for link_ in bf.graph("copied").links:
        if link_.kind is LinkKind.BOUND and link_.caller != "copied":
            drawn.setdefault(link_.caller.partition(".")[2], set()).add(link_.callee.partition(".")[2])
    assert drawn == {owner: found for owner, found in cells.items() if found and owner in linkage.bound}


def test_a_block_is_drawn_as_its_current_generation_was_read(workshop: Workshop) -> None:
    workshop.write("shop.py", "def foo(): return bar()\ndef bar(): pass\n")
    shop = bf.freeze_block("shop")
    workshop.write("shop.py", "def foo(): pass\n")
    assert links(bf.graph(shop)) == {("shop.foo", "shop.bar", "bound")}
    bf.swap(shop)
    assert not links(bf.graph(shop))


OLD = """
    import json
    RATE = 1
    TAX = 2

    def price(x):
        # a comment
        return x * RATE

    def total(x):
        return price(x)

    def show(x):
        return json.dumps(total(x))

    def other():
        return TAX

    class Cart:
        def add(self):
            return total(1)
"""


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("# a comment", "# another comment\n", {}),
        ("x * RATE", "x * RATE + 1", {"price": "changed", "total": "price", "show": "total", "Cart": "total"}),
        ("RATE = 1", "RATE = 2", {"": "changed", "price": "RATE", "total": "price", "show": "total", "Cart": "total"}),
        ("TAX = 2", "TAX = 3", {"": "changed", "other": "TAX"}),
        ("import json", "import pickle as json", {"": "changed", "show": "json"}),
        ("def other", "def another", {"other": "removed", "another": "added"}),
        ("total(1)", "other()", {"Cart": "changed"}),
    ],
)
def test_a_difference_reaches_what_uses_it(
    before: str, after: str, expected: dict[str, str], workshop: Workshop, tmp_path: Path
) -> None:
    workshop.write("shop.py", dedent(OLD))
    tmp_path.joinpath("shop.py").write_text(dedent(OLD).replace(before, after), encoding="utf-8")
    graph = bf.graph("shop", against=tmp_path)
    found = {}
    for one in graph.definitions:
        because = ", ".join(name.rpartition(".")[2] for name in one.because)
        if one.change:
            found[one.name.partition(".")[2]] = because or str(one.change)
            assert bool(because) is (one.change is Change.BY_CALLEE)
    assert found == expected
    assert bf.graph("shop", against=tmp_path).to_json() == graph.to_json()


def test_versions_without_source_are_compared_by_their_code(workshop: Workshop, tmp_path: Path) -> None:
    for place, text in ((workshop.path, OLD), (tmp_path, "\n\n" + OLD.replace("price(x)\n", "price(2 * x)\n"))):
        source = place / "source.py"
        source.write_text(dedent(text), encoding="utf-8")
        py_compile.compile(str(source), str(place / "shop.pyc"), doraise=True)
        source.unlink()
    found = {one.name: str(one.change) for one in bf.graph("shop", against=tmp_path / "shop.pyc").definitions}
    assert found == {
        "shop.price": "",
        "shop.total": "changed",
        "shop.show": "changed by what it uses",
        "shop.other": "",
        "shop.Cart": "changed by what it uses",
        "shop": "changed",
    }


def test_an_artifact_is_another_version(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write("shop.py", dedent(OLD))
    source = workshop.version("next", {"shop.py": dedent(OLD).replace("TAX = 2", "TAX = 3")})
    assert cli.main(["compile", "shop", "--source", str(source), "-o", str(tmp_path / "shop.bfz")]) == 0
    graph = bf.graph("shop", against=tmp_path / "shop.bfz")
    assert {one.name for one in graph.definitions if one.change} == {"shop", "shop.other"}


def test_what_cannot_be_compiled_is_left_out_and_said(workshop: Workshop) -> None:
    written(workshop, {"shop/__init__.py": "def foo(): pass\n", "shop/bad.py": "def ("})
    graph = bf.graph("shop")
    assert [one.name for one in graph.definitions] == ["shop.foo"]
    assert [one.partition(":")[0] for one in graph.unreadable] == ["shop.bad"]


def test_modules_that_import_from_each_other_end(workshop: Workshop) -> None:
    written(
        workshop,
        {
            "shop/__init__.py": "from .a import *\nfrom .b import nothing",
            "shop/a.py": "from .b import *\nfrom .b import thing",
            "shop/b.py": "from .a import *\nfrom .a import thing\ndef foo(): return thing(), nothing.x",
        },
    )
    assert links(bf.graph("shop")) == set()


# Names: whatever they are, they come back.

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
NASTY = (
    'say "hi"',
    "<b>&amp;</b>",
    "end",
    "a\\",
    "\\N\\l",
    "n0",
    "--> x",
    "`code`",
    "#35;",
    "%%{init}%%",
    "é\u202e\n\0",
    "]]>",
    "$$x$$",
    "fa:fa-car",
    "1. a",
)


def graph_of(names: list[str]) -> bf.Graph:
    definitions = [
        Definition(name, "", "function", "file.py", at, "public", ("a reason",), list(Change)[at % 5], ("a", "b"))
        for at, name in enumerate(names)
    ]
    some = [Link(names[0], name, list(LinkKind)[at % 5], at) for at, name in enumerate(names)]
    return bf.Graph("a block", tuple(replace(one, module="a module") for one in definitions), tuple(some), 'an "other"')


def names_of(some: Iterator[str]) -> list[str]:
    return [one.replace("a module.", "", 1) for one in some]


many_names = st.lists(texts, min_size=1, max_size=4, unique_by=shown)


@settings(max_examples=25)
@given(many_names)
@example(list(NASTY))
def test_every_name_comes_back_out_of_dot(names: list[str]) -> None:
    pydot = pytest.importorskip("pydot", reason="pydot, which reads DOT, is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it reads with has given names another spelling
        [graph] = pydot.graph_from_dot_data(graph_of(names).to_dot())
    [cluster] = graph.get_subgraphs()
    labels = [one.get("label")[1:-1] for one in cluster.get_nodes()]
    assert [re.sub(r"\\(.)", r"\1", one.partition("\\nfunction, ")[0]).replace("&amp;", "&") for one in labels] == [
        shown(name) for name in names
    ]
    assert [(one.get_source(), one.get_destination()) for one in graph.get_edges()] == [
        ("n0", f"n{at}") for at in range(len(names))
    ]


@given(many_names)
@example(list(NASTY))
def test_every_name_comes_back_out_of_mermaid(names: list[str]) -> None:
    text = graph_of(names).to_mermaid()
    found = re.findall(r'^    n\d+\["([\w .,:()+=/#;-]*?)<br/>function, public<br/>', text, re.MULTILINE)
    decoded = [re.sub(r"#(\d+);", lambda code: chr(int(code[1])), one) for one in found]
    assert [one.replace("\N{WORD JOINER}", "") for one in decoded] == [
        shown(one).replace("\N{WORD JOINER}", "") for one in names
    ]
    assert len(re.findall(r"^  n0 (?:-->|-\.->)(?:\|\"[\w, ]+\"\|)? n\d+$", text, re.MULTILINE)) == len(names)


@given(many_names)
@example(list(NASTY))
def test_every_name_comes_back_out_of_json(names: list[str]) -> None:
    graph = graph_of(names)
    found = json.loads(json.dumps(graph.to_json()))
    assert [one["name"] for one in found["definitions"]] == names
    assert [one["callee"] for one in found["links"]] == names


@pytest.mark.needs_graphviz
@pytest.mark.needs_subprocess
@settings(max_examples=8)
@given(st.lists(texts, min_size=1, max_size=40, unique_by=shown))
@example(list(NASTY))
def test_every_name_comes_back_out_of_svg(names: list[str]) -> None:
    root = ElementTree.fromstring(graph_of(names).to_svg())
    space = "{http://www.w3.org/2000/svg}"
    nodes = [one for one in root.iter(f"{space}g") if one.get("class", "").startswith("node")]
    assert [one.findtext(f"{space}title") for one in nodes] == [shown(name) for name in names]
    texts = [next(one.iter(f"{space}text")).text for one in nodes]
    # Graphviz writes spaces so that they stay.
    assert [(one or "").replace("\xa0", " ").strip() for one in texts] == [
        shown(name).replace("\xa0", " ").strip() for name in names
    ]


def test_all_that_a_colour_or_a_line_tells_is_said_in_words() -> None:
    graph = graph_of(["a", "b", "c", "d", "e"])
    for one in graph.definitions:
        assert ("public" in " ".join(lines_of(one))) is bool(one.entry)
        assert str(one.change) in " ".join(lines_of(one))
    for text in (graph.to_dot(), graph.to_mermaid()):
        assert all(kind in text for kind in LinkKind if kind is not LinkKind.BOUND)


# What is too much is drawn in parts.


def test_a_part_has_the_links_inside_it(workshop: Workshop) -> None:
    written(workshop, SHOP)
    graph = bf.graph("shop").only(["shop.cart.*", "shop.models.Item"])
    assert {one.module for one in graph.definitions} == {"shop.cart", "shop.models"}
    assert ("shop.cart.total", "shop.models.Item", "bound") in links(graph)
    assert not any("shop.serve" in one for one in links(graph))


def test_modules_are_drawn_with_the_number_of_what_is_inside(workshop: Workshop) -> None:
    written(workshop, SHOP)
    graph = bf.graph("shop").by_module()
    assert {one.name: one.inside for one in graph.definitions} == {
        "shop": 2,
        "shop.cart": 6,
        "shop.late": 1,
        "shop.models": 2,
        "shop.rates": 1,
    }
    assert {(one.caller, one.callee): (str(one.kind), one.times) for one in graph.links} == {
        ("shop", "shop.cart"): ("bound", 1),
        ("shop", "shop.late"): ("by name", 1),
        ("shop", "shop.models"): ("by name", 1),
        ("shop", "shop.rates"): ("by name", 1),
        ("shop.cart", "shop.models"): ("in several ways", 2),
        ("shop.late", "shop.cart"): ("by name", 1),
        ("shop.late", "shop.rates"): ("by name", 1),
    }
    assert 'label="shop.cart\\ndefinitions: 6\\nnot bound: 2 of 6 definitions"' in graph.to_dot()


def test_the_change_of_a_module_sums_up_those_inside(workshop: Workshop, tmp_path: Path) -> None:
    files = {
        "shop/__init__.py": "",
        "shop/a.py": "def foo(): pass",
        "shop/b.py": "from .a import foo\ndef bar(): foo()",
    }
    written(workshop, files)
    place = workshop.version("next", files | {"shop/a.py": "def foo(): return 1", "shop/c.py": "def new(): pass"})
    found = {
        one.name: (str(one.change), one.because) for one in bf.graph("shop", against=place).by_module().definitions
    }
    assert found == {
        "shop.a": ("changed", ("1 changed",)),
        "shop.b": ("changed by what it uses", ("1 changed by what it uses",)),
        "shop.c": ("added", ("1 added",)),
    }


# The command.


@pytest.fixture
def shop_here(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Path:
    written(workshop, SHOP)
    monkeypatch.chdir(workshop.path)
    return workshop.path


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        ([], "digraph {"),
        (["--format", "mermaid"], "flowchart LR"),
        (["--format", "json"], '{\n  "block": "shop"'),
        (["-o", "shop.mmd"], "flowchart LR"),
        (["-o", "shop.JSON", "--only", "shop.cart.*"], "{"),
        (["-o", "shop.txt", "--depth", "module"], "digraph {"),
        (["-o", "shop.txt", "--depth", "1"], "digraph {"),
        (["-o", "shop.json", "--format", "dot"], "digraph {"),
    ],
)
def test_the_command_writes_what_is_asked_for(
    arguments: list[str], begins: str, shop_here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["graph", "shop", *arguments]) == 0
    printed = capsys.readouterr()
    files = [one for one in shop_here.iterdir() if one.is_file()]
    assert (files[0].read_text("utf-8") if files else printed.out).startswith(begins)
    assert bool(printed.out) is not bool(files)
    assert not printed.err


@pytest.mark.needs_graphviz
@pytest.mark.needs_subprocess
def test_the_command_draws(shop_here: Path) -> None:
    assert cli.main(["graph", "shop", "-o", "shop.svg", "--diff", "."]) == 0
    root = ElementTree.parse(shop_here / "shop.svg").getroot()
    assert root.get("aria-label") == "shop against ."


def test_many_definitions_are_drawn_as_modules(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(workshop, {"shop.py": "".join(f"def f{at}(): pass\n" for at in range(301))})
    monkeypatch.chdir(workshop.path)
    assert cli.main(["graph", "shop"]) == 0
    printed = capsys.readouterr()
    assert "301 definitions, drawn as 1 modules or packages; say --depth" in printed.err
    assert "definitions: 301" in printed.out
    assert cli.main(["graph", "shop", "--depth", "definition"]) == 0
    assert capsys.readouterr().out.count("label=") == 303


def test_too_many_modules_are_drawn_as_packages(workshop: Workshop) -> None:
    files = {f"shop/p{at % 3}/m{at}.py": f"from shop.p1.m1 import f1\ndef f{at}(): return f1()" for at in range(30)}
    written(workshop, files | {f"shop/{name}__init__.py": "" for name in ("", "p0/", "p1/", "p2/")})
    graph = bf.graph("shop")
    found = graph.in_short(80), graph.in_short(29), graph.in_short(2)
    assert [len(one.definitions) for one in found] == [30, 3, 1]
    assert {(one.caller, one.callee): one.times for one in found[1].links} == {
        ("shop.p0", "shop.p1"): 10,
        ("shop.p2", "shop.p1"): 10,
    }
    assert [one.inside for one in graph.by_module(2).definitions] == [10, 10, 10]


@pytest.mark.parametrize("depth", ["0", "x", "-1"])
def test_a_depth_is_a_word_or_a_number(depth: str, shop_here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["graph", "shop", "--depth", depth]) == 2
    assert "as in 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing_such"], "there is no such module"),
        (["shop", "--diff", "nowhere"], "name a directory or a file"),
        (["shop", "-o", "nowhere/shop.dot"], "name another file"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    arguments: list[str], says: str, shop_here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["graph", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_without_the_package_the_remedy_is_named(
    shop_here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "graphviz", None)
    assert cli.main(["graph", "shop", "--format", "svg"]) == 2
    assert "install blockfreeze[graph]" in capsys.readouterr().err


@pytest.mark.needs_subprocess
def test_without_the_program_the_remedy_is_named(
    shop_here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("graphviz", reason="the extra `graph` is not installed")
    monkeypatch.setenv("PATH", str(shop_here))
    assert cli.main(["graph", "shop", "--format", "svg"]) == 2
    assert "apt-get install graphviz" in capsys.readouterr().err


def test_a_graph_is_a_plain_value(workshop: Workshop) -> None:
    written(workshop, SHOP)
    graph: Any = bf.graph("shop")
    assert pickle.loads(pickle.dumps(graph)) == graph
