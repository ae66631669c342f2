"""Decorators of the block, with and without arguments, that wrap definitions of the block."""

import functools


def label(text):
    return f"v1:{text}"  #v1
    return f"<v2>{text}</v2>"  #v2


def traced(function):
    """Wrap and name."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return [label(function.__name__), function(*args, **kwargs)]

    return wrapper


def repeated(times):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return [function(*args, **kwargs) for _ in range(times)]

        return wrapper

    return decorate


@traced
def greet(name, mark="!"):
    """Greet someone."""
    return label(name + mark)


@repeated(2)  #v1
@repeated(3)  #v2
@traced
def shout(name):
    return greet(name.upper())


def marked(function):
    function.mark = "v1"  #v1
    function.mark = "v2"  #v2
    return function


@marked
def plain(name):
    return label(name)


class Service:
    @traced
    def serve(self, name):
        return greet(name)

    @repeated(2)
    def again(self, name):
        return self.serve(name)


def make():
    return {"greet": greet, "service": Service()}


def use(held):
    service = held["service"]
    return [greet("a"), shout("b"), plain("c"), held["greet"]("d", mark="?"), service.serve("e"), service.again("f")]


def bound():
    return [functools.partial(Service().serve, "g"), functools.partial(Service().again, "h")]
