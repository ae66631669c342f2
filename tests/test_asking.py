"""Modules hold objects that answer for others, and must not be asked: blockfreeze goes by what they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from conftest import Workshop

import blockfreeze as bf
from blockfreeze.cli.check import forecast
from blockfreeze.core.safe_access import is_a, is_proxy, own_attribute

PROXIES = """
asked = []

class Proxy:
    def __init__(self, name):
        object.__setattr__(self, "name", name)

    @property
    def __class__(self):
        asked.append("__class__")
        raise RuntimeError("outside of any request")

    @property
    def __dict__(self):
        asked.append("__dict__")
        raise RuntimeError("outside of any request")

    def __getattr__(self, name):
        asked.append(name)
        raise RuntimeError("outside of any request")

    def __eq__(self, other):
        asked.append("==")
        raise RuntimeError("outside of any request")

    def __bool__(self):
        asked.append("bool")
        raise RuntimeError("outside of any request")

    __hash__ = None

    def __call__(self):
        return "answer"

request = Proxy("request")

def decorate(function):
    function.proxy = request
    return function
"""

MODULE = """
import functools
from proxies import Proxy, decorate, request

own = Proxy("own")
held = [own, request, {"own": own}, (own,)]
bound = functools.partial(len, own)

class Holder:
    shared = own

    def __init__(self):
        self.mine = own

holder = Holder()

@decorate
def foo(value=own):
    def inner():
        return own
    return request(), "v1", inner

closure = foo()[2]
"""


@pytest.fixture
def proxies(workshop: Workshop) -> Iterator[ModuleType]:
    workshop.write("proxies.py", PROXIES)
    yield workshop.load("proxies")
    sys.modules.pop("proxies", None)


@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
def test_nothing_that_a_module_holds_is_asked_who_it_is(late: bool, workshop: Workshop, proxies: ModuleType) -> None:
    workshop.write("holding.py", MODULE)
    workshop.write("holding_user.py", "from holding import *\nTABLE = [request, foo, holder]\n")
    plain = workshop.load("holding") if late else None
    if late:
        workshop.load("holding_user")
    module = bf.freeze_block(plain if plain is not None else "holding")
    workshop.load("holding_user")
    running = module.closure
    for change, expected in (
        (lambda: bf.swap(module, source=MODULE.replace('"v1"', '"v2"')), "v2"),
        (
            lambda: bf.swap(
                module, source=MODULE.replace('"v1"', '"v3"').replace("self.mine = own", "self.more = own")
            ),
            "v3",
        ),
        (lambda: bf.rollback(module), "v2"),
    ):
        str(change())
        assert module.foo()[:2] == ("answer", expected)
        str(bf.status(module))
        bf.drain(module)
    assert running() is not None
    assert proxies.asked == []


def test_a_check_asks_nobody_either(workshop: Workshop, proxies: ModuleType) -> None:
    workshop.write("holding.py", MODULE)
    workshop.write("holding_user.py", "from holding import *\nTABLE = [request, foo, holder]\n")
    found = forecast(("holding",), programs=("holding_user",))
    assert found.captures is not None
    assert {one.holder for one in found.captures} >= {"holding_user.foo", "holding_user.TABLE"}
    assert proxies.asked == []


def test_what_is_asked_is_the_object_itself() -> None:
    class Other:
        attribute = 1

        def __getattr__(self, name: str) -> str:
            return name

    class Pretender(Other):
        @property
        def __class__(self) -> type:  # type: ignore[override]
            return int

    assert isinstance(Pretender(), int)
    assert not is_a(Pretender(), int)
    assert is_a(Pretender(), (int, Other))
    assert [is_proxy(Pretender()), is_proxy(Other()), is_proxy(1)] == [True, False, False]
    assert (own_attribute(Other(), "attribute"), own_attribute(Other(), "else", 2)) == (1, 2)
    assert own_attribute(Other, "attribute") == 1
