"""A method that does not use `super()` in the first version and does in the second, and one the other way round."""


def mark(text):
    return f"v2 {text}"


class Base:
    def greet(self):
        return [mark("base")]

    def leave(self):
        return [mark("bye")]


class Child(Base):
    def greet(self):
        return [mark("child"), *super().greet()]

    def leave(self):
        return [mark("alone"), __class__.__name__]

    def extra(self):
        return super().greet()


class Grandchild(Child):
    def greet(self):
        return [mark("grandchild"), *super().greet()]


def make():
    return {"child": Child(), "grandchild": Grandchild()}


def use(held):
    answers = [held["child"].greet(), held["child"].leave(), held["grandchild"].greet(), held["grandchild"].leave()]
    return [*answers, held["grandchild"].extra()]


def bound():
    return [Child().greet, Child().leave, Grandchild().greet]
