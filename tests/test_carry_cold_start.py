"""A class that is carried over or adopted is, attribute by attribute, what a cold start would make of the version."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from functools import cached_property
from importlib.util import find_spec
from types import FunctionType, ModuleType
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

OUTSIDE = """
import dataclasses, functools, sys, types

def guarded(function):
    @functools.wraps(function)
    def guard(*given, **named):
        return "guarded", function(*given, **named)
    return guard

def is_method(name, value):
    return isinstance(value, types.FunctionType) and not name.startswith("__")

def guard_every(cls):
    for name, value in list(vars(cls).items()):
        if is_method(name, value):
            setattr(cls, name, guarded(value))
    return cls

def guard_descriptors(cls):
    for name, value in list(vars(cls).items()):
        if isinstance(value, property):
            setattr(cls, name, property(guarded(value.fget)))
        elif isinstance(value, (classmethod, staticmethod)):
            setattr(cls, name, type(value)(guarded(value.__func__)))
    return cls

def twice(cls):
    return guard_every(guard_every(cls))

def replace_one(cls):
    cls.plain = lambda self: "replaced"
    return cls

def add_one(cls):
    cls.added = lambda self: ("added", self.plain())
    return cls

def add_guard(cls):
    cls.added = guarded(vars(cls)["plain"])
    return cls

def table(cls):
    cls.table = {name: guarded(value) for name, value in vars(cls).items() if is_method(name, value)}
    return cls

def listed(cls):
    cls.listed = [name for name, value in vars(cls).items() if is_method(name, value)]
    return cls

def record(cls):
    return dataclasses.dataclass(cls)

def signatures(cls):
    import inspect
    def checked(function):
        shown = str(inspect.signature(function))
        @functools.wraps(function)
        def check(*given):
            return shown, function(*given)
        return check
    for name, value in list(vars(cls).items()):
        if is_method(name, value):
            setattr(cls, name, checked(value))
    return cls

def generate(cls):
    space = {}
    text = "def generated(self): return 'generated', self.plain()"
    exec(text, vars(sys.modules[cls.__module__]), space)
    cls.generated = space["generated"]
    return cls

class OnClass:
    pass

class GuardMeta(type):
    def __new__(meta, name, bases, namespace):
        made = {key: guarded(value) if is_method(key, value) else value for key, value in namespace.items()}
        return super().__new__(meta, name, bases, made)

class Metaclass(metaclass=GuardMeta):
    pass

class Init(type):
    def __init__(cls, name, bases, namespace):
        super().__init__(name, bases, namespace)
        guard_every(cls)

class Initialised(metaclass=Init):
    pass

class Hook:
    def __init_subclass__(cls):
        guard_every(cls)

class TableHook:
    def __init_subclass__(cls):
        table(cls)

class Nothing(metaclass=type("Quiet", (type,), {})):
    pass
"""

BODY = """
import a_maker
from a_maker import guarded

def mark():
    return "v1"

{statement}
    size: int = 1

    def plain(self):
        return "v1", mark()

    def calls(self, more=1):
        return "v1", self.plain()

    @guarded
    def decorated(self):
        return "v1", mark()

    @property
    def shown(self):
        return "v1", mark()

    @property
    @guarded
    def shown_guarded(self):
        return "v1", mark()

    @classmethod
    def of_class(cls):
        return "v1", mark()

    @staticmethod
    def static():
        return "v1", mark()

    @classmethod
    @guarded
    def guarded_class(cls):
        return "v1", mark()
