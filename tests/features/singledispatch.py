"""Generic functions: `functools.singledispatch` and `singledispatchmethod` over classes of the block."""

import functools


def wrap(text):
    return f"v1({text})"  #v1
    return f"v2[{text}]"  #v2


class Point:
    def __init__(self, x):
        self.x = x


class Named(Point):
    pass


@functools.singledispatch
def render(value):
    """Render anything."""
    return wrap("object")


@render.register
def _(value: int):
    return wrap(f"int {value}")


@render.register(list)
def render_list(value):
    return wrap(" ".join(render(item) for item in value))


@render.register
def _(value: Point):
    return wrap(f"point {render(value.x)}")


@render.register  #v2
def _(value: str):  #v2
    return wrap(f"str {value}")  #v2
#v2
#v2
class Formatter:
    @functools.singledispatchmethod
    def format(self, value):
        return wrap("anything")

    @format.register
    def _(self, value: int):
        return wrap(f"number {value}")

    @format.register
    def _(self, value: Point):
        return self.format(value.x)


def make():
    return {"point": Point(1), "named": Named(2), "formatter": Formatter(), "list": render_list}


def use(held):
    answers = [render(1), render([1, held["point"]]), render(held["named"]), render("text"), held["list"]([3])]
    return [*answers, held["formatter"].format(1), held["formatter"].format(held["point"]), held["formatter"].format("x")]
