"""Plain functions: `bar` and `frob` must change together, directly and through a table."""


def frob(a):
    """Return what `bar` takes apart.

    >>> frob(1)
    (1, 2)  #v1
    (1, 2, 3)  #v2
    """
    return a, a + 1  #v1
    return a, a + 1, a + 2  #v2


def bar(parts):
    one, two = parts  #v1
    return ["v1", one, two]  #v1
    one, two, three = parts  #v2
    return ["v2", one, two, three]  #v2


def foo(a: int) -> list[object]:
    """Answer by way of both.

    >>> foo(1)
    ['v1', 1, 2]  #v1
    ['v2', 1, 2, 3]  #v2
    """
    return bar(frob(a))


def sequential(a):
    x = frob(a)
    return bar(x)


def countdown(n):
    return [frob(n), *countdown(n - 1)] if n else ["v1"]  #v1
    return [frob(n), *countdown(n - 1)] if n else ["v2"]  #v2


def rank(n):
    return n  #v1
    return -n  #v2


TABLE = {"foo": foo, "sequential": sequential}


def make():
    return {"foo": foo, "table": [foo, sequential]}


def use(held):
    called = [TABLE[name](2) for name in sorted(TABLE)]
    called += [call(3) for call in held["table"]] + list(map(foo, [4, 5]))
    return [foo(1), held["foo"](1), countdown(2), called, sorted([2, 3, 1], key=rank)]
