"""Properties: read-only, with setter and deleter, inherited and overridden."""


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


class Thing:
    def __init__(self, size):
        self._size = size

    @property
    def size(self):
        """The size."""
        return "v1", scale(self._size)  #v1
        return "v2", scale(self._size)  #v2

    @property
    def width(self):
        return self._size

    @width.setter
    def width(self, value):
        self._size = value + 1  #v1
        self._size = value + 2  #v2

    @width.deleter
    def width(self):
        self._size = scale(0)

    area = property(lambda self: scale(self._size) ** 2)


class Wide(Thing):
    @property
    def size(self):
        return ["wide", *super().size]  #v1
        return ["wider", *super().size]  #v2

    @Thing.width.getter
    def width(self):
        return -self._size


def make():
    return {"thing": Thing(2), "wide": Wide(3)}


def use(held):
    spare = Wide(1)
    spare.width = 5
    widths = [spare.width]
    del spare.width
    return [held["thing"].size, held["wide"].size, held["thing"].width, held["wide"].area, *widths, spare.width]
