"""Instances made before a class was redefined: converted, moved where that is sound, or whole as they were."""

from __future__ import annotations

import gc
import pickle
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Workshop
from living import Watch
from threads import LIMIT, ParkedCall, ThreadedCall

import blockfreeze as bf

V1 = """
class Account:
    def __init__(self, owner):
        self.owner = owner
    def describe(self):
        return f"{self.owner}, {rate()}"
def rate(): return 1
def describe(account): return account.describe()
"""

CLASS_2 = """
import blockfreeze as bf
class Account:
    def __init__(self, owner):
        self.owner = owner
        self.limit = 10
    def describe(self):
        return f"{self.owner}, {rate()}, {self.limit}"
    def close(self):
        self.closed = True
def rate(): return 2
def describe(account): return account.describe()
"""
HOOK = """
@bf.converts(Account{0})
def convert(account, added, discarded, old):
    seen.append((type(account) is Account, added, discarded, dict(old), rate()))
    account.limit = 20
seen = []
"""
V2 = CLASS_2 + HOOK.format("")

# The same classes with slots: another layout, so a second class.
SECOND = CLASS_2.replace("class Account:", "class Base: pass\nclass Account(Base):")


def open_shop(workshop: Workshop, source: str = V1) -> Any:
    return workshop.freeze("shop", source)


def at_rest(shop: Any) -> None:
    bf.drain(shop, timeout=60)


@pytest.fixture(params=["quiesced", "at rest later"])
def swapped(request: pytest.FixtureRequest) -> Callable[[Any, str], bf.SwapReport]:
    """Swap, and have what can be converted converted: behind the swap's own gate, or at the next moment of rest."""

    def swap(shop: Any, source: str) -> bf.SwapReport:
        report = bf.swap(shop, source=source, quiesce=60 if request.param == "quiesced" else None)
        at_rest(shop)
        return report

    return swap


def test_the_hook_is_told_what_has_changed_and_gives_the_instance_what_it_lacks(
    workshop: Workshop, swapped: Callable[[Any, str], bf.SwapReport]
) -> None:
    shop = open_shop(workshop)
    account = shop.Account("Ann")
    swapped(shop, V2)
    assert shop.seen == [(True, ("closed", "limit"), (), {"owner": "Ann"}, 2)]
    assert (type(account), account.describe(), shop.describe(account)) == (shop.Account, "Ann, 2, 20", "Ann, 2, 20")
    assert vars(account) == {"owner": "Ann", "limit": 20}
    swapped(shop, V2)
    assert len(shop.seen) == 1, "what was converted is not converted again"
    assert account.describe() == "Ann, 2, 20"


def test_the_report_counts_what_was_converted(workshop: Workshop) -> None:
    shop = open_shop(workshop)
    accounts = [shop.Account("Ann") for _ in range(3)]
    report = bf.swap(shop, source=V2, quiesce=60)
    assert [(one.name, one.count) for one in report.converted] == [("shop.Account", len(accounts))]
    assert report.unreached == ()
    assert "converted: shop.Account: 3 instances" in str(report)
    assert pickle.loads(pickle.dumps(report)) == report


def test_without_quiesce_instances_wait_whole_on_their_old_methods_and_are_told_of(workshop: Workshop) -> None:
    shop = open_shop(workshop, V1 + "def talk(account):\n    yield\n    yield account.describe()\n")
    account, told = shop.Account("Ann"), []
    talking = shop.talk(account)
    next(talking)
    unsubscribe = bf.subscribe(told.append)
    report = bf.swap(shop, source=V2)
    assert [one.name for one in report.unreached] == ["shop.Account"]
    assert "until the block is at rest" in report.unreached[0].reason
    assert (account.describe(), shop.describe(account), isinstance(account, shop.Account)) == ("Ann, 1", "Ann, 1", True)
    assert next(talking) == "Ann, 1"
    talking.close()
    at_rest(shop)
    unsubscribe()
    assert (account.describe(), type(account)) == ("Ann, 2, 20", shop.Account)
    (event,) = (one for one in told if isinstance(one, bf.InstancesConverted))
    assert (event.counts, event.stayed, event.error) == ((("shop.Account", 1),), (), "")


