"""What a body replaces outside: a new version finds what was there before any version replaced it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from conftest import Workshop

import blockfreeze as bf

LIBRARY = """
def f():
    return ["original"]

def g():
    return ["original"]

class Thing:
    def method(self):
        return ["original"]

    @classmethod
    def of_class(cls):
        return ["original"]

    @staticmethod
    def static():
        return ["original"]

    def __init__(self):
        self.log = ["original"]

class Derived(Thing):
    pass

level = 0
"""

SHAPES = {
    "saved": """
_old = lib.f
def patched():
    return ["v1", *_old()]
lib.f = patched
""",
    "wrapped": """
import functools
def around(function):
    @functools.wraps(function)
    def wrapper(*given):
        return ["v1", *function(*given)]
    return wrapper
lib.f = around(lib.f)
""",
    "default": """
def patched(_old=lib.f):
    return ["v1", *_old()]
lib.f = patched
""",
    "instance": """
class Patch:
    def __init__(self, function):
        self.function = function
    def __call__(self):
        return ["v1", *self.function()]
lib.f = Patch(lib.f)
""",
    "partial": """
import functools
def patched(old):
    return ["v1", *old()]
lib.f = functools.partial(patched, lib.f)
""",
    "decorated": """
import functools
_old = lib.f
@functools.lru_cache
def patched():
    return ["v1", *_old()]
lib.f = patched
""",
    "in a function": """
_old = lib.f
def patched():
    return ["v1", *_old()]
def install():
    lib.f = patched
install()
""",
    "getattr and setattr": """
_old = getattr(lib, "f")
def patched():
    return ["v1", *_old()]
setattr(lib, "f", patched)
""",
    "vars": """
_old = vars(lib)["f"]
def patched():
    return ["v1", *_old()]
vars(lib)["f"] = patched
""",
    "its dictionary": """
_old = lib.__dict__["f"]
def patched():
    return ["v1", *_old()]
lib.__dict__.update(f=patched)
""",
    "imported from it": """
from a_library import f as _old
def patched():
    return ["v1", *_old()]
lib.f = patched
""",
    "both at once": """
def patched():
    return ["v1", *_old()]
lib.f, _old = patched, lib.f
""",
    "in an expression": """
def patched():
    return ["v1", *_old()]
if (_old := lib.f):
    lib.f = patched
""",
    "once": """
_old = lib.f
if not hasattr(_old, "is_patched"):
    def patched():
        return ["v1", *_old()]
    patched.is_patched = True
    lib.f = patched
""",
}

METHODS = """
import a_library as lib

_method, _of_class, _static, _init = lib.Thing.method, lib.Thing.of_class, lib.Thing.static, lib.Thing.__init__
_derived = lib.Derived.method

def method(self):
    return ["v1", *_method(self)]

def derived(self):
    return ["derived v1", *_derived(self)]

def __init__(self):
    _init(self)
    self.log.append("v1")

