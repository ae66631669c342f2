"""A module with `__all__`: what a star import takes, and what it leaves."""

__all__ = ["Shown", "shown", "CONSTANT", "only_v1"]
__all__ += ["_underscored"]

CONSTANT = ("v1", 1)


def shown():
    return hidden(), CONSTANT


def hidden():
    return "v1 hidden"


def _underscored():
    return [shown()]


def only_v1():
    return hidden()


class Shown:
    def show(self):
        return _underscored()


class Hidden(Shown):
    pass


def make():
    return {"shown": Shown(), "hidden": Hidden()}


def use(held):
    names = [name for name in __all__ if name in globals()]
    return [shown(), held["shown"].show(), held["hidden"].show(), names == __all__, only_v1()]


def bound():
    return [Shown().show, Hidden().show]
