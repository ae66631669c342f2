"""What a swap leaves behind outside is reported: objects that were made again, closures, and what was told twice."""

from __future__ import annotations

import gc
import importlib.util
import sys
from typing import Any

import pytest
from conftest import Workshop
from threads import ParkedCall

import blockfreeze as bf
from blockfreeze.draining.reachable import Walk

TEXT = """
class Router:
    def __init__(self, version=""):
        self.version = version
        self.routes = []
        self.itself = self

def mark():
    return "1"

def counting(start):
    def count():
        return mark(), start
    return count

def wait(between):
    local = counting(0)
    between()
    return local()

router = Router("1")
alone = Router("1")
inside = {"router": Router("1")}
LIMITS = (1, 2)
"""
NEW = TEXT.replace('"1"', '"2"')


@pytest.fixture
def routes(workshop: Workshop) -> Any:
    return workshop.freeze("routes", TEXT)


def unreached(report: bf.SwapReport) -> list[str]:
    return [str(one) for one in report.unreached]


def test_objects_that_nobody_else_has_taken_are_not_reported(routes: Any) -> None:
    assert unreached(bf.swap(routes, source=NEW)) == []
    assert unreached(bf.rollback(routes)) == []


def test_an_object_that_was_made_again_is_reported_with_who_holds_the_old_one(routes: Any, workshop: Workshop) -> None:
    class Application:
        pass

    workshop.write("an_app.py", "from routes import router, LIMITS\n")
    workshop.load("an_app")
    holders = {"key": routes.router}, [routes.router], (routes.router,), Application()
    holders[-1].router = routes.router  # type: ignore[attr-defined]
    (found,) = unreached(bf.swap(routes, source=NEW))
    assert found.startswith("routes.router: the Router of generation 1 is still held by ")
    assert {"a dict", "a list", "a tuple", "an_app"} <= set(found.partition("held by ")[2].split(", "))
    assert unreached(bf.swap(routes, source=TEXT)) == []  # they hold the first one, which was reported
    del sys.modules["an_app"]


def test_a_variable_by_defvar_is_not_made_again(workshop: Workshop) -> None:
    text = TEXT.replace('router = Router("1")', "import blockfreeze as bf\nrouter = bf.defvar('router', Router)")
    module = workshop.freeze("kept", text)
    held = [module.router]
    assert unreached(bf.swap(module, source=text.replace('"1"', '"2"'))) == []
    assert held == [module.router]


def test_what_the_block_has_imported_is_outside_of_it(workshop: Workshop) -> None:
    workshop.write("an_app.py", "class Application:\n    pass\n\napp = Application()\n")
    text = TEXT.replace('router = Router("1")', 'from an_app import app\nrouter = Router("1")\napp.router = router')
    module = workshop.freeze("routes", text)
    module.app.held = [module.router]
    (found,) = unreached(bf.swap(module, source=text.replace('"1"', '"2"')))
    assert found == "routes.router: the Router of generation 1 is still held by a list"


def test_closures_that_others_hold_are_counted_and_say_where_they_go_on(routes: Any) -> None:
    held = [routes.counting(1), routes.counting(2)]
    line = TEXT.splitlines().index("    def count():") + 1
    expected = f"routes.counting.<locals>.count: 2 made at line {line} are held by a list, and go on with generation 1"
    assert unreached(bf.swap(routes, source=NEW.replace("return mark(), start", "return start, mark()"))) == [expected]
    assert [one() for one in held] == [("1", 1), ("1", 2)]


def test_closures_that_follow_are_not_left_behind(routes: Any) -> None:
    held = [routes.counting(1), routes.counting(2)]
    assert unreached(bf.swap(routes, source=NEW)) == []
    assert [one() for one in held] == [("2", 1), ("2", 2)]


@pytest.mark.needs_threads
def test_a_closure_of_a_call_that_is_under_way_is_not_held_outside(routes: Any) -> None:
    with ParkedCall(routes.wait) as parked:
        report = bf.swap(routes, source=NEW)
        assert unreached(report) == []
        assert [one.kind for one in report.lingering] == ["thread"]
        assert parked.finish() == ("1", 0)


def test_what_only_the_block_itself_has_noted_is_not_held_by_others(workshop: Workshop) -> None:
    text = "from functools import lru_cache\n\n@lru_cache\ndef area(x):\n    return x\n"
    module = workshop.freeze("cached", text)
    assert unreached(bf.swap(module, source=text.replace("return x", "return -x"))) == []
    held = {"area": module.area}
    assert unreached(bf.swap(module, source=text)) == [
        "cached.area: the old object is still held by containers elsewhere",
        "cached.area: the _lru_cache_wrapper of generation 2 is still held by a dict",
    ]
    assert held["area"] is not module.area


def test_a_module_that_loads_when_it_is_used_is_not_loaded_by_a_swap(routes: Any, workshop: Workshop) -> None:
    workshop.write("put_off.py", "raise AssertionError('it was loaded')\n")
    spec = importlib.util.find_spec("put_off")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = sys.modules["put_off"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lazy)
    held = [routes.router]
    try:
        assert unreached(bf.swap(routes, source=NEW)) == [
            "routes.router: the Router of generation 1 is still held by a list"
        ]
    finally:
        del sys.modules["put_off"]
    assert held[0] is not routes.router


