"""Classes that tell others of themselves: made once, carried over as long as their statement says the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from conftest import Workshop

import blockfreeze as bf

OUTSIDE = """
made = []
called = []

class Meta(type):
    def __new__(meta, name, bases, namespace, **named):
        cls = super().__new__(meta, name, bases, namespace)
        cls.kept = len(made)
        made.append(cls)
        return cls

class Taking(Meta):
    def __new__(meta, name, bases, namespace):
        called.append(namespace.pop("hidden", None))
        return super().__new__(meta, name, bases, namespace)

class Hook:
    def __init_subclass__(cls, **named):
        made.append(cls)

def register(cls):
    made.append(cls)
    return cls

def marked(word):
    def decorate(function):
        function.word = word
        return function
    return decorate
"""


@pytest.fixture
def outside(workshop: Workshop) -> Iterator[ModuleType]:
    """A module that is told of classes; it belongs to no block."""
    workshop.write("a_framework.py", OUTSIDE)
    yield workshop.load("a_framework")
    sys.modules.pop("a_framework", None)


MODEL = """
from a_framework import Hook, Meta, Taking, marked, register

LIMIT = 5

def mark():
    return "v1"

class Base(metaclass=Meta):
    pass

class Model(Base):
    limit = LIMIT
    count = 0
    names = []

    def show(self):
        return mark()

    def nested(self):
        return self.__hidden(), super().__repr__() != ""

    def __hidden(self):
        return self.show()

    @property
    def shown(self):
        return mark()

    @classmethod
    def of_class(cls):
        return cls.__name__, mark()

    @staticmethod
    def static():
        return mark()

    @marked("word")
    def decorated(self):
        return mark()

    class Inner:
        def inside(self):
            return mark()

def look(model):
    return [
        model.show(), model.nested(), model.shown, model.of_class(), model.static(), model.decorated(),
        model.Inner().inside(),
    ]

def steps(model):
    while True:
        yield look(model)