def test_a_bound_method_held_from_before_follows_its_instance(
    workshop: Workshop, swapped: Callable[[Any, str], bf.SwapReport]
) -> None:
    shop = open_shop(workshop)
    describe = shop.Account("Ann").describe
    swapped(shop, V2)
    assert describe() == "Ann, 2, 20"


@pytest.mark.parametrize("quiesce", [60, None])
def test_a_hook_that_fails_leaves_every_instance_as_it_was(workshop: Workshop, quiesce: float | None) -> None:
    shop = open_shop(workshop)
    accounts = [shop.Account(name) for name in ("Ann", "Bob", "Cid")]
    told: list[bf.Event] = []
    unsubscribe = bf.subscribe(told.append)
    fails = V2.replace("    account.limit = 20", "    account.limit = 20; account.owner = ''; 1 / (len(seen) - 3)")
    if quiesce:
        with pytest.raises(bf.PrepareError) as caught:
            bf.swap(shop, source=fails, quiesce=quiesce)
        assert (caught.value.phase, type(caught.value.__cause__)) == ("convert", ZeroDivisionError)
        assert bf.status(shop).current == 1
    else:
        bf.swap(shop, source=fails)
        at_rest(shop)
        (event,) = (one for one in told if isinstance(one, bf.InstancesConverted))
        assert "ZeroDivisionError" in event.error
    unsubscribe()
    assert sorted(one.describe() for one in accounts) == ["Ann, 1", "Bob, 1", "Cid, 1"]
    assert [vars(one) for one in accounts] == [{"owner": "Ann"}, {"owner": "Bob"}, {"owner": "Cid"}]
    bf.swap(shop, source=V2, quiesce=60)
    assert {one.describe()[3:] for one in accounts} == {", 2, 20"}


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit"])
def test_an_interrupt_in_a_hook_leaves_everything_as_it_was(workshop: Workshop, error: str) -> None:
    shop = open_shop(workshop)
    account = shop.Account("Ann")
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        bf.swap(shop, source=V2.replace("account.limit = 20", f"account.limit = 20; raise {error}"), quiesce=60)
    assert (vars(account), account.describe(), bf.status(shop).current) == ({"owner": "Ann"}, "Ann, 1", 1)


def test_a_hook_that_leaves_an_attribute_out_is_refused_but_for_what_a_new_instance_lacks_too(
    workshop: Workshop,
) -> None:
    shop = open_shop(workshop)
    account = shop.Account("Ann")
    with pytest.raises(bf.PrepareError, match="limit"):
        bf.swap(shop, source=V2.replace("account.limit = 20", "pass"), quiesce=60)
    assert account.describe() == "Ann, 1"
    bf.swap(shop, source=V2, quiesce=60)
    assert not hasattr(account, "closed")


def test_a_hook_with_a_version_converts_where_no_attribute_has_changed(
    workshop: Workshop, swapped: Callable[[Any, str], bf.SwapReport]
) -> None:
    source = """
import blockfreeze as bf
class Price:
    def __init__(self, amount): self.amount = amount
    def show(self): return self.amount, {0}
@bf.converts(Price, version={0}, inverse=lambda price, *_: setattr(price, "amount", price.amount // 100))
def to_cents(price, added, discarded, old): price.amount *= 100
"""
    shop = open_shop(workshop, source.format(1))
    price = shop.Price(3)
    swapped(shop, source.format(2))
    assert price.show() == (300, 2)
    swapped(shop, source.format(2))
    assert price.show() == (300, 2)
    assert shop.Price(5).show() == (5, 2)


