"""Every special method switches with its class: old calls get the old one, all others the new one, on one instance.

CPython finds special methods in its own ways: bound or as they lie in the class, through slots, by the type and not the
instance. Each is called in a module of its own by a generator that was suspended across the swap, and from outside.
"""

from __future__ import annotations

import doctest
import inspect
import itertools
import pydoc
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

METHODS = {
    "abs": ("def __abs__(self): return V", "abs(x)"),
    "add": ("def __add__(self, other): return V", "x + 1"),
    "aiter": ("def __aiter__(self): return V", "type(x).__aiter__(x)"),
    "await": ("def __await__(self):\n        yield V", "next(x.__await__())"),
    "bool": ("def __bool__(self): return V == 2", "1 + bool(x)"),
    "bytes": ("def __bytes__(self): return bytes([V])", "bytes(x)[0]"),
    "call": ("def __call__(self, a, *, b=0): return V + a + b", "x(0, b=0)"),
    "call_in_sort": ("def __call__(self, item): return -item * (2 * V - 3)", "sorted([1, 2], key=x)[0]"),
    "class_getitem": ("def __class_getitem__(cls, item): return V", "type(x)[0]"),
    "contains": ("def __contains__(self, item): return V == 2", "1 + (1 in x)"),
    "delattr": ("def __delattr__(self, name): self.__dict__['was'] = V", "(delattr(x, 'a'), x.was)[1]"),
    "delete": ("def __delete__(self, instance): Owner.was = V", "(delattr(Owner(), 'x'), Owner.was)[1]"),
    "delitem": ("def __delitem__(self, key): self.was = V", "(x.__class__.__delitem__(x, 0), x.was)[1]"),
    "dir": ("def __dir__(self): return [str(V)]", "int(dir(x)[0])"),
    "divmod": ("def __divmod__(self, other): return V", "divmod(x, 1)"),
    "enter": ("def __enter__(self): return V\n    def __exit__(self, *exc): pass", "entered(x)"),
    "exit": ("def __enter__(self): pass\n    def __exit__(self, *exc): self.was = V", "(entered(x), x.was)[1]"),
    "eq": ("def __eq__(self, other): return V == 2\n    __hash__ = None", "1 + (x == 1)"),
    "float": ("def __float__(self): return float(V)", "int(float(x))"),
    "format": ("def __format__(self, spec): return str(V)", "int(f'{x:a}')"),
    "get": ("def __get__(self, instance, owner=None): return V", "Owner().x"),
    "get_of_the_class": ("def __get__(self, instance, owner=None): return V", "Owner.x"),
    "get_for_a_class_elsewhere": (
        "def __get__(self, instance, owner=None): return V",
        "type('Elsewhere', (), {'x': x})().x",
    ),
    "get_that_is_no_function": (
        "__get__ = functools.partial(lambda version, *_: version, V)",
        "type('Elsewhere', (), {'x': x})().x",
    ),
    "getattr": ("def __getattr__(self, name): return V", "x.anything"),
    "getattribute": (
        "def __getattribute__(self, name): return V if name == 'a' else object.__getattribute__(self, name)",
        "x.a",
    ),
    "getitem": ("def __getitem__(self, key): return V", "x[0]"),
    "getitem_as_iterator": ("def __getitem__(self, key): return [V][key]", "list(x)[0]"),
    "getstate": ("def __getstate__(self): return {'was': V}", "copy.copy(x).was"),
    "hash": ("def __hash__(self): return V", "hash(x)"),
    "iadd": ("def __iadd__(self, other): return V", "operator.iadd(x, 1)"),
    "index": ("def __index__(self): return V", "[0, 1, 2][x]"),
    "init": ("def __init__(self): self.was = V", "type(x)().was"),
    "init_subclass": ("def __init_subclass__(cls): cls.was = V", "type('Sub', (type(x),), {}).was"),
    "int": ("def __int__(self): return V", "int(x)"),
    "invert": ("def __invert__(self): return V", "~x"),
    "iter": ("def __iter__(self): return iter([V])", "list(x)[0]"),
    "iter_of_itself": ("def __iter__(self):\n        yield V", "[one for one in x][0]"),
    "len": ("def __len__(self): return V", "len(x)"),
    "length_hint": ("def __length_hint__(self): return V", "operator.length_hint(x)"),
    "lt": ("def __lt__(self, other): return V == 2", "1 + (x < 1)"),
    "matmul": ("def __matmul__(self, other): return V", "x @ 1"),
    "match_args": ("a = V\n    b = 3 - V\n    __match_args__ = ('a',)", "matched(x)"),
    "neg": ("def __neg__(self): return V", "-x"),
    "new": (
        "def __new__(cls):\n        made = object.__new__(cls)\n        made.was = V\n        return made",
        "type(x)().was",
    ),
    "next": ("def __next__(self): return V\n    def __iter__(self): return self", "next(iter(x))"),
    "pow": ("def __pow__(self, other, modulo=None): return V", "pow(x, 2, 3)"),
    "radd": ("def __radd__(self, other): return V", "1 + x"),
    "reduce": ("def __reduce__(self): return (int, (V,))", "copy.copy(x)"),
    "repr": ("def __repr__(self): return str(V)", "int(repr(x))"),
    "reversed": ("def __reversed__(self): return iter([V])", "list(reversed(x))[0]"),
    "round": ("def __round__(self, digits=0): return V", "round(x)"),
    "set": ("def __set__(self, instance, value): Owner.was = V", "(setattr(Owner(), 'x', 0), Owner.was)[1]"),
    "set_name": ("def __set_name__(self, owner, name): owner.was = V", "type('Other', (), {'a': x}).was"),
    "setattr": ("def __setattr__(self, name, value): self.__dict__['was'] = V", "(setattr(x, 'a', 0), x.was)[1]"),
    "setitem": ("def __setitem__(self, key, value): self.was = V", "(operator.setitem(x, 0, 0), x.was)[1]"),
    "sizeof": ("def __sizeof__(self): return V", "x.__sizeof__()"),
    "str": ("def __str__(self): return str(V)", "int(str(x))"),
    "trunc": ("def __trunc__(self): return V", "math.trunc(x)"),
}
"""What a class has, and an expression of an instance ``x`` of it that gives the version, 1 or 2."""

