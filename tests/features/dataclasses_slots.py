"""Dataclasses with `slots=True` (the decorator makes a second class), plain, frozen and inherited."""

import dataclasses


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


@dataclasses.dataclass(slots=True)
class Point:
    x: int
    y: int = 2

    def total(self):
        return ["v1", scale(self.x + self.y)]  #v1
        return ["v2", scale(self.x * self.y)]  #v2


@dataclasses.dataclass(slots=True)
class Named(Point):
    name: str = "n"

    def shown(self):
        return [self.name, self.total(), "v1"]  #v1
        return [self.name, self.total(), "v2"]  #v2


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    code: str

    def label(self):
        return f"v1 {self.code}"  #v1
        return f"v2 {self.code}"  #v2


def refused(point):
    try:
        point.z = 3
    except AttributeError:
        return "no such slot"
    return "assigned"


def make():
    return {"point": Point(3), "named": Named(4), "key": Key("k")}


def use(held):
    point, named, key = held["point"], held["named"], held["key"]
    shown = [point.total(), named.shown(), key.label(), repr(point), refused(point), Named.__slots__, hasattr(point, "__dict__")]
    return [*shown, point == Point(3), {key: 1}[Key("k")], dataclasses.replace(named, x=9).shown()]


def bound():
    return [Point(3).total, Named(4).shown, Key("k").label]
