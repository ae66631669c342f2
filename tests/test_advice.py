"""Advice before a deploy: what is said of two versions, and of what nothing is said."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from conftest import Workshop

import blockfreeze as bf
from blockfreeze.cli import command_line as cli

SAID: dict[str, tuple[str, str, list[str]]] = {
    "one more element": (
        "def frob(a):\n    return a, a\n",
        "def frob(a):\n    return a, a, a\n",
        ["warning result frob: returned a tuple of 2, and returns a tuple of 3 now"],
    ),
    "one more element, beside what is not known": (
        "def frob(a):\n    if a is None:\n        return other(a)\n    return a, a\n",
        "def frob(a):\n    if a is None:\n        return other(a)\n    return a, a, a\n",
        ["warning result frob: returned a tuple of 2, and returns a tuple of 3 now"],
    ),
    "through a helper that nobody calls from outside": (
        "def frob(a):\n    return _frob(a)\n\ndef _frob(a):\n    return [a]\n",
        "def frob(a):\n    return _frob(a)\n\ndef _frob(a):\n    return {'a': a}\n",
        ["warning result frob: returned a list, and returns a dictionary with a now"],
    ),
    "a key of a result is gone": (
        "def frob():\n    return {'a': 1, 'b': 2}\n",
        "def frob():\n    return {'a': 1, 'c': 2}\n",
        ["warning result frob: returned a dictionary with a, b, and returns a dictionary with a, c now"],
    ),
    "None as well": (
        "def frob(a):\n    return str(a)\n",
        "def frob(a):\n    if a:\n        return str(a)\n",
        ["note result frob: returned text, and may return None as well now"],
    ),
    "a generator": (
        "def frob(a):\n    return [one for one in a]\n",
        "def frob(a):\n    for one in a:\n        yield one\n",
        [
            (
                "warning result frob: was a plain function, and is a generator function: "
                "it returned a list, and returns a generator now"
            )
        ],
    ),
    "a coroutine": (
        "def frob(a):\n    return [a]\n",
        "async def frob(a):\n    return [a]\n",
        ["warning result frob: was a plain function, and is a coroutine function"],
    ),
    "what is awaited": (
        "async def frob(a):\n    return [a]\n",
        "async def frob(a):\n    return (a, a)\n",
        ["warning result frob: returned a list, and returns a tuple of 2 now"],
    ),
    "another class": (
        "class A: pass\nclass B: pass\ndef make():\n    return A()\n",
        "class A: pass\nclass B: pass\ndef make():\n    return B()\n",
        ["warning result make: returned a A, and returns a B now"],
    ),
    "what an annotation says of it": (
        "def frob(a: dict) -> str:\n    return a.get('x')\n",
        "def frob(a: dict) -> tuple[str, int]:\n    return a.get('x', 0)\n",
        ["warning result frob: returned text, and returns a tuple of 2 now"],
    ),
    "another exception": (
        "def frob(a):\n    if not a:\n        raise ValueError('nothing given')\n    return 1\n",
        "def frob(a):\n    if not a:\n        raise TypeError('nothing given')\n    return 1\n",
        ["warning exception frob: raised ValueError, and raises TypeError now"],
    ),
    "another default": (
        "def frob(a, times=2): pass\n",
        "def frob(a, times=3): pass\n",
        ["note default frob: the default of 'times' was 2 and is 3 now"],
    ),
    "another order": (
        "class C:\n    def move(self, x, y): pass\n",
        "class C:\n    def move(self, y, x): pass\n",
        ["warning order C.move: the argument at position 1 was 'x' and is 'y' now"],
    ),
    "one in between": (
        "def frob(a, b=1): pass\n",
        "def frob(a, new=0, b=1): pass\n",
        ["warning order frob: the argument at position 2 was 'b' and is 'new' now"],
    ),
    "fields of a dataclass in another order": (
        "from dataclasses import dataclass\n\n@dataclass\nclass P:\n    x: int = 0\n    y: int = 0\n",
        "from dataclasses import dataclass\n\n@dataclass\nclass P:\n    y: int = 0\n    x: int = 0\n",
        ["warning order P: the argument at position 1 was 'x' and is 'y' now"],
    ),
    "a constant of another type": (
        "LIMIT = 30\n",
        "import datetime\nLIMIT = datetime.timedelta(seconds=30)\n",
        ["warning constant LIMIT: was an integer, and is a timedelta now"],
    ),
    "another unit": (
        "class C:\n    timeout = 30\n",
        "class C:\n    timeout = 30_000\n",
        ["note attribute C.timeout: was 30 and is 30000 now: its unit may be another one"],
    ),
    "another marker": (
        "_Default = object()\nclass C:\n    def __init__(self, *, a=_Default):\n        self.a = checked(a)\n",
        "_Default = ...\nclass C:\n    def __init__(self, *, a=_Default):\n        self.a = checked(a)\n",
        ["note constant _Default: the marker _Default, a default of C.__init__, is another now"],
    ),
    "no marker any more": (
        "_Default = object()\nclass C:\n    def frob(self, a=_Default):\n        self.a = a\n",
        "class C:\n    def frob(self, a=None):\n        self.a = a\n",
        ["note constant _Default: the marker _Default, a default of C.frob, is gone now"],
    ),
    "keys of a table": (
        "CODES = {'a': 1, 'b': 2}\n",
        "CODES = {'a': 1, 'c': 2}\n",
        ["note keys CODES: does not have 'b' any more"],
    ),
    "a method becomes a property": (
        "class C:\n    def name(self):\n        return 'c'\n",
        "class C:\n    @property\n    def name(self):\n        return 'c'\n",
        ["warning attribute C.name: was a method that is called and is an attribute that is read now"],
    ),
    "members that count": (
        "import enum\nclass E(enum.Enum):\n    A = enum.auto()\n    B = enum.auto()\n",
        "import enum\nclass E(enum.Enum):\n    X = enum.auto()\n    A = enum.auto()\n    B = enum.auto()\n",
        ["warning members E: A was auto() number 1 and is auto() number 2, B was auto() number 2 and is"],
    ),
    "a member is gone": (
        "from enum import Enum\nclass E(Enum):\n    A = 1\n    B = 2\n",
        "from enum import Enum\nclass E(Enum):\n    A = 1\n    C = 2\n",
        ["warning members E: does not have B any more"],
    ),
    "fields of a tuple": (
        "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    y: int\n",
        "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    z: int\n    y: int\n",
        ["warning fields P: had 2 fields and has 3 now; number 2 was 'y' and is 'z'"],
    ),
    "fields of a tuple that a call makes": (
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\n",
        "from collections import namedtuple\nP = namedtuple('P', ['x', 'y', 'z'])\n",
        ["warning fields P: had 2 fields and has 3 now"],
    ),
    "instances lack it, and go on as they were": (
        "class C:\n    def __init__(self):\n        self.a = 1\n    def m(self):\n        return self.a\n",
        "class C:\n    def __init__(self):\n        self.a = self.b = 1\n    def m(self):\n        return self.b\n",
        ["note instances C: methods assign b, which instances made before lack"],
    ),
    "instances lack what others read": (
        "class C:\n    def __init__(self):\n        self.a = 1\n\ndef m(c):\n    return c.a\n",
        "class C:\n    def __init__(self):\n        self.a = 1\n        self.b = 2\n\ndef m(c):\n    return c.b\n",
        ["warning instances C: methods assign b, which instances made before lack; shop.m reads b"],
    ),
    "a field that only instances have": (
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n",
        (
            "from dataclasses import dataclass, field\n@dataclass\nclass P:\n    x: int\n"
            "    tags: list = field(default_factory=list)\n"
        ),
        ["note instances P: methods assign tags, which instances made before lack"],
    ),
    "an attribute in another form": (
        "class C:\n    def __init__(self):\n        self.rows = []\n",
        "class C:\n    def __init__(self):\n        self.rows = {}\n",
        ["warning instances C: its attribute rows was a list, and is a dictionary now"],
    ),
    "an attribute in another unit": (
        "class C:\n    def __init__(self, limit):\n        self.limit = limit\n",
        "class C:\n    def __init__(self, limit):\n        self.limit = limit * 1000\n",
        ["note instances C: its attribute limit was assigned limit, and is assigned limit * 1000 now"],
    ),
    "an attribute that is converted": (
        "class C:\n    def __init__(self, rows):\n        self.rows = rows\n",
        "class C:\n    def __init__(self, rows):\n        self.rows = tuple(rows)\n",
        ["note instances C: its attribute rows was assigned rows, and is assigned tuple(rows) now"],
    ),
    "what an attribute holds": (
        "class C:\n    def put(self, a, b):\n        self.rows.append((a, b))\n",
        "class C:\n    def put(self, a, b):\n        self.rows.append((a, b, 1))\n",
        ["warning instances C: its rows held a tuple of 2, and is given a tuple of 3 now"],
    ),
    "a declared variable of another kind": (
        "from blockfreeze import defvar\nseen = defvar('seen', list)\n",
        "from blockfreeze import defvar\nseen = defvar('seen', dict)\n",
        ["warning state seen: it was made as a list, and is made as a dictionary now, but what is there stays"],
    ),
    "a variable that functions rebind": (
        "last = 0\ndef put(x):\n    global last\n    last = x\n",
        "last = ()\ndef put(x):\n    global last\n    last = x\n",
        ["warning state last: it was made as an integer, and is made as a tuple of 0 now, but what is there stays"],
    ),
    "what a variable holds": (
        "orders = []\ndef put(a):\n    orders.append({'name': a})\n",
        "orders = []\ndef put(a):\n    orders.append((a, 1))\n",
        ["warning state orders: it held a dictionary with name, and is given a tuple of 2 now"],
    ),
    "how what a variable holds is read": (
        "orders = {}\ndef whole():\n    return [a + b for a, b in orders.values()]\n",
        "orders = {}\ndef whole():\n    return [a + b + c for a, b, c in orders.values()]\n",
        ["warning state orders: it was unpacked into 2 names, and is into 3 now"],
    ),
    "a key that nobody wrote": (
        "orders = []\ndef put(o):\n    orders.append(dict(price=1))\ndef total():\n    return sum(orders)\n",
        (
            "orders = []\ndef put(o):\n    orders.append(dict(price=1, tip=o))\n"
            "def total():\n    return sum(o['tip'] for o in orders)\n"
        ),
        ["note state orders: total reads the key 'tip' of what is in it, which the version before never wrote"],
    ),
}

NOTHING_SAID: dict[str, tuple[str, str]] = {
    "a call inside never meets two versions": (
        "def whole(a):\n    x, y = _frob(a)\n    return x + y\n\ndef _frob(a):\n    return a, a\n",
        "def whole(a):\n    x, y, z = _frob(a)\n    return x + y + z\n\ndef _frob(a):\n    return a, a, a\n",
    ),
    "what is inside of functions": (
        "def f():\n    def g():\n        return 1, 2\n    return sum(g())\n",
        "def f():\n    def g():\n        return 1, 2, 3\n    return sum(g())\n",
    ),
    "a generator where an iterator was": (
        "def f(a):\n    return iter(a)\n",
        "def f(a):\n    yield from a\n",
    ),
    "what is awaited by whoever called": (
        "def f(a):\n    return _f(a)\nasync def _f(a): pass\n",
        "async def f(a):\n    return await _f(a)\nasync def _f(a): pass\n",
    ),
    "a sub-class instead": (
        "class A: pass\ndef make():\n    return A()\n",
        "class A: pass\nclass B(A): pass\ndef make():\n    return B()\n",
    ),
    "one more key": ("def f():\n    return {'a': 1}\n", "def f():\n    return {'a': 1, 'b': 2}\n"),
    "an annotation that was corrected": (
        "def f(a) -> str:\n    return a.name\n",
        "def f(a) -> str | None:\n    return a.name\n",
    ),
    "a base as an annotation": (
        "class A: pass\nclass B(A): pass\ndef f(a) -> B:\n    return a.b\n",
        "class A: pass\nclass B(A): pass\ndef f(a) -> A:\n    return a.a\n",
    ),
    "keys of what code looks up in": (
        f"CODES = {dict.fromkeys(map(str, range(30)), 1)}\n",
        f"CODES = {dict.fromkeys(map(str, range(29)), 1)}\n",
    ),
    "what others make of a function": (
        "import web\n@web.command\ndef f(a, b):\n    return 1\n",
        "import web\n@web.command\ndef f(b, a):\n    return ''\n",
    ),
    "hundreds of branches": (
        "def f(a):\n    if a: return 1\n" + "    elif a > 1: return 2\n" * 2000 + "    else: return 3\n",
        "def f(a):\n    if a: return 1\n" + "    elif a > 2: return 2\n" * 2000 + "    else: return 3\n",
    ),
    "a unit of what is another thing now": (
        "import time\nclass C:\n    def __init__(self):\n        now = time.time()\n        self.at = now\n",
        "import time\nclass C:\n    def __init__(self):\n        now = time.time_ns()\n        self.at = now / 1e9\n",
    ),
    "None for False": ("def f(a):\n    return a is None\n", "def f(a):\n    if a is None:\n        return True\n"),
    "a marker that nobody holds": (
        "X = object()\ndef f(a=X): pass\nclass C:\n    def __init__(self, a=X):\n        self.b = a is X\n",
        "def f(a=None): pass\nclass C:\n    def __init__(self, a=None):\n        self.b = a is None\n",
    ),
    "a marker that stays": (
        "X = object()\ndef f(a=X): pass\n",
        "import os\nX = object()\ndef f(a=X):\n    os.getcwd()\n",
    ),
    "tuples of any length": (
        "def f(a):\n    return (1, 2) if a else (1,)\n",
        "def f(a):\n    return (1, 2, 3) if a else (1,)\n",
    ),
    "what a sub-class assigned": (
        "class A: pass\nclass B(A):\n    def __init__(self):\n        self.b = 1\n",
        "class A:\n    def __init__(self):\n        self.b = 1\nclass B(A): pass\n",
    ),
    "what takes more than before": (
        "class C:\n    def __init__(self, rows):\n        self.rows = list(rows)\n",
        "class C:\n    def __init__(self, rows):\n        self.rows = rows\n",
    ),
    "what nobody gives by position": ("def f(a, _b=1): pass\n", "def f(a, c=2, _b=1): pass\n"),
    "what stands in for another": (
        (
            "try:\n    from threading import RLock\nexcept ImportError:\n    class RLock: pass\n"
            "class C:\n    def __init__(self):\n        self.lock = RLock()\n"
        ),
        "from threading import RLock\nclass C:\n    def __init__(self):\n        self.lock = RLock()\n",
    ),
    "a number instead of another": ("def f():\n    return 1\n", "def f():\n    return 1.5\n"),
    "a name that is None at first": (
        "def f(a):\n    return 'x'\n",
        "def f(a):\n    found = None\n    for one in a:\n        found = str(one)\n    return found\n",
    ),
    "an exception that is caught as the old one": (
        "def f(a):\n    if not a:\n        raise ValueError('no')\n",
        "class Wrong(ValueError): pass\ndef f(a):\n    if not a:\n        raise Wrong('no')\n",
    ),
    "a default that stands for nothing": ("def f(a=None): pass\n", "def f(a=5): pass\n"),
    "one at the end": ("def f(a, b=1): pass\n", "def f(a, b=1, c=2): pass\n"),
    "one by keyword only": ("def f(a, b=1): pass\n", "def f(a, b=1, *, c=2): pass\n"),
    "a default for what instances lack": (
        "class C:\n    def __init__(self):\n        self.a = 1\n",
        "class C:\n    b = 2\n    def __init__(self):\n        self.a = 1\n        self.b = 3\n",
    ),
    "a converter for what instances lack": (
        "class C:\n    def __init__(self):\n        self.a = 1\n",
        (
            "from blockfreeze import converts\nclass C:\n    def __init__(self):\n        self.a = 1\n"
            "        self.b = 3\n@converts(C)\ndef convert(old):\n    old.b = 3\n"
        ),
    ),
    "another version of a declared variable": (
        "from blockfreeze import defvar\nseen = defvar('seen', list)\n",
        "from blockfreeze import defvar\nseen = defvar('seen', dict, version=2, migrate=lambda old: {})\n",
    ),
    "what starts afresh": (
        "_rows = []\ndef f(a):\n    _rows.append(a)\n",
        "_rows = dict()\ndef f(a):\n    _rows[a] = 1\n",
    ),
    "stubs": (
        "class C:\n    def f(self):\n        raise NotImplementedError\n",
        "class C:\n    def f(self):\n        return 1\n",
    ),
    "members that are added": (
        "from enum import Enum\nclass E(Enum):\n    A = 1\n",
        "from enum import Enum\nclass E(Enum):\n    A = 1\n    B = 2\n",
    ),
    "another layout": ("def f(a):\n    return a, a  # two\n", "\n\ndef f(a):\n    return (a,\n            a)\n"),
}


def told(old: str, new: str, workshop: Workshop) -> list[str]:
    workshop.write("shop.py", old)
    found = bf.advise("shop", source=new)
    assert "shop" not in sys.modules  # nothing is executed
    return [f"{one.level} {one.kind} {one.name.removeprefix('shop.')}: {one.what}" for one in found]


@pytest.mark.parametrize("case", SAID)
def test_what_outlives_the_swap_and_meets_another_meaning_is_said(case: str, workshop: Workshop) -> None:
    old, new, expected = SAID[case]
    found = told(old, new, workshop)
    assert len(found) == len(expected), found
    assert all(one.startswith(start) for one, start in zip(found, expected, strict=True)), found


@pytest.mark.parametrize("case", NOTHING_SAID)
def test_no_false_alarm(case: str, workshop: Workshop) -> None:
    assert told(*NOTHING_SAID[case], workshop) == []


@pytest.mark.parametrize("case", SAID)
def test_nothing_is_said_of_the_same_version(case: str, workshop: Workshop) -> None:
    assert told(SAID[case][1], SAID[case][1] + "\n# the same\n", workshop) == []


def test_a_frozen_module_is_compared_as_it_serves_and_places_are_those_of_both_versions(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", "def frob(a):\n    return a, a\n")
    bf.swap(shop, source="def frob(a):\n    return [a]\n")
    other = workshop.version("next", {"shop.py": "import os\n\n\ndef frob(a):\n    if a:\n        return a, a\n"})
    (one,) = bf.advise(shop, source=other)
    assert one.what == "returned a list, and returns None or a tuple of 2 now"
    assert one.after == f"{other / 'shop.py'}:6"
    assert re.fullmatch(r".*shop.*:1", one.before)
    assert bf.status(shop).current == 2


PACKAGE = {
    "__init__.py": "from .parts import Part\nfrom . import tables\n",
    "parts.py": "from .base import Base\n\nclass Part(Base):\n    pass\n\ndef make():\n    return Part()\n",
    "base.py": "class Base:\n    def __init__(self):\n        self.a = 1\n",
    "tables.py": "from .parts import make\n\ndef whole():\n    return make()\n",
    "_inside.py": "def frob():\n    return 1, 2\n",
    "test_all.py": "def frob():\n    return 1, 2\n",
}


def test_names_are_followed_through_a_package(workshop: Workshop) -> None:
    for name, text in PACKAGE.items():
        workshop.write(f"pack/{name}", text)
    changed = {
        **{name: PACKAGE[name] for name in PACKAGE},
        "base.py": "class Base:\n    def __init__(self):\n        self.a = 1\n        self.size = 2\n",
        "parts.py": PACKAGE["parts.py"].replace("return Part()", "return [Part()]"),
        "tables.py": PACKAGE["tables.py"] + "\ndef size(part):\n    return part.size\n",
        "_inside.py": "def frob():\n    return 1\n",
        "test_all.py": "def frob():\n    return 1\n",
    }
    other = workshop.version("next", {f"pack/{name}": text for name, text in changed.items()})
    assert sorted(f"{one.name}: {one.what}" for one in bf.advise("pack", source=other)) == [
        "pack.base.Base: methods assign size, which instances made before lack; pack.tables.size reads size",
        "pack.parts.make: returned a Part, and returns a list now",
        "pack.tables.whole: returned a Part, and returns a list now",
    ]


def test_what_cannot_be_read_is_left_out_and_what_is_not_there_is_an_error(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write("shop.py", "def f(): pass\n")
    assert bf.advise("shop", source="def (:\n") == ()
    with pytest.raises(FileNotFoundError):
        bf.advise("shop", source=tmp_path / "nowhere")
    with pytest.raises(bf.FreezeError):
        bf.advise("no_such_module", source=tmp_path)


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--strict",), 1)])
def test_check_says_it_and_it_counts_only_if_asked(
    options: tuple[str, ...], status: int, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.write("shop.py", "def frob(a):\n    return a, a\n")
    other = workshop.version("next", {"shop.py": "def frob(a):\n    return a, a, a\n"})
    assert cli.main(["check", "shop", "--against", str(other), *options]) == status
    said = capsys.readouterr().out
    assert (
        "  changes of meaning that what outlives the swap can meet:\n    warning: shop.frob: returned a tuple" in said
    )
    assert "who meets it: code outside that holds a result of the version before" in said
    assert "what to do: widen first" in said


def test_the_same_as_json(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    workshop.write("shop.py", "def frob(a):\n    return a, a\n")
    other = workshop.version("next", {"shop.py": "def frob(a):\n    return a, a, a\n"})
    assert cli.main(["check", "shop", "--against", str(other), "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["advice"]
    assert (one["kind"], one["level"], one["name"]) == ("result", "warning", "shop.frob")


def test_a_note_is_no_reason_to_refuse(workshop: Workshop) -> None:
    workshop.write("shop.py", "def frob(a=2): pass\n")
    other = workshop.version("next", {"shop.py": "def frob(a=3): pass\n"})
    assert cli.main(["check", "shop", "--against", str(other), "--strict"]) == 0


LIVED = """
from blockfreeze import defvar
seen = defvar("seen", {made})
class Lacks:
    def __init__(self):
        self.a = 1{more}
    def told(self):
        return {version}
