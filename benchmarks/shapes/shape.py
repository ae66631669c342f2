"""What a shape is, and how its templates become the source of a version.

A template is Python text. ``VERSION`` stands for the serial number of the version, ``BLOCK`` for the name of the
module or package, ``OUTSIDE`` for the foreign module beside it. A line that ends with ``#v1`` is there in odd versions
only, one with ``#v2`` in even ones, so neighbours differ in form as well as in number. The line ``#GAP`` is nothing
in the layout `direct` and much work in the layout `far`: a tool that replaces definitions one by one takes longer
over the second, so a call has more time to meet half of an update.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from textwrap import dedent

__all__ = ["CALLED", "PARKED", "Drive", "Layout", "Shape", "module", "package"]


class Layout(Enum):
    """How far apart in the source the two definitions stand that must change together."""

    DIRECT = "direct"
    FAR = "far"


class Drive(Enum):
    """What a call of a shape's entry gives, and so how it is brought to its end."""

    CALL = "a result"
    GENERATOR = "a generator of tuples of numbers"
    COROUTINE = "a coroutine that returns the numbers"
    ASYNC_GENERATOR = "an asynchronous generator of tuples of numbers"
    TASKS = "a coroutine that needs a running event loop"
    HELD = "a function to be called later"


CALLED = """
class Handler:
    def handle(self, n):
        return (*foo(n), VERSION)
"""
"""The class that the routes through an instance use, for entries that return their result."""

PARKED = """
class Handler:
    def handle(self, n):
        return foo(n)
"""
"""The same for entries that return something to be continued; its own text never changes."""

_FILLER = "".join(
    f"""
def filler_{number}(first, second={number}, *rest, **named):
    total = first
    for step in range(second):
        total += step * {number + 1} if step % 2 else filler_{(number + 1) % 8}(step)
    return [total, rest, sorted(named), {{"first": first, "second": second}}]

filled_{number} = sum(step * VERSION for step in range(3_000))
"""
    for number in range(8)
)


@dataclass(frozen=True)
class Shape:
    """One way in which the parts of a module call each other.

    Attributes:
        name: what the command line calls it.
        about: one line for the reader of the table.
        files: template by path; the path of a package's member is relative to the package.
        drive: how a call is brought to its end.
        counts: whether the module counts its calls in a global variable that must survive.
    """

    name: str
    about: str
    files: Mapping[str, str]
    drive: Drive = Drive.CALL
    counts: bool = False

    @property
    def is_package(self) -> bool:
        """Whether the block is a package and not a single module."""
        return "__init__.py" in self.files

    def render(self, block: str, serial: int, layout: Layout) -> Iterator[tuple[str, str]]:
        """Yield path and text of each file of the version `serial`; paths are relative to the import directory."""
        for path, template in self.files.items():
            place = f"{block}/{path}" if self.is_package else f"{block}.py"
            yield place, _render(template, block, serial, layout)

    def write(self, directory: Path, block: str, serial: int, layout: Layout) -> None:
        """Write the version `serial` into `directory`, over the version before."""
        for place, text in self.render(block, serial, layout):
            target = directory / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")


def module(
    name: str, about: str, body: str, *, drive: Drive = Drive.CALL, counts: bool = False, handler: str | None = None
) -> Shape:
    """Return the shape of a single module; the class for the routes through an instance is appended."""
    if handler is None:
        handler = CALLED if drive is Drive.CALL else PARKED
    return Shape(name, about, {"": dedent(body) + handler}, drive, counts)


def package(name: str, about: str, **members: str) -> Shape:
    """Return the shape of a package; the member `front` gets the class for the routes through an instance."""
    files = {f"{member}.py": dedent(body) for member, body in members.items()}
    files["front.py"] += CALLED
    files.setdefault("__init__.py", "from .front import Handler, foo\n")
    return Shape(name, about, files)


def _render(template: str, block: str, serial: int, layout: Layout) -> str:
    other = "#v2" if serial % 2 else "#v1"
    lines = [line for line in template.splitlines() if not line.endswith(other)]
    text = "\n".join(re.sub(r"\s*#v[12]$", "", line) for line in lines) + "\n"
    text = text.replace("#GAP", _FILLER if layout is Layout.FAR else "")
    text = re.sub(r"\bBLOCK\b", block, text)
    text = re.sub(r"\bOUTSIDE\b", f"{block}_outside", text)
    return re.sub(r"\bVERSION\b", str(serial), text)
