"""Classes that call `super()` with and without arguments, over several levels and a diamond."""


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class Base:
    def __init__(self, name):
        self.name = name

    def greet(self):
        return [mark("base"), self.name]

    @classmethod
    def build(cls, name):
        return cls(name)


class Left(Base):
    def greet(self):
        return [mark("left"), *super().greet()]


class Right(Base):
    def greet(self):
        return [mark("right"), *super(Right, self).greet()]


class Both(Left, Right):
    def __init__(self, name):
        super().__init__(name)

    def greet(self):
        return [mark("both"), *super().greet()]  #v1
        return [mark("both"), mark("again"), *super().greet()]  #v2

    @classmethod
    def build(cls, name):
        return super().build(name)

    def within(self):
        def inner():
            return __class__.__name__, super(Both, self).greet()

        return inner()


def make():
    return {"both": Both("b"), "left": Left("l"), "built": Both.build("c")}


def use(held):
    return [held[name].greet() for name in sorted(held)] + [held["both"].within(), Base("x").greet()]


def bound():
    return [Both("d").greet, Both("d").within, Left("e").greet]
