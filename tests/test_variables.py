"""Declared variables: what a swap does to a value whose meaning changes, and what a rollback does."""

from __future__ import annotations

import pickle
from textwrap import dedent
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

PLAIN = """
import blockfreeze as bf
prices = bf.defvar("prices", dict)
def put(name, price): prices[name] = price
def show(): return dict(prices)
"""

IN_CENTS = """
import blockfreeze as bf
def to_cents(old): return {name: 100 * price for name, price in old.items()}
def to_euros(new): return {name: cents // 100 for name, cents in new.items()}
prices = bf.defvar("prices", dict, version=2, migrate=to_cents%s)
def put(name, price): prices[name] = 100 * price
def show(): return dict(prices)
"""
WITH_INVERSE, ONE_WAY = IN_CENTS % ", inverse=to_euros", IN_CENTS % ""

COUNTING = """
import blockfreeze as bf
count = 0
def tick():
    global count
    count += 1
    return count
"""
COUNTING_IN_TENS = """
import blockfreeze as bf
count = bf.defvar("count", int, version=2, migrate=lambda old: 10 * old, inverse=lambda new: new // 10)
def tick():
    global count
    count += 10
    return count
"""


def test_a_variable_of_another_version_has_the_value_that_the_hook_makes_and_the_inverse_brings_it_back(
    workshop: Workshop,
) -> None:
    shop = workshop.freeze("shop", PLAIN)
    shop.put("tea", 3)
    old = shop.prices
    report = bf.swap(shop, source=WITH_INVERSE)
    assert [str(one) for one in report.migrated] == ["shop.prices: version 1 -> 2 (way back: inverse)"]
    assert (shop.show(), shop.prices, old) == ({"tea": 300}, {"tea": 300}, {"tea": 3})
    shop.put("milk", 2)
    bf.swap(shop, source=WITH_INVERSE)
    assert shop.show() == {"tea": 300, "milk": 200}, "the same version is the same variable"
    back = bf.rollback(shop, to=2)
    assert back.migrated == ()
    bf.swap(shop, source=WITH_INVERSE.replace("100 * price\n", "100 * price + 0\n"))
    assert bf.rollback(shop).migrated == ()
    assert pickle.loads(pickle.dumps(report)) == report