MODULE = """
import copy
import functools
import math
import operator


class Thing:
    {method}


class Owner:
    x = Thing()
    was = 0


def entered(x):
    with x as found:
        return found


def matched(x):
    match x:
        case Thing(found):
            return found


def look(x):
    return {expression}


made_by_the_body = look(Thing())


def steps(x):
    while True:
        yield {expression}
"""

DICTIONARIES = """
class Template:
    mark = "v1"

    def __init_subclass__(cls):
        super().__init_subclass__()
        found = cls.pattern if "pattern" in cls.__dict__ else "made of " + cls.mark
        cls.pattern = "compiled " + found
        cls.names = sorted(name for name in cls.__dict__ if not name.startswith("__"))

    def look(self):
        own = type(self).__dict__, self.__class__.__dict__, Template.__dict__
        return [one["pattern"] for one in own], [one.get("only_v1") for one in own], self.__dict__

    only_v1 = True

Template.__init_subclass__()

class Special(Template):
    pattern = "v1"

def steps():
    while True:
        yield Template().look(), Template.pattern, Special.pattern, Template.names
"""


def dictionaries(version: int) -> tuple[object, ...]:
    pattern = f"compiled made of v{version}"
    only = [True] * 3 if version == 1 else [None] * 3
    names = ["look", "mark", "only_v1", "pattern"] if version == 1 else ["look", "mark", "pattern"]
    return ([pattern] * 3, only, {}), pattern, f"compiled v{version}", names


def test_the_dictionary_of_a_class_is_the_callers_own(workshop: Workshop) -> None:
    module = workshop.freeze("templates", DICTIONARIES)
    old = module.steps()
    assert next(old) == dictionaries(1)
    report = bf.swap(module, source=DICTIONARIES.replace('"v1"', '"v2"').replace("    only_v1 = True\n", ""))
    assert report.replaced_classes == ()
    assert (next(old), next(module.steps()), next(old)) == (dictionaries(1), dictionaries(2), dictionaries(1))
    old.close()
    bf.drain(module)
    assert next(module.steps()) == dictionaries(2)
    bf.rollback(module)
    assert next(module.steps()) == dictionaries(1)


