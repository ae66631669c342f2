"""A special method that one of two versions lacks: while both run, implicit use is what it is in the plain class.

Every method of the data model is added, and taken away, while a call of the old version goes on. Every operation is
tried on one instance, by the old call, by new ones and from outside, and must come out as in the plain module of that
version, to the message of the error. What is asked for by name is there, or is not.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

METHODS = {
    "abs": "def __abs__(self): return 'abs'",
    "add": "def __add__(self, other): return 'add'",
    "aenter": "async def __aenter__(self): return 'aenter'",
    "aexit": "async def __aexit__(self, *exc): return True",
    "aiter": "def __aiter__(self): return AsyncIterator()",
    "and": "def __and__(self, other): return 'and'",
    "anext": "async def __anext__(self): return 'anext'",
    "await": "def __await__(self): return iter(['await'])",
    "bool": "def __bool__(self): return False",
    "buffer": "def __buffer__(self, flags): return memoryview(b'buffer')",
    "bytes": "def __bytes__(self): return b'bytes'",
    "call": "def __call__(self, *args): return args",
    "ceil": "def __ceil__(self): return 'ceil'",
    "class_getitem": "def __class_getitem__(cls, item): return item",
    "complex": "def __complex__(self): return 2j",
    "contains": "def __contains__(self, item): return item == 'contained'",
    "copy": "def __copy__(self): return 'copy'",
    "deepcopy": "def __deepcopy__(self, memo): return 'deepcopy'",
    "del": "def __del__(self): DELETED.append('del')",
    "delattr": "def __delattr__(self, name): self.__dict__.clear()",
    "delete": "def __delete__(self, instance): instance.__dict__['deleted'] = True",
    "delitem": "def __delitem__(self, key): pass",
    "dir": "def __dir__(self): return ['dir']",
    "divmod": "def __divmod__(self, other): return 'divmod'",
    "enter": "def __enter__(self): return 'enter'",
    "eq": "def __eq__(self, other): return 'eq'",
    "exit": "def __exit__(self, *exc): return True",
    "float": "def __float__(self): return 1.5",
    "floor": "def __floor__(self): return 'floor'",
    "format": "def __format__(self, spec): return 'format'",
    "fspath": "def __fspath__(self): return 'fspath'",
    "ge": "def __ge__(self, other): return 'ge'",
    "get": "def __get__(self, instance, owner=None): return 'get'",
    "getattr": "def __getattr__(self, name): return GETATTR[name]",
    "getattribute": "def __getattribute__(self, name): return object.__getattribute__(self, name.lower())",
    "getitem": "def __getitem__(self, key): return [7, 8][key]",
    "getnewargs": "def __getnewargs__(self): return ()",
    "getnewargs_ex": "def __getnewargs_ex__(self): return (), {}",
    "getstate": "def __getstate__(self): return {'state': 1}",
    "hash": "def __hash__(self): return 7",
    "iadd": "def __iadd__(self, other): return 'iadd'",
    "iand": "def __iand__(self, other): return 'iand'",
    "imatmul": "def __imatmul__(self, other): return 'imatmul'",
    "imul": "def __imul__(self, other): return 'imul'",
    "index": "def __index__(self): return 1",
    "init": "def __init__(self, *args): self.__dict__.update({'args': args} if args else {})",
    "init_subclass": "def __init_subclass__(cls): cls.seen = True",
    "int": "def __int__(self): return 3",
    "invert": "def __invert__(self): return 'invert'",
    "ipow": "def __ipow__(self, other): return 'ipow'",
    "iter": "def __iter__(self): return iter([5])",
    "ixor": "def __ixor__(self, other): return 'ixor'",
    "le": "def __le__(self, other): return 'le'",
    "len": "def __len__(self): return 0",
    "length_hint": "def __length_hint__(self): return 9",
    "lt": "def __lt__(self, other): return 'lt'",
    "matmul": "def __matmul__(self, other): return 'matmul'",
    "missing": "def __missing__(self, key): return 'missing'",
    "mod": "def __mod__(self, other): return 'mod'",
    "mro_entries": "def __mro_entries__(self, bases): return ()",
    "mul": "def __mul__(self, other): return 'mul'",
    "ne": "def __ne__(self, other): return 'ne'",
    "neg": "def __neg__(self): return 'neg'",
    "new": "def __new__(cls, *args): return object.__new__(cls)",
    "next": "def __next__(self): return 'next'",
    "or": "def __or__(self, other): return 'or'",
    "pos": "def __pos__(self): return 'pos'",
    "pow": "def __pow__(self, other, modulo=None): return 'pow'",
    "radd": "def __radd__(self, other): return 'radd'",
    "rdivmod": "def __rdivmod__(self, other): return 'rdivmod'",
    "reduce": "def __reduce__(self): return str, ('reduce',)",
    "reduce_ex": "def __reduce_ex__(self, protocol): return str, ('reduce_ex',)",
    "repr": "def __repr__(self): return 'repr'",
    "reversed": "def __reversed__(self): return iter(['reversed'])",
    "ror": "def __ror__(self, other): return 'ror'",
    "round": "def __round__(self, digits=None): return 'round'",
    "rpow": "def __rpow__(self, other, modulo=None): return 'rpow'",
    "set": "def __set__(self, instance, value): instance.__dict__['set'] = value",
    "set_name": "def __set_name__(self, owner, name): owner.named = name",
    "setattr": "def __setattr__(self, name, value): self.__dict__['setattr'] = value",
    "setitem": "def __setitem__(self, key, value): pass",
    "setstate": "def __setstate__(self, state): self.__dict__['setstate'] = True",
    "sizeof": "def __sizeof__(self): return 7",
    "str": "def __str__(self): return 'str'",
    "sub": "def __sub__(self, other): return 'sub'",
    "subclasshook": "@classmethod\n    def __subclasshook__(cls, other): return NotImplemented",
    "trunc": "def __trunc__(self): return 4",
    "no_hash": "__hash__ = None",
    "no_iter": "__iter__ = None",
    "no_contains": "__contains__ = None",
}
"""What one of the two versions has."""

FALLBACKS = {
    "add": ("iadd", "radd"),
    "aenter": ("aexit",),
    "aexit": ("aenter",),
    "aiter": ("anext",),
    "anext": ("aiter",),
    "delete": ("set", "get"),
    "delitem": ("setitem",),
    "enter": ("exit",),
    "exit": ("enter",),
    "float": ("complex", "ceil"),
    "getitem": ("iter", "no_iter", "reversed", "contains", "no_contains", "len", "setitem"),
    "getnewargs": ("getnewargs_ex",),
    "index": ("int", "float", "complex", "bytes", "ceil", "floor"),
    "init": ("new",),
    "iter": ("contains", "no_contains", "length_hint", "next", "bytes"),
    "len": ("bool", "reversed", "length_hint"),
    "lt": ("ge",),
    "matmul": ("imatmul",),
    "mul": ("imul",),
    "new": ("init",),
    "next": ("iter",),
    "pow": ("ipow",),
    "repr": ("str", "format"),
    "set": ("delete", "get"),
    "get": ("set", "delete"),
    "str": ("format",),
    "trunc": ("int",),
    "eq": ("ne", "hash", "no_hash"),
}
"""What both versions have, and which methods can be missing beside it."""

BASES = {
    "dict": ("missing", "contains", "getitem", "iter", "bool", "len", "or", "ror", "eq", "setitem", "reversed", "copy"),
    "int": ("add", "radd", "bool", "index", "float", "int", "round", "complex", "bytes", "iadd", "format", "mod"),
    "list": ("iadd", "imul", "contains", "bool", "len", "getitem", "iter", "reversed", "delitem", "call"),
    "str": ("mod", "contains", "bool", "iter", "getitem", "reversed", "fspath", "str", "next"),
    "bytes": ("bytes", "iter", "setitem"),
}
"""A base, and which methods can be missing in a class that is derived from it."""

CASES = [
    *((missing, "", "") for missing in METHODS if missing != "buffer" or sys.version_info >= (3, 12)),
    *((one, there, "") for there, ones in FALLBACKS.items() for one in ones),
    *((one, "", base) for base, ones in BASES.items() for one in ones),
]

EXPRESSIONS = """
abs(x); x + 1; x + Other(); Other() + x; 1 + x; x - 1; x * 2; 2 * x; x @ 1; x % 2; x & 1; x ** 2; pow(x, 2, 3); 2 ** x
divmod(x, 1); divmod(Other(), x); x | 1; Other() | x; -x; +x; ~x; changed(x, '+='); changed(x, '@='); changed(x, '*=')
changed(x, '&='); changed(x, '^='); changed(x, '**='); 1 if x else 0; not x; bool(x); x and 1; all([x])
list(filter(None, [x])); len(x); [*x]; list(x); tuple(iter(x)); [one for one in x]; next(x); 7 in x; 'contained' in x
6 not in x; reversed(x) is None; list(reversed(x)); operator.length_hint(x, 5); x[0]; x[5]; x[0:1]; items(x)
type(x)[0]; int(x); float(x); complex(x); round(x); round(x, 1); math.ceil(x); math.floor(x); math.trunc(x)
operator.index(x); bytes(x); [1, 2, 3][x]; range(x); hex(x); memoryview(x).tobytes(); math.sqrt(x); os.fspath(x); x()
x(1, 2); str(x); repr(x); f'{x}'; f'{x:>9}'; format(x); x == x; x == 1; x != 1; x < 1; x <= 1; x >= 1; x > 1
hash(x) == 7; {x: 1}[x]; sorted([x, x])[0] is x; x in [x]; x.absent; getattr(x, 'absent', 1); hasattr(x, 'absent')
x.UPPER; attributes(x); 'dir' in dir(x); x.__sizeof__() == 7; entered(x); awaited(wait(x)); awaited(enter(x))
awaited(loop(x)); awaited(step(x)); type(aiter(x)).__name__; copy.copy(x) == 'copy'; copy.deepcopy(x) == 'deepcopy'
kind(copy.copy(x)); vars(copy.copy(x)); vars(pickled(x)); kind(pickled(x))
type('Owner', (), {'x': x}).__dict__.get('named'); kind(type('Owner', (), {'x': x})().x)
kind(type('Owner', (), {'x': x}).x); described(x); kind(type(x)()); vars(type(x)(1)); type(x)(1, 2, 3) is None
type('Sub', (type(x),), {}).__dict__.get('seen'); based(x)
type('Sub', (type(x),), {'__init__': lambda self, *a: None})(1) is None; type('Sub', (type(x),), {})(1) is None
deleted(type(x)); isinstance(x, type(x)); issubclass(int, type(x)); matched(x)
""".replace("\n", ";")

MODULE = """
import copy
import math
import operator
import os
import pickle
import re