"""


def shown(mark: str) -> list[object]:
    return [mark, (mark, True), mark, ("Model", mark), mark, mark, mark]


@pytest.fixture
def model(workshop: Workshop, outside: ModuleType) -> ModuleType:
    return workshop.freeze("model", MODEL)


def test_only_the_methods_of_an_unchanged_class_are_the_new_generations(model: ModuleType, outside: ModuleType) -> None:
    told = list(outside.made)
    cls, instance, bound = model.Model, model.Model(), model.Model().show
    held = cls.show, cls.of_class, cls.static
    old = model.steps(instance)
    assert next(old) == shown("v1")
    model.Model.count = 7
    model.Model.names.append("kept")
    model.Model.added = object()
    added = model.Model.added
    report = bf.swap(model, source=MODEL.replace('"v1"', '"v2"'))
    assert report.replaced_classes == ()
    assert outside.made == told
    assert (model.Model, model.Base) == (cls, told[0])
    assert model.look(instance) == shown("v2")
    assert next(old) == shown("v1")
    assert (bound(), held[0](instance), held[1](), held[2]()) == ("v2", "v2", ("Model", "v2"), "v2")
    assert (cls.count, cls.names, cls.added, cls.limit, cls.kept) == (7, ["kept"], added, 5, 1)
    old.close()
    bf.drain(model)
    assert model.look(instance) == shown("v2")
    model.Model.count = 8
    bf.rollback(model)
    assert model.look(instance) == shown("v1")
    assert (cls.count, cls.names, cls.added, outside.made) == (8, ["kept"], added, told)
    bf.drain(model)
    assert (model.look(instance), bound()) == (shown("v1"), "v1")


def test_methods_may_change_come_and_go(model: ModuleType, outside: ModuleType) -> None:
    told, cls, instance = list(outside.made), model.Model, model.Model()
    text = MODEL.replace('    def nested(self):\n        return self.__hidden(), super().__repr__() != ""\n', "")
    text = text.replace(
        "def show(self):\n        return mark()", "def show(self, *more):\n        return (mark(), more)"
    )
    text = text.replace(
        "    class Inner:", "    def gained(self):\n        return __class__, self.shown\n\n    class Inner:"
    )
    bf.swap(model, source=text.replace('"v1"', '"v2"'))
    assert (outside.made, model.Model) == (told, cls)
    assert instance.show(1) == ("v2", (1,))
    assert instance.gained() == (cls, "v2")
    assert not hasattr(instance, "nested")
    bf.rollback(model)
    assert model.look(instance) == shown("v1")
    assert not hasattr(instance, "gained")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LIMIT = 5", "LIMIT = 6"),
        ("    count = 0", "    count = 1"),
        ("class Model(Base):", "class Model(Base, word=1):"),
        ('@marked("word")', '@marked("another")'),
        ("def decorated(self):", "def decorated(self, more=0):"),
        ("LIMIT = 5", "LIMIT = len('four') + 1"),
        ("    class Inner:\n", "    class Inner:\n        changed = True\n"),
    ],
)
def test_a_statement_that_says_something_else_makes_the_class_anew(
    before: str, after: str, model: ModuleType, outside: ModuleType
) -> None:
    assert MODEL.count(before) == 1
    instance = model.Model()
    report = bf.swap(model, source=MODEL.replace(before, after).replace('"v1"', '"v2"'))
    assert [cls.__name__ for cls in outside.made] == ["Base", "Model", "Model"]
    (replaced,) = report.replaced_classes
    assert str(replaced) == "model.Model: its statement has changed, and its metaclass Meta keeps kept on it"
    assert model.Model is outside.made[2]
    assert model.look(model.Model()) == shown("v2")
    assert (model.look(instance), isinstance(instance, model.Model)) == (shown("v1"), False)
    bf.rollback(model)
    assert (model.Model is outside.made[1], model.look(instance)) == (True, shown("v1"))


PARTS = {
    "parted/__init__.py": "from .models import Thing\n",
    "parted/limits.py": "def limit():\n    return depth\n\ndepth = 1\n",
    "parted/models.py": (
        "from a_framework import Hook\nfrom .limits import limit\nfrom . import other\n\n"
        "class Thing(Hook, word=other.WORD):\n    size = limit()\n\n    def show(self):\n        return other.show()\n"
    ),
    "parted/other.py": "WORD = 'w'\n\ndef show():\n    return 'v1'\n",
}


@pytest.mark.parametrize(
    ("member", "before", "after", "is_made_again"),
    [
        ("limits", "return depth", "return depth + 0", True),
        ("limits", "depth = 1", "depth = 2", True),
        ("other", "'v1'", "'v2'", True),  # a module that the statement reads counts as a whole
        ("models", "return other.show()", "return other.show() + '!'", False),
    ],
)
def test_what_the_statement_reads_counts_across_members(
    member: str,
    before: str,
    after: str,
    is_made_again: bool,
    workshop: Workshop,
    outside: ModuleType,
) -> None:
    for file, text in PARTS.items():
        workshop.write(file, text)
    parted = bf.freeze_block("parted")
    assert len(outside.made) == 1
    workshop.write(f"parted/{member}.py", PARTS[f"parted/{member}.py"].replace(before, after))
    bf.swap(parted)
    assert len(outside.made) == 1 + is_made_again


def test_a_registry_of_the_block_comes_out_as_after_a_cold_start(workshop: Workshop, outside: ModuleType) -> None:
    text = (
        "from a_framework import Hook, register\n"
        "REGISTRY = {}\n"
        "class Base(Hook):\n"
        "    def __init_subclass__(cls):\n        super().__init_subclass__()\n        REGISTRY[cls.__name__] = cls\n"
        "def own(cls):\n    REGISTRY[cls.__name__] = cls\n    return cls\n"
        "class ByHook(Base):\n    def show(self): return 'v1'\n"
        "@register\n@own\nclass ByDecorator:\n    def show(self): return 'v1'\n"
    )
    module = workshop.freeze("registry", text)
    bf.swap(module, source=text.replace("'v1'", "'v2'"))
    assert {name: cls().show() for name, cls in module.REGISTRY.items()} == {"ByHook": "v2", "ByDecorator": "v2"}
    assert len(outside.made) == 6  # Base, ByHook and ByDecorator, twice: the registry of the block needs them


def test_a_method_that_the_metaclass_has_taken_away_is_made_anew(workshop: Workshop, outside: ModuleType) -> None:
    text = (
        "from a_framework import Taking\n"
        "def mark(): return 'v1'\n"
        "class Model(metaclass=Taking):\n    def hidden(self): return mark()\n    def show(self): return mark()\n"
    )
    module = workshop.freeze("taking", text)
    bf.swap(module, source=text.replace("'v1'", "'v2'"))
    assert [function(None) for function in outside.called][-1] == "v2"
    assert module.Model().show() == "v2"


@pytest.mark.parametrize("late", [False, True])
def test_what_a_decorator_has_taken_out_of_a_class_is_not_put_back(late: bool, workshop: Workshop) -> None:
    workshop.write(
        "a_describer.py",
        """
