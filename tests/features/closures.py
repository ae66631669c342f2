"""Closures: functions made by functions, over their variables and over definitions of the block."""


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


def adder(step):
    def add(n):
        return scale(n + step)

    return add


def counter():
    count = 0

    def advance():
        nonlocal count
        count += 1
        return ["v1", scale(count)]  #v1
        return ["v2", scale(count)]  #v2

    return advance


def chain(*calls):
    def run(n):
        for call in calls:
            n = call(n)
        return n

    return run


add_two = adder(2)
pipeline = chain(add_two, scale)


def make():
    return {}


def use(held):
    advance = counter()
    return [adder(1)(1), advance(), advance(), add_two(1), pipeline(1), chain(adder(1), adder(2))(0)]
