"""A metaclass of the block: `__new__`, `__call__`, methods of the class, keywords."""


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class Meta(type):
    def __new__(mcls, name, bases, namespace, *, prefix=""):
        namespace["made_by"] = mark(prefix + name)
        return super().__new__(mcls, name, bases, namespace)

    def __init__(cls, name, bases, namespace, **keywords):
        super().__init__(name, bases, namespace)

    def __call__(cls, *args):
        made = super().__call__(*args)
        made.called = ["v1", cls.__name__]  #v1
        made.called = ["v2", cls.__name__]  #v2
        return made

    def describe(cls):
        return mark(cls.made_by)

    def __len__(cls):
        return 10  #v1
        return 1000  #v2


class Model(metaclass=Meta, prefix="m."):
    def __init__(self, n):
        self.n = n

    def show(self):
        return [mark(self.n), type(self).describe()]


class Special(Model, prefix="s."):
    def show(self):
        return ["special", *super().show()]  #v1
        return ["very special", *super().show()]  #v2


def make():
    return {"model": Model(1), "special": Special(2)}


def use(held):
    shown = [held[name].show() for name in sorted(held)]
    return [shown, Model.describe(), Special.made_by, len(Model), Model(3).called, type(Special).__name__]


def bound():
    return [Model(1).show, Special(2).show, Model.describe]
