"""Frozen dataclasses: hashing, refusal to assign, keyword-only fields, derived values."""

import dataclasses
import typing


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


@dataclasses.dataclass(frozen=True)
class Money:
    amount: int
    currency: str = "eur"
    zero: typing.ClassVar[int] = 0  #v1
    zero: typing.ClassVar[int] = 100  #v2

    def add(self, other):
        return dataclasses.replace(self, amount=self.amount + other.amount)  #v1
        return dataclasses.replace(self, amount=(self.amount + other.amount) * 2)  #v2

    def shown(self):
        return f"{scale(self.amount)} {self.currency} v1"  #v1
        return f"{scale(self.amount)} {self.currency} v2"  #v2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tagged(Money):
    tag: str = "t"

    def shown(self):
        return [self.tag, super().shown(), self.zero]


def refused(money):
    try:
        money.amount = 3
    except dataclasses.FrozenInstanceError as error:
        return str(error)
    return "assigned"


def make():
    return {"money": Money(3), "tagged": Tagged(amount=4), "keyed": {Money(5): "five"}}


def use(held):
    money, tagged = held["money"], held["tagged"]
    shown = [money.shown(), tagged.shown(), money.add(Money(2)).shown(), refused(money), repr(tagged)]
    return [shown, held["keyed"][Money(5)], money == Money(3), len({money, Money(3), tagged}), hash(money) == hash(Money(3))]


def bound():
    return [Money(3).shown, Tagged(amount=4).shown]
