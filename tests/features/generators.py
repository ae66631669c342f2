"""Generator functions: `yield from`, `send`, generator expressions and generator methods."""


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


def numbers(n):
    for i in range(n):
        yield "v1", scale(i)  #v1
        yield "v2", scale(i)  #v2


def delegating(n):
    yield "begin"
    total = yield from summing(n)
    yield from numbers(1)
    yield scale(total)


def summing(n):
    total = 0
    for i in range(n):
        received = yield scale(i)
        total += scale(i) + (received or 0)
    return total


class Series:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        for i in range(self.n):
            yield scale(i), "v1"  #v1
            yield scale(i), "v2"  #v2

    def lazily(self):
        return (scale(i) for i in range(self.n))


def make():
    return {"series": Series(3), "numbers": numbers}


def use(held):
    receiving = summing(2)
    sent = [next(receiving), receiving.send(5)]  #v1
    sent = [next(receiving), receiving.send(6)]  #v2
    answers = [list(numbers(2)), list(delegating(2)), sent, list(held["series"]), list(held["series"].lazily())]
    return [*answers, list(held["numbers"](1)), sum(scale(i) for i in range(3))]