@pytest.mark.parametrize("quiesce", [60, None])
def test_a_rollback_converts_back_by_the_inverse(workshop: Workshop, quiesce: float | None) -> None:
    back = ", version=2, inverse=lambda account, added, discarded, old: delattr(account, 'limit')"
    shop = open_shop(workshop)
    account = shop.Account("Ann")
    bf.swap(shop, source=CLASS_2 + HOOK.format(back), quiesce=60)
    newer = shop.Account("Bob")
    bf.rollback(shop, quiesce=quiesce)
    at_rest(shop)
    assert [vars(account), vars(newer)] == [{"owner": "Ann"}, {"owner": "Bob"}]
    assert (account.describe(), newer.describe()) == ("Ann, 1", "Bob, 1")


def test_without_an_inverse_a_rollback_over_a_version_is_refused_and_probation_asks_before(workshop: Workshop) -> None:
    shop = open_shop(workshop)
    account = shop.Account("Ann")
    source = CLASS_2 + HOOK.format(", version=2")
    with pytest.raises(bf.IncompatibleBlockError, match="no inverse"):
        bf.swap(shop, source=source, quiesce=60, probation=bf.Probation(seconds=0))
    bf.swap(shop, source=source, quiesce=60)
    with pytest.raises(bf.IncompatibleBlockError, match=r"shop\.Account is of version 2"):
        bf.rollback(shop)
    assert account.describe() == "Ann, 2, 20"
    bf.rollback(shop, lossy=True)
    assert account.describe() == "Ann, 1"


def test_instances_move_to_a_second_class_that_wants_nothing_new(
    workshop: Workshop, swapped: Callable[[Any, str], bf.SwapReport]
) -> None:
    shop = open_shop(workshop)
    account, old = shop.Account("Ann"), shop.Account
    describe = account.describe
    second = V1.replace("class Account:", "class Base: pass\nclass Account(Base):").replace("return 1", "return 2")
    report = swapped(shop, second)
    assert [one.name for one in report.replaced_classes] == ["shop.Account"]
    assert (type(account) is shop.Account, shop.Account is old, shop.Account.__mro__[1] is shop.Base) == (
        True,
        False,
        True,
    )
    assert (account.describe(), shop.describe(account), describe()) == ("Ann, 2",) * 3
    bf.rollback(shop)
    at_rest(shop)
    assert (type(account) is shop.Account is old, account.describe(), describe()) == (True, "Ann, 1", "Ann, 1")


def test_without_a_hook_an_instance_that_lacks_something_stays_whole_on_its_old_class(
    workshop: Workshop, swapped: Callable[[Any, str], bf.SwapReport]
) -> None:
    shop = open_shop(workshop)
    account, old = shop.Account("Ann"), shop.Account
    describe = account.describe
    swapped(shop, SECOND)
    assert (type(account), account.describe(), shop.describe(account), describe()) == (old, *["Ann, 1"] * 3)
    report = bf.swap(shop, source=SECOND + HOOK.format(""), quiesce=60)
    assert [(one.name, one.count) for one in report.converted] == [("shop.Account", 1)], "a later version has a hook"
    assert (type(account), account.describe(), describe()) == (shop.Account, "Ann, 2, 20", "Ann, 2, 20")


def test_what_stays_is_listed_with_count_and_reason(workshop: Workshop) -> None:
    shop = open_shop(workshop)
    accounts = [shop.Account("Ann") for _ in range(2)]
    report = bf.swap(shop, source=SECOND, quiesce=60)
    (told,) = map(str, report.unreached)
    assert told.startswith("shop.Account: 2 instances made before stay as they were: lack closed, limit, which")
    assert {one.describe() for one in accounts} == {"Ann, 1"}
    slots = V1.replace("class Account:", "class Account:\n    __slots__ = ('owner',)")
    report = bf.swap(shop, source=slots, quiesce=60)
    assert [one.name for one in report.unreached] == ["shop.Account"]
    assert "layout" in report.unreached[0].reason
    assert {one.describe() for one in accounts} == {"Ann, 1"}