GETATTR = {"absent": "found"}
DELETED = []

CLASSES
class Other:
    def __add__(self, other): return NotImplemented
    def __radd__(self, other): return "other radd"
    def __rdivmod__(self, other): return "other rdivmod"

class AsyncIterator:
    def __aiter__(self): return self
    async def __anext__(self): raise StopAsyncIteration

def kind(value): return value if isinstance(value, str) else type(value).__name__
def changed(x, operation):
    if operation == "+=": x += 1
    if operation == "@=": x @= 1
    if operation == "*=": x *= 2
    if operation == "&=": x &= 1
    if operation == "^=": x ^= 1
    if operation == "**=": x **= 2
    return x
def told(function, *given):
    try: return function(*given)
    except Exception as error: return type(error), str(error)
def items(x): return told(operator.setitem, x, 0, 1), told(operator.delitem, x, 0)
def attributes(x):
    x.attribute = 1
    try: del x.attribute
    except Exception: pass
    return list(vars(x)), vars(x).clear()
def entered(x):
    with x as found: return kind(found)
async def wait(x): return await x
async def enter(x):
    async with x as found: return kind(found)
async def loop(x):
    async for one in x: return one
async def step(x): return await anext(x)
def awaited(coroutine):
    try: return coroutine.send(None)
    except StopIteration as stop: return stop.value
    finally: coroutine.close()
