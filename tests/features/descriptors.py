"""Descriptors of the block: data and non-data ones, `__set_name__`, a registry of fields."""


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class Field:
    """A validated attribute."""

    def __init__(self, kind):
        self.kind = kind

    def __set_name__(self, owner, name):
        self.name = name
        owner.fields = [*getattr(owner, "fields", []), mark(name)]

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return mark(instance.__dict__.get(self.name, "unset"))

    def __set__(self, instance, value):
        if not isinstance(value, self.kind):
            raise TypeError(mark(f"{self.name} must be {self.kind.__name__}"))
        instance.__dict__[self.name] = value

    def __delete__(self, instance):
        instance.__dict__.pop(self.name, None)


class Lazy:
    def __init__(self, function):
        self.function = function

    def __get__(self, instance, owner):
        return self if instance is None else self.function(instance)


class Record:
    name = Field(str)
    size = Field(int)  #v1
    size = Field((int))  #v2

    def __init__(self, name, size):
        self.name = name
        self.size = size

    @Lazy
    def summary(self):
        return [self.name, self.size, "v1"]  #v1
        return [self.name, self.size, "v2"]  #v2


def rejected(record):
    try:
        record.size = "large"
    except TypeError as error:
        return str(error)
    return "accepted"


def make():
    return {"record": Record("r", 3)}


def use(held):
    spare = Record("s", 1)
    del spare.name
    return [held["record"].summary, spare.summary, rejected(held["record"]), Record.fields, type(Record.name).__name__]