lib.Thing.method = method
lib.Thing.of_class = classmethod(lambda cls: ["v1", *_of_class()])
lib.Thing.static = staticmethod(lambda: ["v1", *_static()])
lib.Thing.__init__ = __init__
lib.Derived.method = derived
"""


@pytest.fixture
def library(workshop: Workshop) -> Iterator[ModuleType]:
    """A module outside that is patched."""
    workshop.write("a_library.py", LIBRARY)
    yield workshop.load("a_library")
    sys.modules.pop("a_library", None)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_saved_is_the_original(workshop: Workshop, library: ModuleType, shape: str) -> None:
    source = "import a_library as lib\n" + SHAPES[shape]
    block = workshop.freeze("patches", source)
    assert library.f() == ["v1", "original"]
    for version in ("v2", "v3", "v4"):
        bf.swap(block, source=source.replace("v1", version))
        assert library.f() == [version, "original"]
    bf.rollback(block)
    assert library.f()[-1] == "original"


def test_an_item_of_a_table_outside_too(workshop: Workshop, library: ModuleType) -> None:
    source = "import a_library as lib\n_old = lib.table['f']\ndef patched(): return ['v1', *_old()]\n"
    source += "lib.table['f'] = patched\n"
    library.table = {"f": library.f}
    block = workshop.freeze("patches", source)
    for version in ("v2", "v3"):
        bf.swap(block, source=source.replace("v1", version))
        assert library.table["f"]() == [version, "original"]


def test_what_another_has_put_there_since_is_saved(workshop: Workshop, library: ModuleType) -> None:
    """The statement says the same, but it is no function of the block."""
    source = "import a_library as lib\n_old = vars(lib)['f']\ndef patched(): return ['v1', *_old()]\n"
    block = workshop.freeze("patches", source)
    library.f = lambda: ["another"]
    bf.swap(block, source=source.replace("v1", "v2"))
    assert block.patched() == ["v2", "another"]


def test_methods_of_a_class_outside_too(workshop: Workshop, library: ModuleType) -> None:
    block = workshop.freeze("patches", METHODS)
    for version in ("v1", "v2", "v3"):
        if version != "v1":
            bf.swap(block, source=METHODS.replace("v1", version))
        thing = library.Thing()
        assert thing.method() == thing.of_class() == thing.static() == [version, "original"]
        assert thing.log == ["original", version]
        assert library.Derived().method() == [f"derived {version}", "original"]


def test_another_name_saves_the_original_as_well(workshop: Workshop, library: ModuleType) -> None:
    source = "import a_library as lib\n" + SHAPES["saved"]
    block = workshop.freeze("patches", source)
    bf.swap(block, source=source.replace("v1", "v2").replace("_old", "_saved"))
    assert library.f() == ["v2", "original"]
    bf.swap(block, source=source.replace("v1", "v3").replace("patched", "other"))
    assert library.f() == ["v3", "original"]


def test_a_hook_of_the_interpreter(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    monkeypatch.setattr(sys, "displayhook", said.append)
    source = "import sys\n_old = sys.displayhook\ndef mine(value):\n    _old(('v1', value))\nsys.displayhook = mine\n"
    block = workshop.freeze("patches", source)
    for version in ("v2", "v3"):
        bf.swap(block, source=source.replace("v1", version))
        sys.displayhook(1)
        assert said.pop() == (version, 1)
    assert said == []


def test_what_others_have_put_there_since_is_found(workshop: Workshop, library: ModuleType) -> None:
    source = "import a_library as lib\n" + SHAPES["saved"]
    block = workshop.freeze("patches", source)
    library.f = lambda: ["theirs"]
    bf.swap(block, source=source.replace("v1", "v2"))
    assert library.f() == ["v2", "theirs"]
    bf.swap(block, source=source.replace("v1", "v3"))
    assert library.f()[0] == "v3"
    assert len(library.f()) == 2


def test_a_wrapper_that_others_have_put_around_it_does_not_lead_back(workshop: Workshop, library: ModuleType) -> None:
    source = "import a_library as lib\n" + SHAPES["saved"]
    block = workshop.freeze("patches", source)
    ours = library.f
    library.f = lambda: ["theirs", *ours()]
    bf.swap(block, source=source.replace("v1", "v2"))
    assert library.f() == ["v2", "original"]


def test_a_swap_that_fails_keeps_the_original(workshop: Workshop, library: ModuleType) -> None:
    source = "import a_library as lib\n" + SHAPES["saved"]
    block = workshop.freeze("patches", source)
    with pytest.raises(bf.PrepareError):
        bf.swap(block, source=source.replace("v1", "v2") + "\n1 / 0\n")
    bf.swap(block, source=source.replace("v1", "v3"))
    assert library.f() == ["v3", "original"]


def test_numbers_that_a_body_counts_are_not_held_back(workshop: Workshop, library: ModuleType) -> None:
    source = "import a_library as lib\nlib.level = lib.level + 1\nlib.level += 1\n"
    block = workshop.freeze("patches", source)
    bf.swap(block, source=source + "# more\n")
    assert library.level == 4