def test_a_hook_moves_instances_to_a_second_class(
    workshop: Workshop, swapped: Callable[[Any, str], bf.SwapReport]
) -> None:
    shop = open_shop(workshop)
    account, describe = shop.Account("Ann"), None
    describe = account.describe
    swapped(shop, SECOND + HOOK.format(""))
    assert shop.seen == [(True, ("closed", "limit"), (), {"owner": "Ann"}, 2)]
    assert (type(account), account.describe(), describe()) == (shop.Account, "Ann, 2, 20", "Ann, 2, 20")


def test_a_subclass_defined_outside_gets_the_second_class_as_its_base(
    workshop: Workshop, swapped: Callable[[Any, str], bf.SwapReport]
) -> None:
    base = "class Root: pass\n"
    shop = open_shop(workshop, base + V1.replace("class Account:", "class Account(Root):"))
    workshop.write(
        "mine.py", "import shop\nclass Mine(shop.Account):\n    def describe(self): return 'my ' + super().describe()\n"
    )
    mine = workshop.load("mine")
    one, old = mine.Mine("Ann"), shop.Account
    swapped(
        shop,
        base
        + "class Other: pass\n"
        + CLASS_2.replace("class Account:", "class Account(Root, Other):")
        + HOOK.format(""),
    )
    assert (mine.Mine.__bases__, isinstance(one, shop.Account), type(one)) == ((shop.Account,), True, mine.Mine)
    assert (one.describe(), mine.Mine("Bob").describe()) == ("my Ann, 2, 20", "my Bob, 2, 10")
    bf.rollback(shop, lossy=True)
    at_rest(shop)
    assert (mine.Mine.__bases__, one.describe()) == ((old,), "my Ann, 1")


def test_a_subclass_whose_layout_does_not_fit_stays_and_is_listed(workshop: Workshop) -> None:
    shop = open_shop(workshop)
    workshop.write("mine.py", "import shop\nclass Mine(shop.Account): pass\n")
    one = workshop.load("mine").Mine("Ann")
    slots = V1.replace("class Account:", "class Account:\n    __slots__ = ('owner',)")
    report = bf.swap(shop, source=slots, quiesce=60)
    assert [(one.name, "sub-class" in one.reason) for one in report.unreached] == [("mine.Mine", True)]
    assert one.describe() == "Ann, 1"


def test_the_hook_of_a_class_is_for_instances_of_its_subclasses_too(
    workshop: Workshop, swapped: Callable[[Any, str], bf.SwapReport]
) -> None:
    more = "class Special(Account):\n    def describe(self): return 'special ' + super().describe()\n"
    shop = open_shop(workshop, V1 + more)
    workshop.write("mine.py", "import shop\nclass Mine(shop.Account): pass\n")
    special, own = shop.Special("Ann"), workshop.load("mine").Mine("Bob")
    swapped(shop, V2 + more)
    assert (special.describe(), own.describe()) == ("special Ann, 2, 20", "Bob, 2, 20")
    assert (type(special) is shop.Special, type(own).__name__) == (True, "Mine")


def test_instances_with_slots_are_given_back_what_they_had(workshop: Workshop) -> None:
    source = """
import blockfreeze as bf
class Point:
    __slots__ = ("x", "y")
    def __init__(self, x): self.x = x
    def show(self): return self.x, {0}
"""
    hook = """
@bf.converts(Point, version={0})
def convert(point, added, discarded, old):
    point.x, point.y = -old["x"], 1
    if point.x == -3: raise ValueError
"""
    shop = open_shop(workshop, source.format(1))
    points = [shop.Point(x) for x in (1, 2, 3)]
    with pytest.raises(bf.PrepareError):
        bf.swap(shop, source=source.format(2) + hook.format(2), quiesce=60)
    assert [(one.show(), hasattr(one, "y")) for one in points] == [((1, 1), False), ((2, 1), False), ((3, 1), False)]
    del points[2]
    bf.swap(shop, source=source.format(2) + hook.format(2), quiesce=60)
    assert [(one.show(), one.y) for one in points] == [((-1, 2), 1), ((-2, 2), 1)]


