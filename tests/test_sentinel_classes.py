"""Sentinels that are classes, and each its own metaclass, so that the type of a sentinel is the sentinel."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

BY_THE_METACLASS = """
class Sentinel(type):
    def __new__(cls, name, bases, namespace, **keywords):
        assert bases == (Sentinel,)
        made = super().__new__(cls, name, bases, namespace, **keywords)
        made.__class__ = made
        return made
    def __repr__(self): return f"{self.__name__}{VERSION}"
class EMPTY(Sentinel, metaclass=Sentinel):
    version = VERSION
class PAUSED(Sentinel, metaclass=Sentinel):
    pass
"""

BY_A_DECORATOR = """
def its_own_type(cls):
    cls.__class__ = cls
    return cls
class Sentinel(type):
    def __repr__(self): return f"{self.__name__}{VERSION}"
@its_own_type
class EMPTY(Sentinel, metaclass=Sentinel):
    version = VERSION
@its_own_type
class PAUSED(Sentinel, metaclass=Sentinel):
    pass
"""

USED = """
TABLE = {EMPTY: "empty", PAUSED: "paused"}
def look(state):
    if state not in TABLE: raise ValueError(state)
    return TABLE[state], VERSION, repr(state), EMPTY.version, type(state) is state, state in (EMPTY, PAUSED)
def steps(state):
    while True: yield look(state)
"""


def expected(version: int) -> tuple[object, ...]:
    return "paused", version, f"PAUSED{version}", version, True, True


@pytest.mark.parametrize("source", [BY_THE_METACLASS, BY_A_DECORATOR], ids=["by the metaclass", "by a decorator"])
def test_a_sentinel_that_is_its_own_metaclass_stays_the_same(workshop: Workshop, source: str) -> None:
    def text(version: int) -> str:
        return (source + USED).replace("VERSION", str(version))

    module: Any = workshop.freeze("sentinels", text(1), history=3)
    held = module.EMPTY, module.PAUSED
    calls = module.steps(held[1])
    assert next(calls) == expected(1)
    for version in (2, 3):
        report = bf.swap(module, source=text(version))
        assert report.replaced_classes == ()
        assert held == (module.EMPTY, module.PAUSED)
        assert (next(calls), module.look(held[1])) == (expected(1), expected(version))
    calls.close()
    bf.drain(module, timeout=30)
    assert module.look(held[1]) == expected(3)
    assert pickle.loads(pickle.dumps(held)) == held
    bf.rollback(module)
    bf.drain(module, timeout=30)
    assert module.look(held[1]) == expected(2)


def test_one_that_has_another_base_now_is_another(workshop: Workshop) -> None:
    source = (BY_A_DECORATOR + USED).replace("VERSION", "1")
    module: Any = workshop.freeze("sentinels", source)
    report = bf.swap(module, source=source.replace("class PAUSED(Sentinel, metaclass", "class PAUSED(EMPTY, metaclass"))
    assert [str(one) for one in report.replaced_classes] == [
        "sentinels.PAUSED: its bases were (Sentinel) and are (EMPTY)"
    ]
