"""Enums with methods, properties, aliases, `auto` and a custom `__new__`."""

import enum


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class Color(enum.Enum):
    RED = 1
    GREEN = 2
    ROT = 1
    BLUE = 3  #v2

    def label(self):
        return mark(self.name.lower())

    @property
    def next(self):
        members = list(Color)
        return members[(members.index(self) + 1) % len(members)]

    @classmethod
    def default(cls):
        return cls.RED  #v1
        return cls.GREEN  #v2


class Level(enum.IntEnum):
    LOW = enum.auto()
    HIGH = enum.auto()

    def double(self):
        return self * 2  #v1
        return self * 20  #v2


class Planet(enum.Enum):
    EARTH = (1.0, "earth")
    MARS = (0.5, "mars")

    def __new__(cls, mass, title):
        made = object.__new__(cls)
        made._value_ = title
        made.mass = mass
        return made

    def heavy(self):
        return mark(self.mass > 0.7)  #v1
        return mark(self.mass < 0.7)  #v2


class Mode(str, enum.Enum):
    READ = "r"
    WRITE = "w"

    def __str__(self):
        return mark(self.value)


NAMES = {Color.RED: "red", Level.HIGH: "high", Mode.READ: "read"}


def make():
    return {"red": Color.RED, "green": Color.GREEN, "high": Level.HIGH, "mars": Planet.MARS, "write": Mode.WRITE}


def use(held):
    red, green = held["red"], held["green"]
    shown = [red.label(), red.next.name, green.next.name, held["high"].double(), held["mars"].heavy(), str(held["write"])]
    same = [red is Color.RED, red is Color.ROT, red is Color(1), Color["GREEN"] is green, held["high"] is Level(2)]
    listed = [[member.name for member in Color], list(Color.__members__), len(Color), Color.default().name]
    return [shown, same, listed, NAMES[red], NAMES[held["high"]], NAMES.get(Mode.READ), red in Color, repr(green)]


def bound():
    return [Color.RED.label, Level.HIGH.double, Planet.MARS.heavy]
