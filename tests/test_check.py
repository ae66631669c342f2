"""`blockfreeze check`: what it foretells is what freezing and swapping then do."""

from __future__ import annotations

import json
import py_compile
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Workshop
from pairs import NAMES, feature_pair

import blockfreeze as bf
from blockfreeze.cli import command_line as cli
from blockfreeze.cli.check import forecast

SHOP = """
import atexit
import functools
import os
import re
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

import outside
from blockfreeze import defvar, entry
from outside import Model, app, decorate, register

if TYPE_CHECKING:
    import never
    never.register()

count = 0
orders = defvar("orders", list)
cache = {}
TABLE = {"a": 1}
filled = {'b': 2}
by_day = defaultdict(list)
WORD = re.compile("[a-z]+")
MISSING = object()
lock = outside.make_lock()
TABLE.update(c=3)
atexit.register(print)
os.environ['SHOP'] = '1'


def put(order):
    global count
    count += 1
    filled[order] = count


@app.route('/')
def index():
    return put(1)


@app.route('/once')
@entry
def once():
    return 1


@functools.lru_cache
def area(x):
    return x


@functools.wraps(put)
def wrapped():
    return index(), locals()


class User(Model):
    def who(self):
        return sys._getframe(1)


class Plain(dict):
    pass


mine = Plain()
mine.update(a=1)


@mine.setdefault
def handler():
    return wrapped()


def gone():
    return exec("1")


del gone
register(handler)
if __name__ == "__main__":
    register(never)
"""

OUTSIDE = """
class Model:
    pass

class App:
    def route(self, path):
        return lambda function: function

app = App()
decorate = register = lambda function: function
make_lock = dict
"""


@pytest.fixture
def shop(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("SHOP", raising=False)
    workshop.write("outside.py", OUTSIDE)
    yield workshop.write("shop.py", SHOP)
    sys.modules.pop("outside", None)


def with_lines(text: str, file: Path) -> str:
    """Replace each place by the line of source that it names."""
    lines = file.read_text().splitlines()
    return re.sub(re.escape(str(file)) + r":(\d+)", lambda found: f"<{lines[int(found[1]) - 1].strip()}>", text)


def test_everything_is_said_of_a_module_and_nothing_is_executed(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "shop"]) == 0
    assert {"shop", "outside"}.isdisjoint(sys.modules)
    opaque = "inspects its local variables, where cells would appear: what it calls is looked up by name"
    assert with_lines(capsys.readouterr().out, shop).splitlines() == [
        "shop: can be frozen; modules 1, definitions bound 8",
        "  not bound:",
        "    shop.gone: deleted at the top level",
        f"    shop.wrapped: {opaque}",
        "  keeps its value at a swap:",
        "    shop.count: rebound with 'global'",
        "    shop.orders: defvar",
        "  starts afresh if its statement changes, or the code of a cache; declare what must survive with defvar:",
        "    shop.cache: dict, at <cache = {}>",
        "    shop.filled: dict, at <filled = {'b': 2}>; used together with count, which keeps its value",
        "    shop.by_day: defaultdict, at <by_day = defaultdict(list)>",
        "    shop.lock: made by outside.make_lock(), at <lock = outside.make_lock()>",
        "    shop.area: lru_cache, at <@functools.lru_cache>",
        "    shop.mine: made by Plain(), at <mine = Plain()>",
        "  done again by each swap, outside of the block:",
        "    <atexit.register(print)>: atexit.register(print)",
        "    <os.environ['SHOP'] = '1'>: os.environ['SHOP'] = …",
        "    <@app.route('/')>: @app.route('/') on index",
        "    <class User(Model):>: class User tells Model that it is made, if its statement has changed",
        "    <register(handler)>: register(handler)",
        "  asks for its caller's frame, which is not a forwarder's:",
        "    shop.User.who",
    ]