def test_a_rollback_to_another_version_runs_the_inverse(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", PLAIN)
    shop.put("tea", 3)
    bf.swap(shop, source=WITH_INVERSE)
    shop.put("milk", 2)
    report = bf.rollback(shop)
    assert shop.show() == shop.prices == {"tea": 3, "milk": 2}
    assert [(one.before, one.after) for one in report.migrated] == [(2, 1)]
    shop.put("jam", 5)
    assert bf.rollback(shop, to=2).to_generation == 2
    assert shop.show() == {"tea": 300, "milk": 200, "jam": 500}, "and the hook leads on again"


def test_a_value_of_another_version_is_refused_where_nothing_says_how_to_change_it(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", PLAIN)
    shop.put("tea", 3)
    with pytest.raises(bf.IncompatibleBlockError, match="version 1") as caught:
        bf.swap(shop, source=ONE_WAY.replace(", migrate=to_cents", ""))
    assert caught.value.problems == ("shop.prices is of version 1, and declared as 2",)
    with pytest.raises(bf.IncompatibleBlockError):
        bf.swap(shop, source=ONE_WAY.replace("migrate=to_cents", "migrate={7: to_cents}"))
    assert (shop.show(), bf.status(shop).current) == ({"tea": 3}, 1)
    bf.swap(shop, source=ONE_WAY.replace("migrate=to_cents", "migrate={7: None, 1: to_cents}"))
    assert shop.show() == {"tea": 300}


def test_without_an_inverse_a_rollback_is_refused_unless_state_may_be_left_behind(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", PLAIN)
    shop.put("tea", 3)
    assert [one.way_back for one in bf.swap(shop, source=ONE_WAY).migrated] == ["none"]
    shop.put("milk", 2)
    with pytest.raises(bf.IncompatibleBlockError, match="lossy") as caught:
        bf.rollback(shop)
    assert caught.value.problems == ("shop.prices is of version 2, and no inverse leads back to 1",)
    assert shop.show() == {"tea": 300, "milk": 200}
    assert [one.way_back for one in bf.rollback(shop, lossy=True).migrated] == ["stale"]
    assert shop.show() == {"tea": 3}


def test_probation_asks_for_a_way_back_before_the_swap(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", PLAIN)
    with pytest.raises(bf.IncompatibleBlockError, match="probation") as caught:
        bf.swap(shop, source=ONE_WAY, probation=bf.Probation(seconds=0))
    assert caught.value.problems == ("shop.prices: 1 -> 2 has no inverse",)
    assert bf.status(shop).current == 1
    bf.swap(shop, source=WITH_INVERSE, probation=bf.Probation(seconds=0))
    assert bf.status(shop).current == 3


@pytest.mark.parametrize("hook", ["migrate", "inverse"])
def test_a_hook_that_fails_is_known_before_the_commit(workshop: Workshop, hook: str) -> None:
    shop = workshop.freeze("shop", PLAIN)
    shop.put("tea", "three")
    source = WITH_INVERSE.replace("100 * price for", "int(price) for") if hook == "migrate" else WITH_INVERSE
    with pytest.raises(bf.PrepareError) as caught:
        bf.swap(shop, source=source)
    assert (caught.value.phase, type(caught.value.__cause__)) == (
        "execute",
        {"migrate": ValueError}.get(hook, TypeError),
    )
    assert (shop.show(), bf.status(shop).current) == ({"tea": "three"}, 1)


def test_a_hook_that_fails_at_the_commit_leaves_everything_as_it_was(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", PLAIN)
    candidate = bf.prepare(shop, source=WITH_INVERSE)
    shop.put("tea", None)
    with pytest.raises(bf.PrepareError) as caught:
        candidate.commit()
    assert (caught.value.phase, type(caught.value.__cause__)) == ("convert", TypeError)
    assert (shop.show(), bf.status(shop).current) == ({"tea": None}, 1)


def test_what_changed_between_the_trial_and_the_commit_is_migrated(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", PLAIN)
    shop.put("tea", 3)
    candidate = bf.prepare(
        shop, source=WITH_INVERSE + "held = [prices, {'all': prices}]\ndef default(p=prices): return p\n"
    )
    assert candidate.show() == {"tea": 300}, "a check has a value to work with"
    shop.put("milk", 2)
    candidate.commit()
    assert shop.show() == {"tea": 300, "milk": 200}
    assert shop.held[0] is shop.held[1]["all"] is shop.default() is shop.prices


def test_a_body_that_changes_the_value_after_its_declaration_is_refused(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", PLAIN)
    with pytest.raises(bf.IncompatibleBlockError, match="make the change in the hook"):
        bf.swap(shop, source=WITH_INVERSE + "prices['extra'] = 1\n")
    assert (shop.show(), bf.status(shop).current) == ({}, 1)


def test_the_way_back_is_inexact_where_the_inverse_does_not_give_back_what_there_was(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", PLAIN)
    shop.put("tea", 3)
    report = bf.swap(shop, source=WITH_INVERSE.replace("cents // 100", "cents // 10"))
    assert [one.way_back for one in report.migrated] == ["inexact"]


@pytest.mark.parametrize("quiesce", [None, 5])
def test_a_variable_that_functions_rebind_is_migrated_shared_again_and_brought_back(
    workshop: Workshop, quiesce: float | None
) -> None:
    shop = workshop.freeze("shop", COUNTING)
    assert (shop.tick(), shop.tick()) == (1, 2)
    report = bf.swap(shop, source=COUNTING_IN_TENS, quiesce=quiesce)
    assert [(one.name, one.before, one.after) for one in report.migrated] == [("shop.count", 1, 2)]
    assert (shop.count, shop.tick(), shop.count, vars(shop)["count"]) == (20, 30, 30, 30)
    bf.swap(shop, source=COUNTING_IN_TENS.replace("+= 10", "+= 20"), quiesce=quiesce)
    assert (shop.tick(), shop.count) == (50, 50)
    shop.count = 70
    bf.swap(shop, source=COUNTING, quiesce=quiesce)
    assert (shop.tick(), shop.count) == (8, 8), "the older version comes as a new one: by the inverse"
    with pytest.raises(bf.IncompatibleBlockError):
        bf.swap(shop, source=COUNTING_IN_TENS.replace("migrate=", "inverse=int) or dict(key="))
    assert shop.tick() == 9


def test_a_rebound_variable_comes_back_by_a_rollback(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", COUNTING)
    shop.tick()
    bf.swap(shop, source=COUNTING_IN_TENS)
    assert (shop.tick(), shop.tick()) == (20, 30)
    bf.rollback(shop)
    assert (shop.count, shop.tick(), shop.count) == (3, 4, 4)
    bf.rollback(shop, to=2)
    assert (shop.count, shop.tick()) == (40, 50)


def test_old_calls_count_in_the_old_value_and_new_ones_in_the_new_one(workshop: Workshop) -> None:
    talk = "def talk():\n    while True:\n        yield tick()\n"
    shop = workshop.freeze("shop", COUNTING + talk)
    talking = shop.talk()
    assert next(talking) == 1
    bf.swap(shop, source=COUNTING_IN_TENS + talk)
    assert (next(talking), next(shop.talk()), next(talking), shop.count) == (2, 20, 3, 20)
    with pytest.raises(bf.DrainTimeoutError):
        bf.rollback(shop, quiesce=0.01)
    talking.close()
    bf.rollback(shop, quiesce=5)
    assert shop.count == 2


def test_the_version_of_a_rebound_variable_is_a_literal(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", COUNTING)
    with pytest.raises(bf.IncompatibleBlockError, match="literal"):
        bf.swap(shop, source=COUNTING_IN_TENS.replace("version=2", "version=1 + 1"))
    assert (shop.tick(), bf.status(shop).current) == (1, 1)


def test_a_plain_variable_that_is_declared_later_is_of_the_first_version(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", PLAIN.replace('bf.defvar("prices", dict)', "{}"))
    shop.put("tea", 3)
    bf.swap(shop, source=WITH_INVERSE)
    shop.put("milk", 2)
    assert shop.show() == {"tea": 300, "milk": 200}
    bf.rollback(shop)
    assert shop.show() == {"tea": 3, "milk": 2}


def test_what_is_set_from_outside_survives_a_swap(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", PLAIN)
    for _ in range(2):
        shop.prices = {"milk": 1}
        bf.swap(shop)
        assert shop.show() == {"milk": 1}


def test_what_a_refused_version_has_introduced_is_gone(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", PLAIN)
    more = (
        PLAIN + "total = {0}\nlimit = bf.defvar('limit', lambda: {0})\ndef add():\n    global total\n    total += 1\n"
    )
    with pytest.raises(bf.PrepareError):
        bf.swap(shop, source=more.format(1), check=lambda candidate: False)
    bf.swap(shop, source=more.format(7) + "total = total + 1\n")
    assert (shop.total, shop.limit) == (8, 7)


def test_from_imports_of_a_migrated_value_follow(workshop: Workshop) -> None:
    workshop.write("shop.py", PLAIN)
    workshop.write("till.py", "from shop import prices\n")
    shop = bf.freeze_block("shop")
    till = workshop.load("till")
    report = bf.swap(shop, source=WITH_INVERSE)
    assert till.prices is shop.prices
    assert [(one.holder, one.attribute) for one in report.repointed] == [("till", "prices")]
    bf.rollback(shop)
    assert till.prices is shop.prices


def test_values_of_versions_that_nobody_keeps_are_let_go(workshop: Workshop) -> None:
    text = """
import blockfreeze as bf
class Box(dict): pass
box = bf.defvar("box", Box, version={0}, migrate=lambda old: type(old)({{**old, {0}: {0}}}), inverse=lambda new: new)
"""
    shop = workshop.freeze("shop", text.format(1))
    for version in range(2, 12):
        bf.swap(shop, source=text.format(version))
    assert set(shop.box) == set(range(2, 12))
    line: list[Any] = []
    variable: Any = bf.api.registry.block_of(shop, "test").variables["shop", "box"]
    while variable is not None:
        line.append(variable.version)
        variable = variable.parent
    assert line == [11, 10]


def test_in_a_module_that_is_not_frozen_a_declaration_just_calls_the_factory(workshop: Workshop) -> None:
    workshop.write("shop.py", WITH_INVERSE)
    shop = workshop.load("shop")
    shop.put("tea", 3)
    assert shop.show() == {"tea": 300}


def test_a_variable_can_be_declared_in_the_body_of_a_class(workshop: Any) -> None:
    text = """
        from blockfreeze import defvar
        class Base:
            known = {factory}
            class Inner:
                known = defvar("known", {inner}, version={version}, migrate=len)
    """
    block = workshop.freeze("declared", dedent(text).format(factory="{}", inner="list", version=1))
    block.Base.known["a"] = 1
    block.Base.Inner.known.append(2)
    known = block.Base.known
    report = bf.swap(block, source=dedent(text).format(factory='defvar("known", dict)', inner="int", version=2))
    assert (block.Base.known, block.Base.known is known, block.Base.Inner.known) == ({"a": 1}, True, 1)
    assert [str(one) for one in report.migrated] == [
        "declared.Base.Inner.known: version 1 -> 2 (way back: none)",
    ]
    bf.swap(block, source=dedent(text).format(factory='defvar("known", lambda: {})', inner="int", version=2))
    assert block.Base.known is known
