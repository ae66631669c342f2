"""A module with `__all__`: what a star import takes, and what it leaves."""

__all__ = ["Shown", "shown", "CONSTANT", "only_v1"]  #v1
__all__ = ["Shown", "shown", "CONSTANT", "only_v2"]  #v2
__all__ += ["_underscored"]

CONSTANT = ("v1", 1)  #v1
CONSTANT = ("v2", 2)  #v2


def shown():
    return hidden(), CONSTANT


def hidden():
    return "v1 hidden"  #v1
    return "v2 hidden"  #v2


def _underscored():
    return [shown()]


def only_v1():  #v1
    return hidden()  #v1
def only_v2():  #v2
    return hidden()  #v2


class Shown:
    def show(self):
        return _underscored()


class Hidden(Shown):
    pass


def make():
    return {"shown": Shown(), "hidden": Hidden()}


def use(held):
    names = [name for name in __all__ if name in globals()]
    return [shown(), held["shown"].show(), held["hidden"].show(), names == __all__, only_v1()]  #v1
    return [shown(), held["shown"].show(), held["hidden"].show(), names == __all__, only_v2()]  #v2


def bound():
    return [Shown().show, Hidden().show]
