"""Class methods and static methods, called through the class, an instance, a subclass and a table."""


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


class Shape:
    sides = 1  #v1
    sides = 2  #v2

    @classmethod
    def named(cls):
        return cls.__name__, scale(cls.sides)

    @staticmethod
    def area(n):
        return ["v1", scale(n)]  #v1
        return ["v2", scale(n)]  #v2

    @classmethod
    def build(cls):
        return cls()

    def both(self):
        return [self.named(), self.area(2), type(self).build().named()]


class Square(Shape):
    sides = 4  #v1
    sides = 8  #v2

    @classmethod
    def named(cls):
        return "square", *super().named()

    @staticmethod
    def area(n):
        return [Shape.area(n), scale(n) ** 2]


TABLE = {"named": Square.named, "area": Square.area}


def make():
    return {"shape": Shape(), "square": Square()}


def use(held):
    direct = [Shape.named(), Square.named(), Shape.area(1), Square.area(1), Square.build().named()]
    return [direct, held["shape"].both(), held["square"].both(), TABLE["named"](), TABLE["area"](3)]


def bound():
    return [Shape.named, Square.named, Square().both, Square.build().both]
