"""Others keep running: the switch interval is short while a version is prepared, and is put back whatever happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from conftest import Workshop
from threads import ThreadedCall, elsewhere

import blockfreeze as bf
from blockfreeze.core import forks
from blockfreeze.core.turns import SHORT, ShortTurns

LONG = 0.02


@pytest.fixture(autouse=True)
def long_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(LONG)
    yield
    sys.setswitchinterval(before)


NOTING = """
import sys
noted = sys.getswitchinterval()
"""


def test_bodies_run_in_short_turns_and_the_interval_is_as_before_afterwards(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", NOTING)
    bf.swap(shop)
    assert shop.noted == pytest.approx(SHORT)
    assert sys.getswitchinterval() == pytest.approx(LONG)
    bf.rollback(shop)
    assert sys.getswitchinterval() == pytest.approx(LONG)


def test_a_candidate_that_waits_leaves_the_interval_alone(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", NOTING)
    with bf.prepare(shop) as candidate:
        assert candidate.noted == pytest.approx(SHORT)
        assert sys.getswitchinterval() == pytest.approx(LONG)
        candidate.commit()
    assert sys.getswitchinterval() == pytest.approx(LONG)


@pytest.mark.parametrize("text", ["raise RuntimeError", "raise KeyboardInterrupt", "def broken(:"])
def test_a_swap_that_fails_puts_the_interval_back(workshop: Workshop, text: str) -> None:
    shop = workshop.freeze("shop", NOTING)
    with pytest.raises((bf.PrepareError, KeyboardInterrupt)):
        bf.swap(shop, source=text)
    assert sys.getswitchinterval() == pytest.approx(LONG)


def test_a_swap_inside_the_body_of_another_one(workshop: Workshop) -> None:
    other = workshop.freeze("other", NOTING)
    shop = workshop.freeze("shop", "noted = None")
    bf.swap(shop, source="import blockfreeze, other, sys\nblockfreeze.swap(other)\n" + NOTING)
    assert other.noted == pytest.approx(SHORT)
    assert shop.noted == pytest.approx(SHORT)
    assert sys.getswitchinterval() == pytest.approx(LONG)


def test_an_interval_that_is_shorter_already_is_left(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", NOTING)
    sys.setswitchinterval(SHORT / 5)
    bf.swap(shop)
    assert shop.noted == pytest.approx(SHORT / 5)
    assert sys.getswitchinterval() == pytest.approx(SHORT / 5)


def test_an_interval_that_somebody_sets_meanwhile_stays(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", NOTING)
    bf.swap(shop, source="import sys\nsys.setswitchinterval(0.007)")
    assert sys.getswitchinterval() == pytest.approx(0.007, abs=2e-6)


@pytest.mark.parametrize("microseconds", [1, 999, 4999, 6999, 6998, 20001, 123457])
def test_the_interval_is_not_worn_off_by_many_swaps(microseconds: int) -> None:
    turns = ShortTurns()
    sys.setswitchinterval((microseconds + 0.5) * 1e-6)
    before = sys.getswitchinterval()
    for _ in range(20):
        with turns():
            pass
    assert sys.getswitchinterval() == before


@pytest.mark.needs_threads
def test_the_last_of_several_puts_back_what_was_there_before_the_first() -> None:
    turns = ShortTurns()
    first, second = turns(), turns()
    first.__enter__()
    elsewhere(second.__enter__)
    first.__exit__(None, None, None)
    assert sys.getswitchinterval() == pytest.approx(SHORT)
    other = turns()
    other.__enter__()
    other.__exit__(None, None, None)
    assert sys.getswitchinterval() == pytest.approx(SHORT)


@pytest.mark.needs_threads
def test_two_blocks_at_once_in_either_order_of_their_ends(workshop: Workshop) -> None:
    one, two = workshop.freeze("one", "value = 1"), workshop.freeze("two", "value = 1")
    outer = bf.prepare(one)

    def inner_swap() -> float:
        bf.swap(two)
        return sys.getswitchinterval()

    call = ThreadedCall(inner_swap)
    assert call.result() == pytest.approx(LONG)
    outer.commit()
    assert sys.getswitchinterval() == pytest.approx(LONG)


@pytest.mark.needs_fork
def test_the_child_of_a_fork_in_a_body_goes_on_and_puts_the_interval_back(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", "import os\nchild = None")
    bf.swap(shop, source="import os\nchild = os.fork()")
    if shop.child == 0:
        os._exit(0 if abs(sys.getswitchinterval() - LONG) < 1e-4 else 1)
    assert os.waitpid(shop.child, 0)[1] == 0
    assert sys.getswitchinterval() == pytest.approx(LONG)


@pytest.mark.needs_fork
@pytest.mark.needs_threads
def test_the_child_of_a_fork_beside_a_preparation_has_the_interval_as_before(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "PATIENCE", 0.01)  # the preparation waits for the child
    read, write = os.pipe()
    again, done = os.pipe()
    source = f"import os\nos.write({write}, b'x')\nos.read({again}, 1)"
    shop = workshop.freeze("shop", "value = 1")
    swapping = ThreadedCall(lambda: bf.swap(shop, source=source))
    os.read(read, 1)
    child = os.fork()
    if child == 0:
        os._exit(0 if abs(sys.getswitchinterval() - LONG) < 1e-4 else 1)
    assert os.waitpid(child, 0)[1] == 0
    os.write(done, b"x")
    swapping.result()
    assert sys.getswitchinterval() == pytest.approx(LONG)