VARIABLES = """
class Page:
    mark = "v1"
    only_v1 = True
    def look(self): return "v1"
    def own(self): return vars(type(self))["mark"], vars(self.__class__)["look"](self)
    @classmethod
    def names(cls): return sorted(name for name in vars(cls) if not name.startswith("_"))
def steps():
    page = Page()
    while True:
        yield vars(Page)["mark"], page.own(), Page.names(), vars(page), type(vars(Page)).__name__
LISTED = sorted(value for value in vars(Page).values() if isinstance(value, str) and value.startswith("v"))
IN_DICTIONARY = Page.__dict__["mark"]
"""


def variables(version: int) -> tuple[object, ...]:
    mark = f"v{version}"
    names = ["look", "mark", "names", "only_v1", "own"] if version == 1 else ["look", "mark", "names", "own"]
    return mark, (mark, mark), names, {}, "mappingproxy"


def test_vars_of_a_class_is_the_callers_own(workshop: Workshop) -> None:
    module = workshop.freeze("pages", VARIABLES)
    old = module.steps()
    assert next(old) == variables(1)
    bf.swap(module, source=VARIABLES.replace('"v1"', '"v2"').replace("    only_v1 = True\n", ""))
    assert (module.LISTED, module.IN_DICTIONARY) == (["v2"], "v2")
    assert (next(old), next(module.steps()), next(old)) == (variables(1), variables(2), variables(1))
    old.close()
    bf.drain(module)
    assert next(module.steps()) == variables(2)


_numbers = itertools.count(1)


@pytest.mark.parametrize("name", METHODS)
def test_a_special_method_is_the_callers_own(name: str, workshop: Workshop) -> None:
    method, expression = METHODS[name]
    block_name = f"special_{next(_numbers)}"

    def text(version: int) -> str:
        return MODULE.format(method=method.replace("V", str(version)), expression=expression)

    workshop.write(f"{block_name}.py", text(1))
    module = bf.freeze_block(block_name)
    outside: dict[str, object] = dict(vars(module))
    thing = module.Thing()
    look_outside = eval(f"lambda x: {expression}", {**outside, "__name__": "elsewhere"})
    old = module.steps(thing)
    assert (next(old), module.look(thing), look_outside(thing), module.made_by_the_body) == (1, 1, 1, 1)
    report = bf.swap(module, source=text(2))
    assert (module.Thing, report.replaced_classes) == (outside["Thing"], ())
    assert module.made_by_the_body == 2
    new = module.steps(thing)
    assert (next(old), next(new), module.look(thing), look_outside(thing), next(old)) == (1, 2, 2, 2, 1)
    old.close()
    bf.drain(module)
    assert (next(new), module.look(thing), look_outside(thing)) == (2, 2, 2)
    bf.rollback(module)
    assert (next(new), module.look(thing), look_outside(thing)) == (2, 1, 1)
    new.close()
    bf.drain(module)
    assert (module.look(thing), look_outside(thing)) == (1, 1)


ENUM = """
from enum import Enum, IntEnum

class Code(IntEnum):
    def __new__(cls, value, phrase):
        made = int.__new__(cls, value)
        made._value_ = value
        made.phrase = phrase
        return made

    OK = 200, "v1"
    GONE = 410, "v1"

for one in Code:
    setattr(Code, one._name_.lower(), int(one))

class Kind(Enum):
    A = "v1"

Kind.extra = "v1"
"""


def test_attributes_of_an_enumeration_can_be_set_while_the_next_version_is_built(workshop: Workshop) -> None:
    module = workshop.freeze("codes", ENUM)
    members = list(module.Code)
    for version in ("v2", "v3"):
        bf.swap(module, source=ENUM.replace("v1", version).replace("GONE", "LEFT" if version == "v3" else "GONE"))
        assert (module.Code.ok, module.Kind.extra, module.Kind("v" + version[1]).value) == (200, version, version)
    assert module.Code.OK is members[0]
    assert [one.name for one in module.Code] == ["OK", "LEFT"]
    bf.rollback(module)
    assert [one.name for one in module.Code] == ["OK", "GONE"]