def test_json_says_the_same(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--json", "shop"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(json.dumps(forecast(("shop",)).to_json()))
    assert found["passed"] is True
    assert found["captures"] is found["against"] is None
    assert [one["name"] for one in found["made_again"]][:2] == ["shop.cache", "shop.filled"]


@pytest.mark.parametrize("feature", NAMES)
def test_what_is_bound_and_what_not_is_as_foretold(feature: str, tmp_path: Path) -> None:
    pair = feature_pair(tmp_path, feature)
    with pair.importable("v1"):
        found = forecast((pair.name,))
    assert found.passed
    assert pair.name not in sys.modules
    status = bf.status(pair.freeze())
    assert (found.bound, found.unbound, found.members) == (status.bound, status.unbound, status.members)


def test_what_a_swap_reports_was_foretold(shop: Path) -> None:
    found = forecast(("shop",))
    block = bf.freeze_block("shop")
    block.index()
    block.cache["x"] = 1
    block.by_day["x"].append(1)
    block.area(2)
    text = shop.read_text(encoding="utf-8")
    for made, otherwise in {
        "{}": "dict()",
        "{'b': 2}": "dict(b=2)",
        "defaultdict(list)": "defaultdict(*[list])",
    }.items():
        text = text.replace(f" = {made}", f" = {otherwise}")
    report = bf.swap(block, source=text)
    assert {one.name for one in report.afresh} == {"shop.cache", "shop.filled", "shop.by_day", "shop.area"}
    assert {one.name for one in report.afresh} < {one.name for one in found.made_again}
    assert set(report.kept_state) == {one.partition(":")[0] for one in found.kept} - {"shop.orders"}
    assert block.count == 1


PACKAGE = {
    "app/__init__.py": "from .base import registry\nfrom . import views\n",
    "app/base.py": "registry = {}\n\ndef show(f):\n    registry[f.__name__] = f\n    return f\n",
    "app/views.py": "from .base import show\nfrom . import base\n\n@show\ndef a(): pass\n\n@base.show\ndef b(): pass\n",
    "app/__main__.py": "import sys\nsys.exit(1)\n",
    "app/broken.py": "def (:\n",
}


def test_what_a_package_does_inside_is_not_said_to_be_done_outside(workshop: Workshop) -> None:
    for file, text in PACKAGE.items():
        workshop.write(file, text)
    found = forecast(("app",))
    assert found.members == ("app", "app.__main__", "app.base", "app.views")
    assert (found.runs_again, [one.name for one in found.made_again]) == ((), ["app.base.registry"])
    assert found.unreadable == ("app.broken: SyntaxError: invalid syntax (broken.py, line 1)",)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sys", "it is a built-in module, which has no Python code"),
        ("no_such_thing", "there is no such module"),
        ("no_such.thing", "there is no such module (No module named 'no_such')"),
        ("blockfreeze", "it is what does the freezing"),
        ("broken", "SyntaxError: invalid syntax (broken.py, line 1)"),
    ],
)
def test_what_cannot_be_frozen_is_said_and_is_status_1(
    name: str, reason: str, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.write("broken.py", "def (:\n")
    assert cli.main(["check", name]) == 1
    assert capsys.readouterr().out == f"{name}: cannot be frozen: {reason}\n"
    assert cli.main(["check", "--json", name]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["refused"], found["passed"]) == (reason, False)


def test_a_member_without_source_is_said_to_be_unknown(workshop: Workshop) -> None:
    path = workshop.write("shipped.py", "def f():\n    return 1\n")
    py_compile.compile(str(path), str(path.with_suffix(".pyc")))
    path.unlink()
    found = forecast(("shipped",))
    assert (found.bound, found.without_source) == (("shipped.f",), ("shipped",))


TILL = "def pay(amount, tip=0):\n    return amount + tip\n\ndef close():\n    return 0\n"


@pytest.mark.parametrize(
    ("text", "passed", "said"),
    [
        (TILL.replace("+ tip", "+ 2 * tip"), True, "the other version is compatible"),
        (TILL.replace("tip=0", "tip"), False, "till.pay(amount, tip=0) is narrowed to (amount, tip)"),
        (TILL.replace("def close", "def shut"), False, "till.close was removed"),
        (TILL + "1 / 0\n", False, "ZeroDivisionError in the phase 'execute': division by zero"),
        (TILL + "def (:\n", False, "SyntaxError in the phase 'link'"),
    ],
)
def test_another_version_is_compared_and_its_fitness_is_the_status(
    text: str, passed: bool, said: str, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.write("till.py", TILL)
    other = workshop.version("next", {"till.py": text})
    assert cli.main(["check", "till", "--against", str(other)]) == (0 if passed else 1)
    assert said in capsys.readouterr().out


def test_a_body_that_fails_is_found_when_it_is_to_be_compared(workshop: Workshop) -> None:
    path = workshop.write("failing.py", "1 / 0\n")
    assert forecast(("failing",)).passed
    found = forecast(("failing",), str(path))
    assert (found.passed, found.refused) == (False, "its body raised ZeroDivisionError: division by zero")


HELD = """
from functools import lru_cache

def pay(): pass
def close(): pass
class Till: pass
@lru_cache
def area(x): return x
ROUTES = {"inside": pay}
"""

HOLDER = """
import held
from held import Till, area, pay as settle

class App:
    def __init__(self):
        self.routes = {}

app = App()
app.routes["/pay"] = held.pay
TABLE = [held.Till, held.area]
"""


def test_what_a_program_holds_already_is_listed(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    workshop.write("held.py", HELD)
    workshop.write("holder.py", HOLDER)
    try:
        assert cli.main(["check", "held", "--program", "holder"]) == 0
    finally:
        sys.modules.pop("holder", None)
    said = capsys.readouterr().out.splitlines()
    own = "it stays with the version from before the freeze; look it up when it is used"
    assert said[said.index("  held by others already:") + 1 :] == [
        "    holder.TABLE holds held.Till: it stays the class",
        f"    holder.TABLE holds held.area: {own}",
        "    holder.Till holds held.Till: it stays the class",
        "    holder.app.routes holds held.pay: it becomes the entry and stays current",
        "    holder.area holds held.area: the name is pointed at each generation's own object",
        "    holder.settle holds held.pay: it becomes the entry and stays current",
    ]


def test_nothing_held_is_said_too(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    workshop.write("alone.py", "def f(): pass\n")
    assert cli.main(["check", "alone", "--program", "alone"]) == 0
    assert capsys.readouterr().out.endswith("  held by others already: nothing\n")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--program", "no_such_program"], "no_such_program: cannot be imported: ModuleNotFoundError"),
        (["--against", "no/such/place"], "cannot compare with 'no/such/place': there is no such file or directory"),
    ],
)
def test_what_cannot_be_looked_at_is_one_line_and_status_2(
    arguments: list[str], why: str, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.write("alone.py", "def f(): pass\n")
    assert cli.main(["check", "alone", *arguments]) == 2
    said = capsys.readouterr()
    assert why in said.err
    assert (said.out, len(said.err.splitlines())) == ("", 1)


@pytest.mark.needs_subprocess
def test_the_installed_command_finds_modules_in_the_current_directory(tmp_path: Path) -> None:
    (tmp_path / "here.py").write_text("def f(): pass\n")
    command = [sys.executable, "-P", "-m", "blockfreeze", "check", "here"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "here: can be frozen; modules 1, definitions bound 1\n"
