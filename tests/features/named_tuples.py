"""`typing.NamedTuple` classes with methods and defaults, and `collections.namedtuple` and a subclass of one."""

import collections
import typing


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


class Point(typing.NamedTuple):
    """A point."""

    x: int
    y: int = 1  #v1
    y: int = 2  #v2

    def total(self):
        return ["v1", scale(self.x + self.y)]  #v1
        return ["v2", scale(self.x * self.y)]  #v2

    @property
    def mirrored(self):
        return Point(self.y, self.x)

    @classmethod
    def origin(cls):
        return cls(0, 0)  #v1
        return cls(0, 1)  #v2


Pair = collections.namedtuple("Pair", "left right", defaults=[1])  #v1
Pair = collections.namedtuple("Pair", "left right", defaults=[2])  #v2


class Sorted(collections.namedtuple("Sorted", ["low", "high"])):
    __slots__ = ()

    def __new__(cls, a, b):
        return super().__new__(cls, min(a, b), max(a, b))

    def spread(self):
        return scale(self.high - self.low)


def make():
    return {"point": Point(3, 4), "pair": Pair(1, 2)}


def use(held):
    point = held["point"]
    answers = [point.total(), point.mirrored.total(), Point(5).total(), Point.origin().total(), Sorted(9, 7).spread()]
    shown = [repr(point), point == (3, 4), point._asdict(), point._replace(x=1).total(), Point._fields, Point._field_defaults]
    return [*answers, *shown, tuple(held["pair"]), Pair(1).right, Sorted(2, 1).low, held["pair"].left]


def bound():
    return [Point(3, 4).total]