def pickled(x): return pickle.loads(pickle.dumps(x))
def described(x):
    class Owner: attribute = x
    owner, found = Owner(), []
    for step in (lambda: owner.attribute, lambda: setattr(owner, "attribute", 1), lambda: owner.attribute,
                 lambda: delattr(owner, "attribute"), lambda: delattr(owner, "attribute")):
        found += [kind(told(step)), sorted(vars(owner).items(), key=str)]
    return str(found)
def based(x):
    class Based(x): pass
def deleted(cls):
    DELETED.clear()
    cls()
    return list(DELETED)
def matched(x):
    match x:
        case [*found]: return found
        case {}: return "mapping"

def look(x): return LOOK
def by_name(x, name):
    shown = lambda found: getattr(found, "__name__", None) == name or found is None
    return (told(lambda: shown(getattr(x, name, None))), hasattr(x, name), hasattr(type(x), name),
            told(lambda: shown(eval("lambda x: x." + name)(x))), name in vars(type(x)))
def shown(look):
    try: found = look()
    except Exception as error: found = type(error).__name__ + ": " + str(error)
    return re.sub(" at 0x[0-9a-f]+", "", repr(found) if not isinstance(found, THINGS) else "a thing")
def steps(things):
    while True:
        yield {(number, name): {**look(x), "by name": by_name(x, name)} for (number, name), x in things.items()}
