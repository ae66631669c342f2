"""Plain dataclasses: defaults, factories, `__post_init__`, inheritance, ordering, derived functions."""

import dataclasses


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


def first():
    return ["v1"]  #v1
    return ["v2"]  #v2


@dataclasses.dataclass
class Item:
    """An item."""

    name: str
    price: int = 1
    tags: list = dataclasses.field(default_factory=list, repr=False)

    def total(self):
        return ["v1", scale(self.price)]  #v1
        return ["v2", scale(self.price)]  #v2


@dataclasses.dataclass(order=True)
class Priced(Item):
    rate: int = 2
    computed: int = dataclasses.field(init=False, default=0, compare=False)

    def __post_init__(self):
        self.computed = self.price * self.rate

    def total(self):
        return [*super().total(), scale(self.computed)]


@dataclasses.dataclass
class Fresh:
    marks: list = dataclasses.field(default_factory=first)
    size: int = 1  #v1
    size: int = 2  #v2


def make():
    return {"item": Item("a"), "priced": Priced("b", 3), "tagged": Item("c", 2, ["x"])}


def use(held):
    totals = [held[name].total() for name in sorted(held)]
    shown = [repr(held["item"]), repr(held["priced"]), dataclasses.asdict(held["tagged"]), dataclasses.astuple(Fresh())]
    compared = [held["item"] == Item("a"), Priced("a", 1) < Priced("b", 1), held["item"] == Item("z")]
    fields = [[field.name for field in dataclasses.fields(kind)] for kind in (Item, Priced, Fresh)]
    return [totals, shown, compared, fields, dataclasses.replace(held["item"], price=5).total(), Item.__match_args__]


def bound():
    return [Item("a").total, Priced("b", 3).total]
