"""`functools.partial` objects and partial methods over definitions of the block."""

import functools


def scale(factor, n, offset=0):
    return ["v1", factor * n + offset]  #v1
    return ["v2", factor * n * 100 + offset]  #v2


def describe(n):
    return scale(2, n, offset=1)  #v1
    return scale(2, n, offset=2)  #v2


twice = functools.partial(scale, 2)
thrice = functools.partial(scale, 3, offset=10)  #v1
thrice = functools.partial(scale, 3, offset=20)  #v2
described = functools.partial(describe)
TABLE = {"twice": twice, "nested": functools.partial(twice, offset=5)}


class Scaler:
    factor = 7

    def by(self, factor, n):
        return scale(factor * self.factor, n)

    twice = functools.partialmethod(by, 2)


def make():
    return {"scaler": Scaler(), "partial": functools.partial(describe, 6)}


def use(held):
    answers = [twice(1), thrice(1), described(2), TABLE["twice"](3), TABLE["nested"](4)]
    return [*answers, held["scaler"].twice(5), held["partial"](), functools.partial(scale)(1, 2)]


def bound():
    return [functools.partial(Scaler().by, 2, 3), functools.partial(describe, 4)]
