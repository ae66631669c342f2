"""Features in syntax that CPython 3.11 does not have, as text of both versions: a file of it would not parse there."""

from __future__ import annotations

import sys

_TYPE_PARAMETERS = '''\
"""Type parameters: generic functions, classes and aliases whose scopes are functions of their own."""


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class Item:
    def label[T](self, value: T) -> T:
        return mark(value)


type Items[T: Item] = list[T]
type Either = Item | str  #v1
type Either = Item | bytes  #v2


def pick[T: (Item, int)](value: T, others: Items[Item], *, default=mark("default")) -> T:
    def inner[S](other: S) -> S:
        return mark(other)

    return [inner(1), default, value.label(2) if isinstance(value, Item) else value]


class Box[T](Item):
    kinds: dict[str, T] = {mark("kind"): None}

    def __init__(self, content: T) -> None:
        self.content = content

    def get[S](self, other: S) -> tuple[T, S]:
        return [self.content, mark(other), super().label(3), __class__.__name__]


class ItemBox(Box[Item]):
    def get(self, other):
        return ["v1", *super().get(other)]  #v1
        return ["v2", *super().get(other)]  #v2

    def shown(self):
        return [mark("shown"), *self.get(6)]


def make():
    return {"box": Box(1), "items": ItemBox(2)}


def use(held):
    answers = [pick(Item(), []), pick(3, []), held["box"].get(4), held["items"].get(5), list(Box.kinds)]
    bounds = [parameter.__bound__ is Item for parameter in Items.__type_params__]
    names = [parameter.__name__ for parameter in (*pick.__type_params__, *Box.__type_params__, *Items.__type_params__)]
    return [*answers, bounds, names, Items.__value__.__origin__ is list, Either.__value__.__args__[1].__name__]


def bound():
    return [ItemBox(2).shown]
'''

TEXTS: dict[str, str] = {}
if sys.version_info >= (3, 12):
    TEXTS["type_parameters"] = _TYPE_PARAMETERS
