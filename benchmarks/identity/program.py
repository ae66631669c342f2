"""The module that is updated, in its versions, and the program around it, which no tool is told of."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["CLIENT", "Change", "text"]


class Change(StrEnum):
    """What the new version does to the classes of the module."""

    NONE = "unchanged"
    BODY = "changed"
    SHAPE = "another shape"


_MODULE = '''
"""Accounts."""

from dataclasses import dataclass
from enum import Enum


class Extra:
    pass


def answer():
    return NUMBER


class Account(BASES):
    def __init__(self, owner):
        self.owner = owner

    def told(self):
        return answer()

    def is_one(self):
        return isinstance(self, Account)

    @property
    def number(self):
        return answer()

    @classmethod
    def made(cls):
        return cls(answer())
MORE

class Failure(ERRORS):
    pass
MORE

class Colour(Enum):
    RED = 1
    GREEN = 2
MORE

@dataclass
class Point(BASES):
    x: int
    y: int
MORE

class Missing:
    pass


MISSING = Missing()


def fail():
    raise Failure("failed")


def is_missing(value):
    return value is MISSING


def takes(account):
    return isinstance(account, Account)


def bases():
    return (BASES,), (ERRORS,)
'''
_MORE = """
    def more(self):
        return answer()
"""
_WORDS: Final[Mapping[Change, Mapping[str, str]]] = MappingProxyType(
    {
        Change.NONE: MappingProxyType({"BASES": "object", "ERRORS": "Exception", "MORE": ""}),
        Change.BODY: MappingProxyType({"BASES": "object", "ERRORS": "Exception", "MORE": _MORE}),
        Change.SHAPE: MappingProxyType({"BASES": "Extra", "ERRORS": "Extra, Exception", "MORE": _MORE}),
    }
)


def text(number: int, change: Change = Change.NONE) -> str:
    """Return the source of the module whose functions answer with `number`."""
    found = _MODULE.replace("NUMBER", str(number))
    for word, meaning in _WORDS[change].items():
        found = found.replace(word, meaning)
    return found


CLIENT: Final = '''
"""The program: what it has taken before the update."""

import functools
import pickle
from abc import ABC

from accounts import MISSING, Account, Colour, Failure, Point, answer

account = Account("Ann")
bound = account.told
point = Point(1, 2)
red = Colour.RED
by_colour = {Colour.RED: "red"}
pickled = pickle.dumps(account)


class Savings(Account):
    def told(self):
        return super().told()


savings = Savings("Bob")
table = {"answer": answer}
part = functools.partial(answer)
make = Account.made
error = Failure("before")
by_class = {Account: "account"}


@functools.wraps(answer)
def wrapped():
    return answer()


@functools.singledispatch
def described(thing):
    return "something"


@described.register(Account)
def _(account):
    return "account"


class Owned(ABC):
    pass


Owned.register(Account)


def given(account: Account):
    return account.owner
'''
"""The module is called ``accounts``, the program ``client``."""