def test_a_conversion_keeps_no_instance_and_no_generation_alive(workshop: Workshop) -> None:
    shop = open_shop(workshop)
    account = shop.Account("Ann")
    gone = weakref.ref(account)
    bf.swap(shop, source=V2, quiesce=60)
    bf.swap(shop, source=SECOND + HOOK.format(""))
    at_rest(shop)
    del account
    gc.collect()
    assert gone() is None
    for number in range(4):
        bf.swap(shop, source=(V2, SECOND)[number % 2])
        at_rest(shop)
    gc.collect()
    block = bf.api.registry.block_of(shop, "test")
    assert len(block.generations) == 2
    assert len([one for one in block.instances.superseded if one.reference() is not None]) <= 2
    assert block.instances.unconverted is None


def test_in_a_module_that_is_not_frozen_a_converter_is_a_function(workshop: Workshop) -> None:
    workshop.write("shop.py", V2)
    shop = workshop.load("shop")
    assert (shop.Account("Ann").describe(), shop.convert.__name__) == ("Ann, 2, 10", "convert")


def test_fields_of_dataclasses_count_however_they_are_assigned(workshop: Workshop) -> None:
    source = """
import blockfreeze as bf
from dataclasses import dataclass
@dataclass(frozen=True)
class Point:
    x: int
    {0}
def show(point): return point
"""
    hook = """
@bf.converts(Point)
def convert(point, added, discarded, old):
    object.__setattr__(point, *added, -old["x"])
"""
    shop = open_shop(workshop, source.format(""))
    point = shop.Point(1)
    report = bf.swap(shop, source=source.format("y: int"), quiesce=60)
    assert [one.name for one in report.unreached] == ["shop.Point"]
    bf.swap(shop, source=source.format("y: int") + hook, quiesce=60)
    assert (point, type(point)) == (shop.Point(1, -1), shop.Point)


def test_what_old_calls_in_flight_have_made_is_converted_too(workshop: Workshop) -> None:
    talk = "def talk():\n    yield\n    yield Account('Ann')\n"
    shop = open_shop(workshop, V1 + talk)
    talking = shop.talk()
    next(talking)
    bf.swap(shop, source=V2 + talk)
    account = next(talking)
    assert not hasattr(account, "limit")
    talking.close()
    at_rest(shop)
    assert account.describe() == "Ann, 2, 20"


COUNTED = """
import blockfreeze as bf
class Plain: pass
class Other: pass
class Till({base}):
    def __init__(self):
        self.made = self.unit{0} = {0}
    def show(self):
        return self.unit{0}, self.number(), rate()
    def number(self): return {0}
def rate(): return {0}
def show(till): return till.show()
def make(): return Till().show()
@bf.converts(Till, version={0}, inverse=lambda till, *_: setattr(till, "unit{1}", {1}))
def convert(till, added, discarded, old): till.unit{0} = {0}
"""


