"""Type aliases and generic classes: `TypeVar`, `Generic`, `NewType`, subscripted classes, annotations."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator

T = typing.TypeVar("T")
K = typing.TypeVar("K", bound="Item")


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class Item:
    def label(self):
        return mark("item")


Items = list[Item]
Maker = Callable[[str], Item]
Number = typing.Union[int, float]  # noqa: UP007  #v1
Number = typing.Union[int, str]  # noqa: UP007  #v2
UserId = typing.NewType("UserId", int)


class Box(typing.Generic[T]):
    """A box."""

    def __init__(self, content: T) -> None:
        self.content = content

    def get(self) -> T:
        return self.content  #v1
        return [self.content]  #v2

    def __iter__(self) -> Iterator[T]:
        yield mark(self.content)


class ItemBox(Box[K]):
    def labels(self):
        return [mark("labels"), self.content.label()]


def pick(box: Box[T], others: Items, count: Number = 1) -> T:
    return box.get()


def make():
    return {"box": Box(1), "items": ItemBox(Item()), "typed": Box[int](2)}


def hint(function, name):
    return typing.get_type_hints(function)[name]


def use(held):
    answers = [pick(held["box"], []), held["items"].labels(), list(held["typed"]), UserId(3)]
    same = [typing.get_args(Items)[0] is Item, typing.get_args(Maker)[1] is Item, typing.get_origin(Box[int]) is Box]
    return [*answers, same, [each.__name__ for each in typing.get_args(Number)], T.__name__, K.__bound__.__forward_arg__]


def facts():
    same = [hint(pick, "others") == Items, typing.get_origin(hint(pick, "box")) is Box, hint(pick, "count") == Number]
    return [*same, [each.__name__ for each in typing.get_args(hint(pick, "count"))]]


def bound():
    return [Box(1).get, ItemBox(Item()).labels]
