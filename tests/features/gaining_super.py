"""A method that does not use `super()` in the first version and does in the second, and one the other way round."""


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class Base:
    def greet(self):
        return [mark("base")]

    def leave(self):
        return [mark("bye")]


class Child(Base):
    def greet(self):
        return [mark("alone")]  #v1
        return [mark("child"), *super().greet()]  #v2

    def leave(self):
        return [mark("child"), *super().leave()]  #v1
        return [mark("alone"), __class__.__name__]  #v2
#v2
    def extra(self):  #v2
        return super().greet()  #v2


class Grandchild(Child):
    def greet(self):
        return [mark("grandchild"), *super().greet()]


def make():
    return {"child": Child(), "grandchild": Grandchild()}


def use(held):
    answers = [held["child"].greet(), held["child"].leave(), held["grandchild"].greet(), held["grandchild"].leave()]
    return answers  #v1
    return [*answers, held["grandchild"].extra()]  #v2


def bound():
    return [Child().greet, Child().leave, Grandchild().greet]
