"""Positional, positional-only and keyword-only defaults; a default that is a definition of the block."""


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


def positional(a, b=2, c=3):  #v1
    return ["v1", a, b, c]  #v1
def positional(a, b=20, c=30, d=40):  #v2
    return ["v2", a, b, c, d]  #v2


def keyword(a, *, b="one", c: int = 3):  #v1
    return [a, b, c]  #v1
def keyword(a, *, b="two", c: int = 30):  #v2
    return [a, b, c]  #v2


def mixed(a, b=1, /, c=2, *rest, d=3, **others):  #v1
    return [a, b, c, rest, d, sorted(others.items())]  #v1
def mixed(a, b=10, /, c=20, *rest, d=30, **others):  #v2
    return [a, b, c, rest, d, sorted(others.items())]  #v2


def applied(n, function=scale, *, also=scale):
    return function(n), also(n)


def gaining(a):  #v1
    return [a, "v1"]  #v1
def gaining(a, extra="new"):  #v2
    return [a, extra]  #v2


def computed(n=scale(1), table={"scale": scale}):  # noqa: B006
    return n, table["scale"](n)


class Holder:
    def method(self, a=1, *, b=scale):  #v1
        return a, b(a)  #v1
    def method(self, a=10, *, b=scale):  #v2
        return a, b(a)  #v2


def make():
    return {"holder": Holder(), "applied": applied, "mixed": mixed}


def use(held):
    answers = [positional(1), positional(1, 5), positional(1, c=6), keyword(1), keyword(1, c=4), gaining(1), computed()]
    answers += [mixed(1), mixed(1, 2, 3, 4, d=5, e=6), held["mixed"](0, c=1), held["applied"](2), applied(2, abs)]
    return [*answers, applied(-2, also=abs), held["holder"].method(), held["holder"].method(2, b=abs)]


def bound():
    return [Holder().method]
