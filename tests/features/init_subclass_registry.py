"""A registry that `__init_subclass__` fills while the module body runs."""


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


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
        return ["alpha", super().run()]  #v1
        return ["ALPHA", super().run()]  #v2


class Beta(Plugin, key="b"):  #v1
    pass  #v1
class Beta(Plugin, key="beta"):  #v2
    pass  #v2


class Gamma(Beta, key="unchanged"):
    def run(self):
        return "same in both versions"
#v2
#v2
class Delta(Plugin):  #v2
    pass  #v2


def make():
    return {"alpha": Alpha(), "gamma": Gamma()}


def use(held):
    registered = [[key, kind.__name__, kind().run()] for key, kind in sorted(REGISTRY.items())]
    return [registered, Plugin.children, held["alpha"].run(), held["gamma"].run(), REGISTRY["alpha"] is Alpha]


def bound():
    return [Alpha().run, Gamma().run]
