"""What modules that join late have put into what others hold is theirs: a swap does not bring it over a second time."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from conftest import Workshop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pairs import forget_block

import blockfreeze as bf
from blockfreeze.api import registry

BASE = """
from collections import deque

NAMES = []
TABLE = {}
SEEN = set()
LAST = deque()


class Registry:
    made = 0
    known = {}
    order = []

    def __init_subclass__(cls):
        Registry.made += 1
        Registry.known[cls.__name__] = cls
        Registry.order.append(cls.__name__)


class Holder:
    def __init__(self):
        self.things = []
        self.count = 0


HOLDER = Holder()
"""

LATE = """
{imports}
from .base import HOLDER, LAST, NAMES, SEEN, TABLE, Registry

class {name}(Registry):
    pass

NAMES.append("{name}")
TABLE["{name}"] = {name}
TABLE["last"] = "{name}"
SEEN.add("{name}")
LAST.appendleft("{name}")
HOLDER.things.append("{name}")
{after}
"""

MEMBERS = ("one", "two", "three")


def write(workshop: Workshop, imports: dict[str, list[str]]) -> Any:
    workshop.write("house/__init__.py", "")
    workshop.write("house/base.py", BASE)
    for name in MEMBERS:
        wanted = [f"from . import {other}" for other in imports.get(name, [])]
        text = LATE.format(name=name, imports="\n".join(wanted[:1]), after="\n".join(wanted[1:]))
        workshop.write(f"house/{name}.py", text)
    return bf.freeze_block("house")


def held(base: Any) -> dict[str, Any]:
    """Return what is held, without the order in which bodies have put it there."""
    return {
        "names": sorted(base.NAMES),
        "table": {key: value if isinstance(value, str) else value.__name__ for key, value in base.TABLE.items()},
        "seen": sorted(base.SEEN),
        "last": sorted(base.LAST),
        "made": base.Registry.made,
        "known": sorted(base.Registry.known),
        "order": sorted(base.Registry.order),
        "things": sorted(base.HOLDER.things),
    }


def test_late_modules_do_not_double_what_they_put_in(workshop: Workshop) -> None:
    house = write(workshop, {"one": ["two"]})
    base: Any = importlib.import_module("house.base")
    importlib.import_module("house.one")
    assert held(base)["names"] == ["one", "two"]
    assert base.Registry.made == 2
    before = held(base)
    for _ in range(3):
        assert not bf.swap(house).afresh
        assert held(base) == before
    bf.rollback(house)
    assert held(base) == before


def test_a_module_that_joins_after_a_swap_is_as_one_that_joined_before(workshop: Workshop) -> None:
    house = write(workshop, {})
    base: Any = importlib.import_module("house.base")
    importlib.import_module("house.one")
    base.NAMES.append("outside")
    bf.swap(house)
    importlib.import_module("house.two")
    before = held(base)
    assert before["names"] == ["one", "outside", "two"]
    bf.swap(house)
    assert held(base) == before


def test_what_others_do_in_between_stays_done(workshop: Workshop) -> None:
    house = write(workshop, {})
    base: Any = importlib.import_module("house.base")
    importlib.import_module("house.one")
    base.NAMES.remove("one")
    base.TABLE["last"] = "outside"
    base.Registry.made += 10
    importlib.import_module("house.three")
    assert (sorted(base.NAMES), base.Registry.made) == (["three"], 12)
    before = held(base)
    bf.swap(house)
    assert held(base) == before


@pytest.mark.parametrize("fails", [False, True])
def test_a_body_that_fails_late_leaves_what_is_recorded_alone(workshop: Workshop, fails: bool) -> None:
    house = write(workshop, {})
    base: Any = importlib.import_module("house.base")
    workshop.write("house/broken.py", "from .base import NAMES\nNAMES.append('broken')\n1 / 0\n")
    if fails:
        with pytest.raises(ZeroDivisionError):
            importlib.import_module("house.broken")
    importlib.import_module("house.one")
    before = held(base)
    bf.swap(house)
    assert held(base) == before


def test_a_class_may_have_any_attribute_and_still_be_in_a_container(workshop: Workshop) -> None:
    """A record once took a class with an attribute ``at`` for a mark of its own, and the swap failed."""
    workshop.write("house/__init__.py", "")
    workshop.write(
        "house/base.py",
        "class Lamp:\n    at = []\n    def __init__(self, name): self.name = name\n"
        "LAMPS = [Lamp('hall'), Lamp('attic')]\nKINDS = [Lamp]\n",
    )
    workshop.write("house/late.py", "from .base import KINDS, LAMPS, Lamp\nLAMPS.append(Lamp('late'))\n")
    house = bf.freeze_block("house")
    base: Any = importlib.import_module("house.base")
    base.KINDS.append("put in")
    importlib.import_module("house.late")
    for _ in range(2):
        assert [lamp.name for lamp in base.LAMPS] == ["hall", "attic", "late"]
        bf.swap(house)
    assert [base.Lamp, "put in"] == base.KINDS


OUTSIDERS = {
    "append": lambda base, n: base.NAMES.append(f"put {n}"),
    "again": lambda base, n: base.NAMES.append("one"),
    "remove": lambda base, n: base.NAMES.pop() if base.NAMES else None,
    "set": lambda base, n: base.TABLE.update({f"put {n}": "put"}),
    "exchange": lambda base, n: base.TABLE.update(last=f"put {n}"),
    "forget": lambda base, n: base.TABLE.pop("last", None),
    "add": lambda base, n: base.SEEN.add(f"put {n}"),
    "count": lambda base, n: setattr(base.Registry, "made", base.Registry.made + n),
    "thing": lambda base, n: base.HOLDER.things.append(f"put {n}"),
}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.sampled_from((*OUTSIDERS, *MEMBERS, "swap", "swap", "rollback")), max_size=12),
    imports=st.sampled_from(({}, {"one": ["two"]}, {"two": ["three", "one"]}, {"three": ["one"], "one": ["two"]})),
)
def test_a_swap_of_the_same_text_changes_nothing(
    steps: list[str], imports: dict[str, list[str]], workshop: Workshop
) -> None:
    """Whatever others have put in, whichever modules have joined in whatever order: what is held stays as it is."""
    house = write(workshop, imports)
    try:
        base: Any = importlib.import_module("house.base")
        swapped = False
        for number, step in enumerate([*steps, "swap"]):
            before = held(base)
            if step in OUTSIDERS:
                OUTSIDERS[step](base, number)
            elif step in MEMBERS:
                importlib.import_module(f"house.{step}")
            elif step == "swap":
                bf.swap(house)
                swapped = True
                assert held(base) == before
            elif swapped:
                bf.rollback(house)
                swapped = False
                assert held(base) == before
    finally:
        forget_block(registry.block_of(house, "forget"))
        workshop.forget()
