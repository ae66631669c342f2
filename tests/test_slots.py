"""Slots are the layout of a class: no version sets or takes them; ``__slots__`` is an attribute like any other."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

SETTERS = {
    "a hook of its base": """
class Named:
    def __init_subclass__(cls): cls.name = cls.__name__
class One(Named): pass
""",
    "a decorator": """
def named(cls):
    cls.name = "One"
    return cls
@named
class One: pass
""",
    "the body": """
class One: pass
One.name = "One"
""",
    "a function": """
class One: name = "none"
def name_it(): setattr(One, "name", "One")
name_it()
""",
}

SLOTTED = """
class Slotted:
    __slots__ = ["name", "__weakref__"]
    def __init__(self, name): self.name = name
class Derived(Slotted):
    __slots__ = "more"
    def __init__(self, name): super().__init__(name); self.more = 1
class Open(Slotted): pass
def make():
    while True: yield [cls("x") for cls in (Slotted, Derived, Open)]
"""


@pytest.mark.parametrize("setter", SETTERS)
def test_a_slot_stays_where_another_class_has_an_attribute_of_its_name(workshop: Workshop, setter: str) -> None:
    source = SETTERS[setter] + SLOTTED
    module: Any = workshop.freeze("slotted", source)
    old = module.make()
    held = next(old)
    for text in (source, source + "more = 1\n", source):
        bf.swap(module, source=text)
        for one in (*held, *next(old), *next(module.make())):
            assert one.name == "x"
            one.name = "y"
            one.name = "x"
        assert module.One.name == "One"
    old.close()
    bf.drain(module, timeout=30)
    bf.rollback(module)
    assert [one.name for one in (*held, *next(module.make()))] == ["x"] * 6


DELETING = """
import copy
class Token:
    __slots__ = ("kind",)
    def version(self): return V
class Derived(Token):
    __slots__ = ()
DELETED
def look(token):
    while True: yield token.version(), getattr(type(token), "__slots__", None), "__slots__" in vars(Token)
"""


def test_a_body_deletes_slots_of_a_class_or_does_not(workshop: Workshop) -> None:
    def text(version: int, *deleted: str) -> str:
        deletions = "\n".join(f"del {name}.__slots__" for name in deleted)
        return DELETING.replace("V", str(version)).replace("DELETED", deletions)

    def can_copy(token: Any) -> bool:
        if getattr(copy.copy(token), "kind", None) != 7:
            return False
        return bool(pickle.loads(pickle.dumps(token)).kind == 7)

    module: Any = workshop.freeze("tokens", text(1, "Token"), history=5)
    token, derived = module.Token(), module.Derived()
    token.kind = derived.kind = 7
    looks = module.look(token)
    assert next(looks) == (1, None, False)
    bf.swap(module, source=text(2, "Token"))
    assert (next(looks), next(module.look(token))) == ((1, None, False), (2, None, False))
    bf.swap(module, source=text(3))
    assert (next(looks), next(module.look(token))) == ((1, None, False), (3, ("kind",), True))
    assert can_copy(token)
    bf.swap(module, source=text(4, "Token", "Derived"))
    assert (next(looks), next(module.look(derived))) == ((1, None, False), (4, None, False))
    bf.swap(module, source=text(5))
    looks.close()
    bf.drain(module, timeout=30)
    assert can_copy(token)
    assert can_copy(derived)
    assert "__slots__" in vars(module.Token)
    bf.rollback(module)
    bf.drain(module, timeout=30)
    assert "__slots__" not in vars(module.Token)
    with pytest.raises(bf.PrepareError, match="__slots__"):
        bf.swap(module, source=text(6, "Token", "Token"))
    assert token.version() == 4