"""

DECORATORS = (
    *("guard_every", "guard_descriptors", "twice", "replace_one", "add_one", "add_guard", "table", "listed", "record"),
    *("signatures", "generate"),
)
BASES = ("Metaclass", "Initialised", "Hook", "TableHook", "Nothing")
STATEMENTS = [
    *(f"@a_maker.{one}\nclass Thing:" for one in DECORATORS),
    *(f"class Thing(a_maker.{one}):" for one in BASES),
    "@a_maker.guard_descriptors\n@a_maker.guard_every\nclass Thing(a_maker.Hook):",
]

ADDED = '\n    def late(self):\n        return "v1", mark()\n'

CHANGES = {
    "bodies": lambda text: text,
    "a method more": lambda text: text + ADDED,
    "another signature": lambda text: text.replace("more=1", "more=2, *, other: int = 3"),
    "a method less": lambda text: text.replace("def calls(", "def _calls("),
    "another docstring": lambda text: text.replace("more=1):", 'more=1):\n        "It calls."'),
}


@pytest.fixture
def maker(workshop: Workshop) -> Iterator[None]:
    """A module outside whose decorators, metaclasses and bases make classes."""
    workshop.write("a_maker.py", OUTSIDE)
    workshop.load("a_maker")
    yield
    sys.modules.pop("a_maker", None)


def shape(value: Any) -> object:
    """Return what kind of thing an attribute is, and what it is wrapped in."""
    if isinstance(value, staticmethod | classmethod):
        return type(value).__name__, shape(value.__func__)
    if isinstance(value, property):
        return "property", shape(value.fget), shape(value.fset)
    if isinstance(value, cached_property):
        return "cached property", shape(value.func)
    if isinstance(value, FunctionType):
        inner = value.__dict__.get("__wrapped__")
        kind = inspect.iscoroutinefunction(value), inspect.isgeneratorfunction(value)
        return value.__qualname__, value.__doc__, str(inspect.signature(value)), kind, shape(inner)
    if isinstance(value, dict):
        return [(key, shape(one)) for key, one in value.items()]
    if isinstance(value, list | tuple):
        return [shape(one) for one in value]
    return type(value).__name__, value if isinstance(value, str | int) else None


def behaviour(cls: Any) -> dict[str, object]:
    """Return what each attribute of a class does when it is used."""
    found: dict[str, object] = {}
    instance = cls()
    for name, value in vars(cls).items():
        if name.startswith("__") or not (callable(value) or isinstance(value, property | classmethod | staticmethod)):
            continue
        got = getattr(instance, name)
        found[name] = got() if callable(got) else got
    found["table"] = {name: one(instance) for name, one in getattr(cls, "table", {}).items()}
    found["repr"] = repr(instance) if "__repr__" in vars(cls) else ""
    return found


def described(cls: type) -> dict[str, object]:
    """Return the shape of every attribute of a class that its makers can have touched."""
    passed = ("__dict__", "__weakref__", "__firstlineno__", "__static_attributes__", "__annotate_func__")
    passed += ("__annotations_cache__", "__module__")
    return {name: shape(value) for name, value in vars(cls).items() if name not in passed}


def cold_start(name: str, source: str) -> ModuleType:
    """Return a module that was never frozen, of the same name."""
    module = ModuleType(name)
    module.__file__ = name
    before = sys.modules[name]
    sys.modules[name] = module
    try:
        exec(compile(source, name, "exec", dont_inherit=True), module.__dict__)
    finally:
        sys.modules[name] = before
    return module


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_class_is_what_a_cold_start_makes(workshop: Workshop, maker: None, statement: str, change: str) -> None:
    source = BODY.format(statement=statement)
    shop = workshop.freeze("shop", source)
    cls, instance = shop.Thing, shop.Thing()
    for version in ("v2", "v3", "v4"):
        text = CHANGES[change](source).replace('"v1"', repr(version))
        report = bf.swap(shop, source=text)
        cold = cold_start("shop", text).Thing
        assert report.replaced_classes == ()
        assert shop.Thing is cls
        assert described(cls) == described(cold)
        assert behaviour(cls) == behaviour(cold)
        assert instance.plain() == cold().plain()
    bf.rollback(shop)
    assert behaviour(cls) == behaviour(cold_start("shop", CHANGES[change](source).replace('"v1"', '"v3"')).Thing)


ORM = """
from sqlalchemy import Column, Integer, String
from a_tables import Base

class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(String)

    def __init__(self, name):
        self.name = "v1 " + name

    def shown(self):
        return "v1", self.name
"""


def test_a_constructor_that_a_library_has_wrapped_stays_wrapped(workshop: Workshop) -> None:
    if find_spec("sqlalchemy") is None:
        pytest.skip("sqlalchemy is not installed")
    workshop.write("a_tables.py", "from sqlalchemy.orm import declarative_base\nBase = declarative_base()\n")
    workshop.load("a_tables")
    shop = workshop.freeze("shop", ORM)
    for version in ("v2", "v3", "v4"):
        bf.swap(shop, source=ORM.replace("v1", version))
        user = shop.User("ann")
        assert user.shown() == (version, f"{version} ann")
        assert vars(user).keys() >= {"_sa_instance_state"}
    sys.modules.pop("a_tables", None)


LIBRARIES = {
    "attrs": "import attrs\n@attrs.define(slots=False)\nclass Thing:",
    "pydantic": "import pydantic\nclass Thing(pydantic.BaseModel):",
    "msgspec": "import msgspec\nclass Thing(msgspec.Struct):",
    "marshmallow": "import marshmallow\nclass Thing(marshmallow.Schema):",
    "abc": "import abc\nclass Thing(abc.ABC):",
    "typing": "import typing\nclass Thing(typing.Generic[typing.TypeVar('T')]):",
    "dataclasses": "import dataclasses\n@dataclasses.dataclass\nclass Thing:",
}


@pytest.mark.parametrize("change", ["bodies", "a method more"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_class_of_a_library_does_what_that_of_a_cold_start_does(
    workshop: Workshop, maker: None, library: str, change: str
) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    source = BODY.format(statement=LIBRARIES[library])
    shop = workshop.freeze("shop", source)
    for version in ("v2", "v3"):
        text = CHANGES[change](source).replace('"v1"', repr(version))
        bf.swap(shop, source=text)
        cold = cold_start("shop", text).Thing
        methods = [name for name, value in vars(cold).items() if callable(value) and not name.startswith("_")]
        methods += ["of_class", "static", "guarded_class"]
        now, then = shop.Thing(), cold()
        assert [getattr(now, name)() for name in methods] == [getattr(then, name)() for name in methods]
        assert (now.shown, now.shown_guarded) == (then.shown, then.shown_guarded)
        names = {name for name in vars(cold) if not name.startswith("__")}
        assert names <= vars(shop.Thing).keys()


@pytest.mark.parametrize("statement", STATEMENTS)
def test_methods_that_are_held_make_no_difference(workshop: Workshop, maker: None, statement: str) -> None:
    source = BODY.format(statement=statement)
    shop = workshop.freeze("shop", source)
    cls, instance = shop.Thing, shop.Thing()
    names = ("plain", "calls", "decorated", "of_class", "guarded_class")
    held = [getattr(instance, name) for name in names]
    for version in ("v2", "v3", "v4", "v5"):
        text = source.replace('"v1"', repr(version))
        report = bf.swap(shop, source=text)
        cold = cold_start("shop", text).Thing
        assert report.replaced_classes == ()
        assert shop.Thing is cls
        assert behaviour(cls) == behaviour(cold)
        assert [one() for one in held] == [getattr(cold(), name)() for name in names]
