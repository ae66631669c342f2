"""Shapes of a package: calls, data and classes across its members."""

from __future__ import annotations

from benchmarks.shapes.shape import Shape, package

__all__ = ["SHAPES"]

_PARTS = """
def frob(n):
    return (VERSION,)
#GAP
def bar(parts):
    return (*parts, VERSION)
"""

SHAPES: tuple[Shape, ...] = (
    package(
        "member_import",
        "from .parts import bar, frob",
        parts=_PARTS,
        front="""
from .parts import bar, frob
#GAP
def foo(n):
    return (*bar(frob(n)), VERSION)
""",
    ),
    package(
        "member_attribute",
        "parts.bar(parts.frob(n)), imported relatively",
        parts=_PARTS,
        front="""
from . import parts
#GAP
def foo(n):
    return (*parts.bar(parts.frob(n)), VERSION)
""",
    ),
    package(
        "member_absolute",
        "import package.parts, and as a short name",
        parts=_PARTS,
        front="""
import BLOCK.parts
import BLOCK.parts as short
#GAP
def foo(n):
    return (*BLOCK.parts.bar(short.frob(n)), VERSION)
""",
    ),
    package(
        "member_star",
        "from .parts import *",
        parts=_PARTS,
        front="""
from .parts import *
#GAP
def foo(n):
    return (*bar(frob(n)), VERSION)
""",
    ),
    package(
        "import_inside",
        "imports executed inside functions",
        parts=_PARTS,
        front="""
def foo(n):
    from .parts import frob
    found = frob(n)
    import BLOCK.parts
    from . import parts
    return (*parts.bar(found), *BLOCK.parts.bar(()), VERSION)
""",
    ),
    package(
        "import_dynamic",
        "importlib.import_module and sys.modules inside functions",
        parts=_PARTS,
        front="""
import importlib
import sys
#GAP
def foo(n):
    found = importlib.import_module(".parts", __package__).frob(n)
    return (*sys.modules["BLOCK.parts"].bar(found), VERSION)
""",
    ),
    package(
        "circular",
        "two members that import each other",
        front="""
from . import back

def frob(n):
    return (VERSION,)
#GAP
def foo(n):
    return (*back.bar(frob(n)), VERSION)
""",
        back="""
from . import front
#GAP
def bar(parts):
    return (*parts, *front.frob(0), VERSION)
""",
    ),
    package(
        "re_export",
        "through what __init__ exports, and a package inside the package",
        **{
            "__init__": """
from .inner import bar, frob
from .front import Handler, foo
""",
            "inner/__init__": "from .deep import bar, frob\n",
            "inner/deep": _PARTS,
            "front": """
import BLOCK
from BLOCK import frob
#GAP
def foo(n):
    return (*BLOCK.bar(frob(n)), *BLOCK.inner.deep.bar(()), VERSION)
""",
        },
    ),
    package(
        "member_data",
        "constants of another member, read together with code",
        rates="""
RATE = VERSION
TABLE = {"rate": VERSION}
""",
        front="""
from . import rates
from .rates import RATE, TABLE

def frob(n):
    return (RATE, rates.RATE)
#GAP
def bar(parts):
    return (*parts, TABLE["rate"], rates.TABLE["rate"], VERSION)

def foo(n):
    return bar(frob(n))
""",
    ),
    package(
        "member_class",
        "a base class and an exception of another member",
        base="""
class Base:
    def frob(self, n):
        return (VERSION,)

    def bar(self, parts):
        return (*parts, VERSION)

class Refused(Exception):
    pass
#GAP
def refuse(parts):
    raise Refused((*parts, VERSION))
""",
        front="""
from . import base
from .base import Base, Refused
#GAP
class Leaf(Base):
    def bar(self, parts):
        return (*super().bar(parts), VERSION)

def foo(n):
    leaf = Leaf()
    try:
        base.refuse(leaf.bar(leaf.frob(n)))
    except Refused as error:
        return error.args[0]
""",
    ),
)
