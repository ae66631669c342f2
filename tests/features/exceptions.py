"""Exceptions of the block: raised, caught by base and by name, chained, grouped, with attributes."""


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class AppError(Exception):
    """The base."""

    code = 1  #v1
    code = 2  #v2

    def describe(self):
        return [mark(type(self).__name__), *self.args, self.code]


class Missing(AppError, LookupError):
    def __init__(self, name):
        super().__init__(name)
        self.name = name

    def __str__(self):
        return mark(f"{self.name} is missing")


class Fatal(AppError):
    code = 9


def find(name):
    if name == "fatal":
        raise Fatal(mark("fatal"))
    raise Missing(name)


def caught(name):
    try:
        find(name)
    except Missing as error:
        return ["missing", str(error), error.describe()]
    except AppError as error:
        return ["app error", error.describe()]


def chained():
    try:
        try:
            find("x")
        except LookupError as error:
            raise Fatal("chained") from error
    except AppError as error:
        return [error.describe(), error.__cause__.describe(), error.__context__ is error.__cause__]


def grouped():
    seen = []
    try:
        raise ExceptionGroup("several", [Missing("a"), Fatal("b"), ValueError("c")])
    except* Missing as group:
        seen.append([error.describe() for error in group.exceptions])
    except* (AppError, ValueError) as group:
        seen.append(len(group.exceptions))
    return seen


def cleaned():
    steps = []
    try:
        find("y")
    except Missing:
        steps.append(mark("handled"))
    else:
        steps.append("never")
    finally:
        steps.append(mark("finally"))
    return steps


def make():
    return {"missing": Missing("m"), "fatal": Fatal("f", 3)}


def reraised(error):
    try:
        raise error
    except AppError as caught_error:
        return caught_error.describe(), caught_error is error


def use(held):
    answers = [caught("n"), caught("fatal"), chained(), grouped(), cleaned()]
    return [*answers, reraised(held["missing"]), reraised(held["fatal"]), str(held["missing"])]


def bound():
    return [Missing("m").describe, Fatal("f").describe]
