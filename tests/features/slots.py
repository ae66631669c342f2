"""Classes with `__slots__`, alone and inherited; the slots stay, the methods change."""


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class Point:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def total(self):
        return mark(self.x + self.y)  #v1
        return mark(self.x * self.y)  #v2

    def __repr__(self):
        return mark(f"Point({self.x}, {self.y})")

    def __eq__(self, other):
        return isinstance(other, Point) and (self.x, self.y) == (other.x, other.y)

    def __hash__(self):
        return hash((self.x, self.y))


class Named(Point):
    __slots__ = ("name",)

    def __init__(self, x, y, name):
        super().__init__(x, y)
        self.name = name

    def total(self):
        return [self.name, super().total()]


class Weak(Point):
    __slots__ = ("__weakref__", "__dict__")


def make():
    return {"point": Point(3, 4), "named": Named(5, 6, "n"), "weak": Weak(1, 2)}


def use(held):
    totals = [held[name].total() for name in sorted(held)]
    return [totals, repr(held["point"]), held["point"] == Point(3, 4), held["point"] in {Point(3, 4)}]


def bound():
    return [Point(3, 4).total, Named(5, 6, "n").total, Point(1, 2).__repr__]
