"""Feature pairs in syntax that CPython 3.11 does not have, as text: a file of it would not parse there."""

from __future__ import annotations

import sys

_TYPE_PARAMETERS = '''
"""Type parameters: generic functions, classes and aliases whose scopes are functions of their own."""


def mark(text):
    return f"@VERSION@ {text}"


class Item:
    def label[T](self, value: T) -> T:
        return mark(value)


type Items[T: Item] = list[T]
type Either = Item | @TYPE@


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
        return ["@VERSION@", *super().get(other)]

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


def _version(version: str, type_name: str) -> str:
    return _TYPE_PARAMETERS.replace("@VERSION@", version).replace("@TYPE@", type_name).lstrip()


TEXTS: dict[str, tuple[str, str]] = {}
if sys.version_info >= (3, 12):
    TEXTS["type_parameters"] = (_version("v1", "str"), _version("v2", "bytes"))