class Other:
    def __init__(self):
        self.rows = {rows}
    def told(self):
        return {version}, self.rows
def reads(one):
    return one.{name}
"""


def test_what_is_said_is_what_a_swap_then_does(workshop: Workshop) -> None:
    first = LIVED.format(made="list", more="", version=1, rows="[]", name="a")
    second = LIVED.format(made="dict", more="\n        self.b = 2", version=2, rows="{}", name="b")
    shop = workshop.freeze("shop", first)
    lacks, other = shop.Lacks(), shop.Other()
    said = {one.name: f"{one.what}; {one.who}" for one in bf.advise(shop, source=second)}
    bf.swap(shop, source=second)
    bf.drain(shop, timeout=60)
    assert said["shop.Lacks"].startswith("methods assign b, which instances made before lack; shop.reads reads b")
    assert "they go on with the methods of the version before, and what else reads it fails" in said["shop.Lacks"]
    assert (lacks.told(), shop.Lacks().told()) == (1, 2)
    with pytest.raises(AttributeError):
        shop.reads(lacks)
    assert said["shop.Other"].startswith("its attribute rows was a list, and is a dictionary now")
    assert other.told() == (2, [])  # the new method, and the old form
    assert "it was made as a list, and is made as a dictionary now, but what is there stays" in said["shop.seen"]
    assert shop.seen == []
