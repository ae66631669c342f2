"""Positional, positional-only and keyword-only defaults; a default that is a definition of the block."""


def scale(n):
    return n * 1000


def positional(a, b=20, c=30, d=40):
    return ["v2", a, b, c, d]


def keyword(a, *, b="two", c: int = 30):
    return [a, b, c]


def mixed(a, b=10, /, c=20, *rest, d=30, **others):
    return [a, b, c, rest, d, sorted(others.items())]


def applied(n, function=scale, *, also=scale):
    return function(n), also(n)


def gaining(a, extra="new"):
    return [a, extra]


def computed(n=scale(1), table={"scale": scale}):  # noqa: B006
    return n, table["scale"](n)


class Holder:
    def method(self, a=10, *, b=scale):
        return a, b(a)


def make():
    return {"holder": Holder(), "applied": applied, "mixed": mixed}


def use(held):
    answers = [positional(1), positional(1, 5), positional(1, c=6), keyword(1), keyword(1, c=4), gaining(1), computed()]
    answers += [mixed(1), mixed(1, 2, 3, 4, d=5, e=6), held["mixed"](0, c=1), held["applied"](2), applied(2, abs)]
    return [*answers, applied(-2, also=abs), held["holder"].method(), held["holder"].method(2, b=abs)]


def bound():
    return [Holder().method]