def test_the_heap_is_not_searched_if_nothing_can_be_held(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    module = workshop.freeze("plain", "def f():\n    return 1\n\nTABLE = {}\nNAMES = ['a']\n")
    asked: list[object] = []
    monkeypatch.setattr(gc, "get_referrers", lambda *things: asked.append(things) or [])
    bf.swap(module)
    assert asked == []


EXPLAINED = """
import functools
class Slot:
    def __init__(self, function): self.function = function
def wrapped(function):
    @functools.wraps(function)
    def wrapper(*given): return function(*given)
    return wrapper
CODES = set()
def internal(function):
    CODES.add(function.__code__)
    return function
@internal
def of_a_set(): pass
def of_defaults(a, key=lambda x: x, *, other=lambda x: x): return key(a)
@wrapped
def of_a_closure(): pass
def of_attributes(): pass
of_attributes.key = lambda x: x
class Till:
    total = property(lambda self: 1)
    made = classmethod(lambda cls: cls())
    free = staticmethod(lambda: 2)
    table = {"a": [lambda: 1, (functools.partial(lambda x: x, 1),)]}
"""


def test_it_is_not_searched_for_functions_that_the_block_leads_to(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = workshop.freeze("explained", EXPLAINED)
    asked = count_searches(monkeypatch)
    for number in range(4):
        bf.swap(module, source=f"{EXPLAINED}\nNUMBER = {number}\n")
        bf.drain(module, timeout=0)
    assert not asked
    held = [*module.CODES]  # and where somebody has one of them, what is met is no function, and nothing is told
    assert bf.swap(module, source=EXPLAINED).unreached == ()
    assert held


TELLING = """
import a_registry
import blockfreeze as bf

def mark():
    return 1

@a_registry.register
def told():
    pass

@a_registry.register
@bf.entry
def told_once():
    pass

class Model(a_registry.Base):
    def method(self):
        return mark()

a_registry.seen.append("one")
print("nothing outside")
"""


def test_what_is_told_outside_once_more_is_reported_and_nothing_else(workshop: Workshop) -> None:
    workshop.write(
        "a_registry.py",
        "seen = []\n\ndef register(f):\n    seen.append(f.__name__)\n    return f\n\n"
        "class Base:\n    def __init_subclass__(cls):\n        seen.append(cls.__name__)\n",
    )
    module = workshop.freeze("telling", TELLING)
    first = "@a_registry.register on told", "a_registry.seen.append('one')"

    def done(text: str) -> list[str]:
        report = bf.swap(module, source=text)
        assert all(one.startswith("<blockfreeze telling generation ") for one in report.done_again)
        return [one.partition(": ")[2] for one in report.done_again]

    seen = sys.modules["a_registry"].seen
    assert seen == ["told", "told_once", "Model", "one"]
    del seen[:]
    assert done(TELLING.replace("return 1", "return 2")) == [*first]
    assert seen == ["told", "one"]
    # Another statement is no repetition; what it belongs to makes the class anew, and tells of it.
    changed = (
        TELLING.replace("'one'", "'two'").replace('"one"', '"two"').replace("def method", "limit = 1\n    def method")
    )
    assert done(changed) == [first[0], "class Model tells a_registry.Base that it is made"]
    assert bf.rollback(module).done_again == ()


WHOLE = {
    "shop/__init__.py": """
import functools
from shop.tables import ROUTES, TABLE, router, Holder

def given(a, table=TABLE): return a, table
def closing():
    held = ROUTES
    return lambda: held
closed = closing()

@functools.lru_cache
def cached(a): return a
""",
    "shop/tables.py": """
class Holder: pass
class Router:
    def __init__(self): self.routes = [self, {}]
ROUTES, TABLE, router = {"version": 1}, [1, ROUTES_BEFORE := [1]], Router()
holder = Holder()
holder.router = router
""",
}


def count_searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    counts: list[int] = []
    search = gc.get_referrers

    def counted(*objects: Any) -> list[Any]:
        counts.append(len(objects))
        return search(*objects)

    monkeypatch.setattr(gc, "get_referrers", counted)
    return counts


def test_the_heap_is_not_searched_for_what_the_block_alone_holds(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in WHOLE.items():
        workshop.write(name, text)
    shop = bf.freeze_block("shop")
    assert shop.cached(1) == 1
    counts = count_searches(monkeypatch)

    def swapped(version: int) -> list[str]:
        workshop.write("shop/tables.py", WHOLE["shop/tables.py"].replace("1", str(version)))
        return unreached(bf.swap(shop))

    for version in (2, 3, 4):
        assert swapped(version) == []
    assert counts == []
    taken = [shop.TABLE]
    (found,) = swapped(5)
    assert found.startswith("shop.tables.TABLE: the list of generation 4 is still held by a list")
    assert len(counts) == 1
    del taken


RECURSIVE = """
from .tools import recursive
@recursive(1)
def first(n): return n
@recursive(1)
def second(n): return first(n)
"""


def test_a_closure_that_calls_itself_is_not_taken_for_one_that_others_hold(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.write(
        "deep/tools.py",
        "def recursive(depth):\n    def wrap(function):\n        def walk(n):\n"
        "            return function(n) if n <= depth else walk(n - 1)\n        return walk\n    return wrap\n",
    )
    workshop.write("deep/__init__.py", RECURSIVE)
    deep = bf.freeze_block("deep")
    searches, walks, levels = count_searches(monkeypatch), list[int](), Walk.levels
    monkeypatch.setattr(Walk, "levels", lambda walk: walks.append(1) or levels(walk))
    for depth in (2, 3):
        workshop.write("deep/__init__.py", RECURSIVE.replace("1", str(depth)))
        assert unreached(bf.swap(deep)) == []
        assert deep.second(9) == depth
    assert searches == []
    assert walks == []
    taken = [deep.second]
    workshop.write("deep/__init__.py", RECURSIVE)
    assert unreached(bf.swap(deep)) == ["deep.second: the old function is still held by containers elsewhere"]
    assert len(searches) == 1
    assert taken[0] is not deep.second
