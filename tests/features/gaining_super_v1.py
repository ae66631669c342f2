"""A method that does not use `super()` in the first version and does in the second, and one the other way round."""


def mark(text):
    return f"v1 {text}"


class Base:
    def greet(self):
        return [mark("base")]

    def leave(self):
        return [mark("bye")]


class Child(Base):
    def greet(self):
        return [mark("alone")]

    def leave(self):
        return [mark("child"), *super().leave()]


class Grandchild(Child):
    def greet(self):
        return [mark("grandchild"), *super().greet()]


def make():
    return {"child": Child(), "grandchild": Grandchild()}


def use(held):
    answers = [held["child"].greet(), held["child"].leave(), held["grandchild"].greet(), held["grandchild"].leave()]
    return answers


def bound():
    return [Child().greet, Child().leave, Grandchild().greet]
