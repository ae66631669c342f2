"""Cached properties, and properties of the class itself: on a metaclass and by a descriptor."""

import functools


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


class Meta(type):
    @property
    def label(cls):
        return f"v1 {cls.__name__}"  #v1
        return f"v2 {cls.__name__}"  #v2


class ClassProperty:
    def __init__(self, function):
        self.function = function

    def __get__(self, instance, owner):
        return self.function(owner)


class Thing(metaclass=Meta):
    def __init__(self, n):
        self.n = n

    @functools.cached_property
    def expensive(self):
        """Computed once."""
        return ["v1", scale(self.n)]  #v1
        return ["v2", scale(self.n)]  #v2

    @ClassProperty
    def kind(cls):
        return cls.label, scale(1)


class Special(Thing):
    @functools.cached_property
    def expensive(self):
        return scale(self.n) + 1


def fresh(thing):
    thing.__dict__.pop("expensive", None)
    value = thing.expensive
    return value, thing.__dict__.pop("expensive") is value


def make():
    return {"thing": Thing(2), "special": Special(3)}


def use(held):
    return [fresh(held["thing"]), fresh(held["special"]), Thing.label, Special.label, Thing.kind, held["special"].kind]
