"""Shapes of one module whose parts are methods: of instances, inherited, and of each kind that a class may have."""

from __future__ import annotations

from benchmarks.shapes.shape import Shape, module

__all__ = ["SHAPES"]

SHAPES: tuple[Shape, ...] = (
    module(
        "methods",
        "methods of one instance that lives as long as the module",
        """
class Till:
    def frob(self, n):
        return (VERSION,)

    def bar(self, parts):
        return (*parts, VERSION)

    def total(self, n):
        return self.bar(self.frob(n))

TILL = Till()

def foo(n):
    return TILL.total(n)
""",
        handler="""
#GAP
class Handler(Till):
    def handle(self, n):
        return (*self.total(n), *self.bar(self.frob(n)), VERSION)
""",
    ),
    module(
        "instantiated",
        "classes instantiated by the call",
        """
class Order:
    def __init__(self, parts):
        self.parts = (*parts, VERSION)

    def total(self):
        return bar(self.parts)

def frob(n):
    return (VERSION,)
#GAP
class Line(Order):
    def total(self):
        return (*super().total(), VERSION)

def bar(parts):
    return (*parts, VERSION)

def foo(n):
    return Order(frob(n)).total() + Line(frob(n)).total()
""",
    ),
    module(
        "unchanged_class",
        "a class whose text never changes, calling what does",
        """
class Till:
    def total(self, n):
        return bar(frob(n))

def frob(n):
    return (VERSION,)
#GAP
def bar(parts):
    return (*parts, VERSION)

TILL = Till()

def foo(n):
    return TILL.total(n) + Till().total(n)
""",
        handler="""
class Handler(Till):
    def handle(self, n):
        return self.total(n) + foo(n)
""",
    ),
    module(
        "inherited",
        "super() through three classes",
        """
class Base:
    def frob(self, n):
        return (VERSION,)

    def bar(self, parts):
        return (*parts, VERSION)
#GAP
class Middle(Base):
    def bar(self, parts):
        return (*super().bar(parts), VERSION)

class Leaf(Middle):
    def frob(self, n):
        return (*super().frob(n), VERSION)

    def bar(self, parts):
        return (*super().bar(parts), *Base.bar(self, ()), VERSION)

def foo(n):
    leaf = Leaf()
    return leaf.bar(leaf.frob(n))
""",
        handler="""
class Handler(Leaf):
    def handle(self, n):
        return (*self.bar(self.frob(n)), VERSION)
""",
    ),
    module(
        "properties",
        "property, classmethod, staticmethod, __call__, __add__",
        """
class Till:
    @property
    def rate(self):
        return VERSION

    @classmethod
    def make(cls, n):
        return (*cls.join((), VERSION), VERSION)

    @staticmethod
    def join(parts, tag):
        return (*parts, tag, VERSION)

    def __call__(self, parts):
        return (*parts, self.rate)

    def __add__(self, parts):
        return (*parts, VERSION)
#GAP
def foo(n):
    till = Till()
    return till + till(till.join(Till.make(n), till.rate))
""",
    ),
)