THINGS = tuple(cls for name, cls in globals().items() if name.startswith("Thing"))
"""


def special_name(missing: str) -> str:
    method = METHODS[missing].removeprefix("@classmethod\n    ").removeprefix("async ").removeprefix("def ")
    return method.split("(")[0].split()[0]


def text(*, complete: bool) -> str:
    classes = ""
    for number, (missing, there, base) in enumerate(CASES):
        methods = [METHODS[one] for one in (there, missing if complete else "") if one]
        body = "".join(f"    {one}\n" for one in ["upper = 'upper'", *methods])
        classes += f"class Thing{number}({base}):\n{body}"
    steps = [one.strip() for one in EXPRESSIONS.split(";") if one.strip()]
    look = f"{{{', '.join(f'{one!r}: shown(lambda: {one})' for one in steps)}}}"
    return MODULE.replace("CLASSES", classes).replace("LOOK", look)


WORDED_BY_THE_SLOT = {"[*x]", "math.sqrt(x)", "[1, 2, 3][x]", "type(aiter(x)).__name__"}
"""C code that words its refusal by whether the slot is empty, before it calls it: the type of the error is the same."""

if sys.version_info >= (3, 14):
    WORDED_BY_THE_SLOT |= {
        "entered(x)",
        "awaited(enter(x))",
    }  # the other kind of `with` is proposed if the class has it


def things_of(module: Any) -> Any:
    return {(n, special_name(case[0])): getattr(module, f"Thing{n}")() for n, case in enumerate(CASES)}


def differences(found: Any, expected: Any) -> Any:
    def is_same(case: Any, one: str, value: Any, wanted: Any) -> bool:
        if one in WORDED_BY_THE_SLOT and "TypeError" in value and "TypeError" in wanted:
            return True
        if one == "by name" and case[1] == "__new__":  # CPython does not let a class lose it
            return bool(value[:4] == wanted[:4])
        return bool(value == wanted)

    return {
        (case, one): (value, expected[case][one])
        for case, looks in found.items()
        for one, value in looks.items()
        if not is_same(case, one, value, expected[case][one])
    }


@pytest.mark.parametrize("way", ["added", "removed"])
def test_a_missing_method_is_missing_as_in_the_plain_class(way: str, workshop: Workshop) -> None:
    versions = [text(complete=way == "removed"), text(complete=way == "added")]
    expected: list[Any] = []
    for version in versions:
        workshop.write("things.py", version)
        outside: Any = workshop.load("things")
        expected.append(next(outside.steps(things_of(outside))))
        workshop.forget()
    workshop.write("things.py", versions[0])
    module = bf.freeze_block("things")
    things = things_of(module)
    old = module.steps(things)
    assert not differences(next(old), expected[0])
    bf.swap(module, source=versions[1])
    new = module.steps(things)
    for call, version in ((old, 0), (new, 1), (old, 0)):
        assert not differences(next(call), expected[version])
    outside.THINGS = module.THINGS
    found = next(outside.steps(things))
    for case, looks in found.items():  # what lies in the dictionary of a class is there for all; the list is each's own
        looks["by name"] = *looks["by name"][:4], expected[1][case]["by name"][4]
        looks["deleted(type(x))"] = expected[1][case]["deleted(type(x))"]
    assert not differences(found, expected[1])
    old.close()
    bf.drain(module, timeout=30)
    assert not differences(next(new), expected[1])
    new.close()
    # Their `__del__` is the block's: no instance may outlive the block, which the test harness takes apart.
    things.clear()
    gc.collect()
