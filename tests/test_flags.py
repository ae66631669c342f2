"""Combinations of flags are members too: one object in all versions whose flags are the same."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

FLAGS = """
from enum import Flag, IntFlag, auto, KEEP
class Access(Flag):
    READ = 1
    WRITE = 2
    RUN = 4
class Mode(IntFlag):
    A = 1
    B = 2
class Kept(Flag, boundary=KEEP):
    A = 1
    B = 2
def combined(): return Access.READ | Access.WRITE, Access(0), Mode.A | Mode.B, Kept.A | Kept.B, Kept(1 | 64)
def others(): return ~Access.READ
def steps():
    while True: yield combined()
"""

ADDED = FLAGS.replace("    RUN = 4\n", "    RUN = 4\n    OWN = 8\n").replace("    B = 2\n", "    B = 2\n    C = 32\n")
DEFAULT = "DEFAULT = Access.READ | Access.WRITE\n"


def test_a_combination_of_flags_that_have_not_changed_is_the_same_in_the_next_version(workshop: Workshop) -> None:
    module = workshop.freeze("flags", FLAGS)
    held, calls = module.combined(), module.steps()
    next(calls)
    names = {one: one.name for one in held}
    for source in (ADDED, ADDED + DEFAULT, FLAGS + DEFAULT):
        bf.swap(module, source=source)
        new = module.combined()
        assert all(one is old for one, old in zip(new, held, strict=True))
        assert [names[one] for one in new] == [one.name for one in held]
        assert getattr(module, "DEFAULT", held[0]) is held[0]
        assert all(one is old for one, old in zip(next(calls), held, strict=True))
    calls.close()
    bf.drain(module, timeout=30)
    bf.rollback(module)
    assert all(one is old for one, old in zip(module.combined(), held, strict=True))


@pytest.mark.parametrize("change", ["renamed", "renumbered", "named", "divided"])
def test_a_combination_of_other_flags_is_another(workshop: Workshop, change: str) -> None:
    module: Any = workshop.freeze("flags", FLAGS.replace("    WRITE = 2\n", "") if change == "divided" else FLAGS)
    held = module.Access(5) if change == "divided" else module.Access(3)
    new = {
        "renamed": FLAGS.replace("WRITE", "STORE"),
        "renumbered": FLAGS.replace("    RUN = 4", "    RUN = 2").replace("    WRITE = 2", "    WRITE = 4"),
        "named": FLAGS.replace("    RUN = 4", "    RUN = 4\n    BOTH = 3"),
        "divided": FLAGS.replace("    READ = 1\n", "").replace("    RUN = 4", "    LOOK = 1\n    RUN = 4"),
    }[change]
    bf.swap(module, source=new)
    again = module.Access(held.value)
    assert again is not held
    assert (
        again.name
        == {"renamed": "READ|STORE", "renumbered": "READ|RUN", "named": "BOTH", "divided": "LOOK|RUN"}[change]
    )


def test_what_a_flag_is_not_has_the_flags_of_the_version(workshop: Workshop) -> None:
    module: Any = workshop.freeze("flags", FLAGS)
    assert module.others() is module.Access.WRITE | module.Access.RUN
    bf.swap(module, source=ADDED)
    assert module.others() is module.Access.WRITE | module.Access.RUN | module.Access.OWN
    bf.rollback(module)
    assert module.others() is module.Access.WRITE | module.Access.RUN
