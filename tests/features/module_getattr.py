"""A module with `__getattr__` and `__dir__`: names computed on demand."""

import sys

VERSION = "v1"  #v1
VERSION = "v2"  #v2
present = "present"


def compute(name):
    return f"v1:{name}"  #v1
    return f"v2:{name}:{len(name)}"  #v2


def __getattr__(name):
    if name.startswith("lazy_"):
        return compute(name)
    if name == "Late":
        return type(name, (), {"version": VERSION})
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return ["compute", "lazy_one", "only_v1"]  #v1
    return ["compute", "lazy_one", "only_v2"]  #v2


def through_the_module(name):
    return getattr(sys.modules[__name__], name)


def make():
    return {}


def use(held):
    return [through_the_module("lazy_one"), through_the_module("present"), through_the_module("Late").version, compute("x")]