SHOWN = """
class Shown:
    '''A class.'''
    limit = 1
    def method(self):
        '''
        >>> 1
        1
        '''
    @staticmethod
    def static():
        '''
        >>> 1
        1
        '''
    @classmethod
    def of_class(cls):
        '''
        >>> 1
        1
        '''
    @property
    def value(self):
        '''
        >>> 1
        1
        '''
def suspended(): yield
"""


def test_who_looks_into_a_class_in_an_overlap_finds_what_its_attributes_are(workshop: Workshop) -> None:
    def look(module: Any) -> list[Any]:
        found = [one.name for one in doctest.DocTestFinder(exclude_empty=False).find(module)]
        kinds = [(one.name, one.kind) for one in inspect.classify_class_attrs(module.Shown)]
        types = [(name, value.__class__) for name, value in vars(module.Shown).items() if not name.startswith("_")]
        return [sorted(found), kinds, sorted(types, key=str), pydoc.plain(pydoc.render_doc(module.Shown))]

    workshop.write("shown.py", SHOWN)
    expected = look(workshop.load("shown"))
    assert len(expected[0]) == 7
    workshop.forget()
    module = bf.freeze_block("shown")
    assert look(module) == expected
    old = module.suspended()
    next(old)
    bf.swap(module)
    assert [one.state for one in bf.status(module).generations] != ["current"]  # both versions have their attributes
    assert look(module) == expected
    old.close()
    bf.drain(module, timeout=30)
    assert look(module) == expected


READ = """
class Base:
    def __new__(cls): return object.__new__(cls)
    def method(self): return V
    @staticmethod
    def static(): return V
class Read(Base):
    def method(self): return super().method() + 10
def read(): return Base.__new__, Base.method, Base.static, Read.method
def suspended():
    first = read()
    while True:
        found = read()
        thing = Read()
        yield [one is other for one, other in zip(first, found)], found[1](thing), found[2](), found[3](thing)
"""


def test_a_function_that_is_read_from_a_class_is_one_object_for_a_call_that_goes_on(workshop: Workshop) -> None:
    module = workshop.freeze("read", READ.replace("V", "1"))
    old = module.suspended()
    assert next(old) == ([True] * 4, 1, 1, 11)
    for version in (2, 3):
        bf.swap(module, source=READ.replace("V", str(version)))
        new = module.suspended()
        assert next(old) == ([True] * 4, 1, 1, 11)
        assert next(new) == ([True] * 4, version, version, version + 10)
    bf.rollback(module)
    assert next(old) == ([True] * 4, 1, 1, 11)
    assert next(new) == ([True] * 4, 3, 3, 13)


# As typing.Protocol does: a constructor looks for the next one along the bases, and puts it into the class.
REPLACING = """
def replace(self):
    cls = type(self)
    if cls.__init__ is not replace:
        return
    for base in cls.__mro__:
        init = base.__dict__.get("__init__", replace)
        if init is not replace:
            cls.__init__ = init
            break
    cls.__init__(self)
class First:
    __init__ = replace
class Second(First): pass
class Third(First):
    def __init__(self): self.mark = V
class Fourth(Third):
    __init__ = replace
def make():
    while True:
        yield Second.__init__ is not replace, type(Second()), Fourth().mark
"""


def test_a_constructor_that_replaces_itself_does_so_in_every_version(workshop: Workshop) -> None:
    module = workshop.freeze("replacing", REPLACING.replace("V", "1"))
    old = module.make()
    assert next(old) == (False, module.Second, 1)
    for version in (2, 3):
        bf.swap(module, source=REPLACING.replace("V", str(version)))
        new = module.make()
        assert next(old) == (True, module.Second, 1)
        assert next(new) == (False, module.Second, version)
        assert next(new) == (True, module.Second, version)
    old.close()
    new.close()
    bf.drain(module, timeout=30)
    assert module.Fourth().mark == 3
