"""Functions, lambdas and comprehensions inside functions, which call definitions of the top level."""


def frob(a):
    return a, "v1"  #v1
    return a, a, "v2"  #v2


def bar(parts):
    return "{}-{}".format(*parts)  #v1
    return "{}-{}-{}".format(*parts)  #v2


def outer(a):
    def middle(b):
        def inner(c):
            return bar(frob(a + b + c))

        return [inner(d) for d in range(b)]

    return middle(2), (lambda e: bar(frob(e)))(9)


def comprehended(n):
    listed = [bar(frob(i)) for i in range(n)]
    mapped = {i: bar(frob(i)) for i in range(n) if bar(frob(i))}
    drawn = list(bar(frob(i)) for i in range(n))
    nested = [[bar(frob(i + j)) for j in range(2)] for i in range(n)]
    return listed, mapped, drawn, nested, sorted({bar(frob(i)) for i in range(n)})


def recursive(n):
    def fold(k):
        return bar(frob(k)) + fold(k - 1) if k else ""

    return fold(n)


class Holder:
    shortcut = staticmethod(lambda a: bar(frob(a)))

    def method(self, a):
        def inside():
            return self.shortcut(a), bar(frob(a))

        return inside()

    def listed(self):
        return [self.shortcut(n) + bar(frob(n)) for n in (1, 2)]


def make():
    return {"holder": Holder()}


def use(held):
    return [outer(1), comprehended(2), recursive(3), held["holder"].method(4)]


def bound():
    return [Holder().listed]