@pytest.mark.needs_threads
@pytest.mark.parametrize("second", [False, True], ids=["the class stays", "a second class each time"])
@pytest.mark.parametrize("quiesce", [60, None])
def test_no_thread_meets_an_instance_with_the_methods_of_another_version(
    workshop: Workshop, quiesce: float | None, second: bool
) -> None:
    def text(version: int, before: int) -> str:
        return COUNTED.format(version, before, base="Other" if second and version % 2 else "Plain")

    shop = open_shop(workshop, text(1, 1))
    tills = [shop.Till() for _ in range(5)]
    bound = [till.show for till in tills]
    wrong: list[object] = []
    ended = threading.Event()

    def call() -> None:
        while not ended.is_set() and not wrong:
            for till, show in zip(tills, bound, strict=True):
                for ask in (till.show, show, lambda till=till: shop.show(till), shop.make):
                    try:
                        answer = ask()
                    except Exception as error:
                        wrong.append(error)
                    else:
                        wrong.extend([answer] if len(set(answer)) > 1 else [])

    calling = [ThreadedCall(call) for _ in range(3)]
    try:
        serving, newest = 1, 1
        for number in range(12):
            newest += 1
            bf.swap(shop, source=text(newest, serving), quiesce=quiesce)
            before, serving = serving, newest
            if number % 4 == 3:
                bf.rollback(shop, quiesce=quiesce)
                serving = before
    finally:
        ended.set()
        for one in calling:
            one.result()
    assert not wrong
    at_rest(shop)
    assert {till.show()[0] for till in tills} == {serving}


@pytest.mark.needs_threads
def test_a_call_that_waited_follows_its_instance_to_a_class_that_has_lost_the_base_of_its_method(
    workshop: Workshop, watch: Watch
) -> None:
    old = "class Base:\n    def name(self):\n        return 'old'\n\nclass Tool(Base):\n    pass\n\n"
    new = "class Tool:\n    def name(self):\n        return 'new'\n\n"
    wait = "def wait(between):\n    between()\n"
    tools = workshop.freeze("tools", old + wait)
    bf.swap(tools)  # from now on methods forward
    tool = tools.Tool()
    with ParkedCall(tools.wait) as parked:
        swapping = ThreadedCall(lambda: bf.swap(tools, source=new + wait, quiesce=LIMIT))
        watch.wait_until_shut()
        waiting = ThreadedCall(tool.name)
        watch.wait_for_waiting()
        parked.finish()
        swapping.result()
        assert waiting.result() == "new"
    assert type(tool) is tools.Tool


def test_a_bound_method_follows_its_instance_to_a_class_that_has_lost_the_base_of_its_method(
    workshop: Workshop,
) -> None:
    workshop.write(
        "tools.py", "class Base:\n    def name(self):\n        return 'old'\n\nclass Tool(Base):\n    pass\n"
    )
    tools = bf.freeze_block("tools")
    tool, base = tools.Tool(), tools.Base()
    bound, gone = tool.name, base.name
    bf.swap(tools, source="class Tool:\n    def name(self):\n        return 'new'\n")
    bf.drain(tools, timeout=LIMIT)
    assert (type(tool) is tools.Tool, tool.name(), bound()) == (True, "new", "new")
    assert (base.name(), gone()) == ("old", "old")


ENDLESS = """
import blockfreeze as bf
import threading
TURNS = [threading.Event(), threading.Event()]
class Account:
    def __init__(self): self.owner = "me"
    def work(self, turn):
        # Ends when the other caller has begun its next call, if that is not held back.
        TURNS[turn].set()
        TURNS[1 - turn].wait(0.002)
        TURNS[1 - turn].clear()
        return {0}
"""


def test_instances_are_converted_though_a_call_of_their_old_methods_is_always_under_way(workshop: Workshop) -> None:
    shop = open_shop(workshop, ENDLESS.format("1"))
    account, ended, answers = shop.Account(), threading.Event(), [0, 0]

    def go_on(turn: int) -> None:
        while not ended.is_set():
            answers[turn] = account.work(turn)

    callers = [ThreadedCall(go_on, turn) for turn in (0, 1)]
    newer = ENDLESS.format("self.limit").replace('"me"', '"me"; self.limit = 2')
    try:
        bf.swap(shop, source=newer + HOOK.format("").replace("rate()", "2"))
        bf.drain(shop, timeout=60)
        assert (account.limit, account.work(0)) == (20, 20)
    finally:
        ended.set()
        for caller in callers:
            caller.result()
