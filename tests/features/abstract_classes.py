"""Abstract base classes: abstract methods and properties, virtual subclasses, `__subclasshook__`."""

import abc


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...

    @property
    @abc.abstractmethod
    def name(self): ...

    @abc.abstractmethod  #v2
    def sides(self): ...  #v2
#v2
    def describe(self):
        return [mark(self.name), self.area()]


class Square(Shape):
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side**2  #v1
        return ["squared", self.side**2]  #v2

    name = property(lambda self: mark("square"))
#v2
    def sides(self):  #v2
        return 4  #v2


class Half(Shape):
    def area(self):
        return 0


@Shape.register
class Virtual:
    pass


class Closing(abc.ABC):
    @classmethod
    def __subclasshook__(cls, other):
        return hasattr(other, "close")  #v1
        return hasattr(other, "shut")  #v2


class Closed:
    close = shut = None


class Shut:
    shut = None


def abstract_methods(kind):
    try:
        kind()
    except TypeError:
        return sorted(kind.__abstractmethods__)
    return "not abstract"


def make():
    return {"square": Square(3), "virtual": Virtual()}


def use(held):
    virtual = [isinstance(held["virtual"], Shape), issubclass(Virtual, Shape), isinstance(3, Shape)]
    return [held["square"].describe(), held["square"].area(), virtual]


def facts():
    abstract = [abstract_methods(kind) for kind in (Shape, Square, Half)]
    return [abstract, issubclass(Closed, Closing), issubclass(Shut, Closing)]


def bound():
    return [Square(3).describe, Square(3).area]