made = []

class Field:
    def __init__(self, converter):
        self.converter = converter

def fields(cls):
    described = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
    taken = (*described, "__dict__", "__weakref__")
    namespace = {name: value for name, value in vars(cls).items() if name not in taken}

    def __init__(self, **values):
        for name, field in described.items():
            setattr(self, name, field.converter(values[name]))

    made.append(cls.__name__)
    return type(cls)(cls.__name__, cls.__bases__, {**namespace, "__slots__": tuple(described), "__init__": __init__})
""",
    )
    framework = workshop.load("a_describer")
    workshop.write(
        "priced.py",
        """
        from a_describer import Field, fields

        def convert(text):
            return int(text)

        @fields
        class Price:
            amount = Field(converter=convert)

            def shown(self):
                return f"{self.amount} €"

        free = Price(amount="0")
        """,
    )
    if late:
        workshop.load("priced")
    frozen = bf.freeze_block("priced")
    price, descriptor = frozen.Price(amount="1"), vars(frozen.Price)["amount"]
    workshop.write("priced.py", (workshop.path / "priced.py").read_text().replace("€", "Euro"))
    bf.swap(frozen)
    assert (price.shown(), frozen.free.shown()) == ("1 Euro", "0 Euro")
    assert vars(frozen.Price)["amount"] is descriptor
    assert framework.made == ["Price"]


def test_a_build_that_fails_leaves_a_carried_class_as_it_was(model: ModuleType, outside: ModuleType) -> None:
    told, instance = list(outside.made), model.Model()
    with pytest.raises(bf.PrepareError):
        bf.swap(model, source=MODEL.replace('"v1"', '"v2"') + "\n1 / 0\n")
    assert (outside.made, model.look(instance), model.Model.count) == (told, shown("v1"), 0)
    bf.swap(model, source=MODEL.replace('"v1"', '"v3"'))
    assert (outside.made, model.look(instance)) == (told, shown("v3"))


def test_a_late_freeze_registers_nothing_twice(workshop: Workshop, outside: ModuleType) -> None:
    workshop.write("model.py", MODEL)
    plain = workshop.load("model")
    told, cls, instance = list(outside.made), plain.Model, plain.Model()
    plain.Model.count = 3
    module = bf.freeze_block(plain)
    assert (module.Model, outside.made, cls.count, module.look(instance)) == (cls, told, 3, shown("v1"))
    bf.swap(module, source=MODEL.replace('"v1"', '"v2"'))
    assert (module.Model, outside.made, module.look(instance)) == (cls, told, shown("v2"))


APP = """
class App:
    def __init__(self):
        self.routes = []
        self.asked = []

    def route(self, path):
        self.asked.append(path)

        def register(function):
            self.routes.append((path, function))
            return function

        return register

    def wrapped(self, function):
        self.routes.append(("wrapped", function))
        return lambda: function()

app = App()
"""

VIEWS = """
import functools
import blockfreeze as bf
from an_app import App, app
from blockfreeze import entry

