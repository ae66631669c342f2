"""A registry that `__init_subclass__` fills while the module body runs."""


def mark(text):
    return f"v2 {text}"


REGISTRY = {}


class Plugin:
    children = []

    def __init_subclass__(cls, *, key=None, **keywords):
        super().__init_subclass__(**keywords)
        cls.key = key or cls.__name__.lower()
        REGISTRY[cls.key] = cls
        Plugin.children.append(cls.__name__)

    def run(self):
        return mark(self.key)


class Alpha(Plugin):
    def run(self):
        return ["ALPHA", super().run()]


class Beta(Plugin, key="beta"):
    pass


class Gamma(Beta, key="unchanged"):
    def run(self):
        return "same in both versions"


class Delta(Plugin):
    pass


def make():
    return {"alpha": Alpha(), "gamma": Gamma()}


def use(held):
    registered = [[key, kind.__name__, kind().run()] for key, kind in sorted(REGISTRY.items())]
    return [registered, Plugin.children, held["alpha"].run(), held["gamma"].run(), REGISTRY["alpha"] is Alpha]


def bound():
    return [Alpha().run, Gamma().run]
