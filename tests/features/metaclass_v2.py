"""A metaclass of the block: `__new__`, `__call__`, methods of the class, keywords."""


def mark(text):
    return f"v2 {text}"


class Meta(type):
    def __new__(mcls, name, bases, namespace, *, prefix=""):
        namespace["made_by"] = mark(prefix + name)
        return super().__new__(mcls, name, bases, namespace)

    def __init__(cls, name, bases, namespace, **keywords):
        super().__init__(name, bases, namespace)

    def __call__(cls, *args):
        made = super().__call__(*args)
        made.called = ["v2", cls.__name__]
        return made

    def describe(cls):
        return mark(cls.made_by)

    def __len__(cls):
        return 1000


class Model(metaclass=Meta, prefix="m."):
    def __init__(self, n):
        self.n = n

    def show(self):
        return [mark(self.n), type(self).describe()]


class Special(Model, prefix="s."):
    def show(self):
        return ["very special", *super().show()]


def make():
    return {"model": Model(1), "special": Special(2)}


def use(held):
    shown = [held[name].show() for name in sorted(held)]
    return [shown, Model.describe(), Special.made_by, len(Model), Model(3).called, type(Special).__name__]


def bound():
    return [Model(1).show, Special(2).show, Model.describe]
