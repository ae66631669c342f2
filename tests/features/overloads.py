"""`typing.overload` on functions and methods."""

import functools
import typing


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


@typing.overload
def parse(value: int) -> int: ...
@typing.overload
def parse(value: str) -> str: ...
def parse(value):
    """Parse either."""
    return [mark(value)]  #v1
    return [mark(value), type(value).__name__]  #v2


class Parser:
    @typing.overload
    def parse(self, value: int) -> int: ...
    @typing.overload
    def parse(self, value: str, strict: bool = ...) -> str: ...
    def parse(self, value, strict=False):  #v1
        return parse(value), strict  #v1
    def parse(self, value, strict=True):  #v2
        return parse(value), strict  #v2


def make():
    return {"parser": Parser(), "parse": parse}


def use(held):
    answers = [parse(1), parse("a"), held["parse"](2), held["parser"].parse(3), held["parser"].parse("b", strict=None)]
    return [*answers, len(typing.get_overloads(parse)), len(typing.get_overloads(Parser.parse))]


def bound():
    return [functools.partial(Parser().parse, 4)]