own = App()
kept = bf.defvar("kept", App)
PATH = "/d"

@app.route("/a")
@app.route("/b")
@bf.entry
def a():
    return "a v1"

@app.route("/c")
def c():
    return "c v1"

@app.route(PATH)
@entry
def d():
    return "d v1"

@own.route("/own")
@kept.route("/kept")
@bf.entry
def both():
    return "both v1"

@app.wrapped
@entry
def wrapped():
    return "wrapped v1"
"""


@pytest.fixture
def app(workshop: Workshop) -> Iterator[ModuleType]:
    workshop.write("an_app.py", APP)
    yield workshop.load("an_app").app
    sys.modules.pop("an_app", None)


def paths(app: ModuleType) -> list[str]:
    return [path for path, _ in app.routes]


@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
def test_a_registration_above_entry_is_made_once(late: bool, workshop: Workshop, app: ModuleType) -> None:
    workshop.write("views.py", VIEWS)
    views = bf.freeze_block(workshop.load("views") if late else "views")
    assert paths(app) == ["/b", "/a", "/c", "/d", "wrapped", *(["/c", "wrapped"] if late else [])]
    held, again, asked = [function for _, function in app.routes[:4]], len(app.routes), len(app.asked)
    bf.swap(views, source=VIEWS.replace("v1", "v2"))
    assert paths(app)[again:] == ["/c", "wrapped"]  # what is not declared, and what made something else of it
    assert app.asked[asked:] == ["/c"]  # the others are not even evaluated
    assert [function() for function in held] == ["a v2", "a v2", "c v2", "d v2"]
    assert (views.a(), views.both(), views.wrapped()) == ("a v2", "both v2", "wrapped v2")
    assert views.a.__code__.co_firstlineno == VIEWS.splitlines().index('@app.route("/a")') + 1
    # An object that each generation makes for itself is told each time, and then so is everything above @entry.
    assert [(path, function()) for path, function in views.own.routes] == [("/own", "both v2")]
    bf.rollback(views)
    assert [function() for function in held] == ["a v1", "a v1", "c v1", "d v1"]


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        ('@app.route("/a")', '@app.route("/new")', ["/b", "/new", "/c", "wrapped"]),
        ('PATH = "/d"', 'PATH = "/e"', ["/c", "/e", "wrapped"]),
        ('@app.route("/b")\n@bf.entry', '@app.route("/b")', ["/b", "/a", "/c", "wrapped"]),
        ("@bf.entry\ndef a", "@bf.entry\n@functools.wraps(len)\ndef a", ["/c", "wrapped"]),
    ],
)
def test_a_registration_that_says_something_else_is_made(
    before: str, after: str, more: list[str], workshop: Workshop, app: ModuleType
) -> None:
    assert VIEWS.count(before) == 1
    views = workshop.freeze("views", VIEWS)
    made = len(app.routes)
    bf.swap(views, source=VIEWS.replace(before, after))
    assert paths(app)[made:] == more
    assert views.a() == "a v1"


@pytest.mark.parametrize(("made", "lasts"), [("defvar('app', App)", True), ("App()", False)])
def test_an_object_of_another_member_is_told_once_if_it_lasts(
    made: str, lasts: bool, workshop: Workshop, app: ModuleType
) -> None:
    workshop.write("web/__init__.py", "from .views import x\n")
    workshop.write("web/app.py", f"from an_app import App\nfrom blockfreeze import defvar\napp = {made}\n")
    views = (
        "from blockfreeze import entry\nfrom .app import app\n\n@app.route('/x')\n@entry\ndef x():\n    return 'v1'\n"
    )
    workshop.write("web/views.py", views)
    web = bf.freeze_block("web")
    first = web.app.app
    workshop.write("web/views.py", views.replace("v1", "v2"))
    bf.swap(web)
    assert (web.app.app is first) is lasts
    assert [(path, function()) for path, function in first.routes] == [("/x", "v2")]
    assert [(path, function()) for path, function in web.app.app.routes] == [("/x", "v2")]
