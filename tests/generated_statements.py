"""Hypothesis strategies for statements inside statements, and modules of them: every kind of block that has handlers.

They use the bound names ``f`` and ``C`` and the state ``s``. What they work on allows nearly everything, and says what
was done with it, so most of what is written is executed too.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

_USES = ("f(x)", "C(x).m()", "C.k", "f", "s", "x", "[f(i) for i in (x,)]", "(lambda: f(s))()", "cls.__dict__")
_SIMPLE = (
    *(f"x = {use}" for use in _USES),
    "s = x",
    "cls.k = x",
    "cls.j = x\ndel cls.j",
    "x = sys._getframe().f_code.co_name",
    "setattr(cls, 'k', s)",
)
_COMPOUND = (
    "if {use}:\n{body}\nelse:\n{other}",
    "while {use}:\n{body}\n    break",
    "for i in ({use},):\n{body}\nelse:\n{other}",
    "try:\n{body}\nexcept (C, TypeError):\n{other}\nfinally:\n    def g(x=f, *, y: C = C): return f(x)\n    g()",
    "with given as y:\n{body}",
    "match {use}:\n    case C(k=x) | [x, *_]:\n    {body}\n    case _:\n    {other}",
    "def g(x=f, *, y: C = C):\n    global s\n{body}\ng()",
    "class D(C):\n    k: f = f(1)\n    def m(self): return super().m()\n{body}\nx = D(x).m()",
    "async def h(cls, x):\n    async with f(x):\n    {body}\n    async for i in given: yield i\ndrive(h(cls, x))",
)

_HEAD = '''\
import sys
from math import *
TRAIL = []


class Given:
    """Allows everything, and says what was done."""

    def _done(self, *_):
        TRAIL.append(sys._getframe(1).f_lineno)
        return self

    __add__ = __radd__ = __call__ = __enter__ = __aiter__ = __getitem__ = _done
    __getattr__ = lambda self, name: self._done() if name[0] != "_" else object.__getattribute__(self, name)

    async def _later(self, *_):
        return self._done()

    __aenter__ = _later

    async def __aexit__(self, *_):
        self._done()

    def __exit__(self, *_):
        self._done()

    def __iter__(self):
        yield self._done()

    async def __anext__(self):
        if len(TRAIL) % 3:
            raise StopAsyncIteration
        return self._done()


def drive(asked):
    step = asked.__anext__()
    try:
        step.send(None)
    except (StopIteration, StopAsyncIteration) as done:
        return done.value if isinstance(done, StopIteration) else None


def f(x):
    TRAIL.append("f")
    return x


def same(made):
    return made


@same
class C(Exception):
    k = 1

    def m(self):
        return f(self.k)


given = x = Given()
cls, s = C, 0
'''

_PROBE = """

def probe():
    TRAIL.clear()
    C.k = 1
    try:
        answer = type(outer(C, given)).__qualname__
    except Exception as error:
        lines = []
        trace = error.__traceback__
        while trace is not None:
            lines.append((trace.tb_frame.f_code.co_qualname, trace.tb_lineno))
            trace = trace.tb_next
        answer = type(error).__name__, lines
    return answer, [*TRAIL]
"""


def _indented(text: str, by: str = "    ") -> str:
    return "\n".join(by + line for line in text.splitlines())


@st.composite
def statements(draw: Callable[..., object], depth: int) -> str:
    """Draw statements with blocks inside blocks, so many deep."""
    drawn = []
    for _ in range(int(str(draw(st.integers(1, 3))))):
        shape = str(draw(st.sampled_from(_COMPOUND if depth else _SIMPLE)))
        if depth:
            body, other = (_indented(str(draw(statements(depth - 1)))) for _ in range(2))
            # In a body that is one level deeper than it is written, each line is indented once more.
            shape = shape.replace("    {body}", "{deep}").replace("    {other}", "{deeper}")
            use = str(draw(st.sampled_from(_USES)))
            shape = shape.format(use=use, body=body, other=other, deep=_indented(body), deeper=_indented(other))
        drawn.append(shape)
    return "\n".join(drawn)


def module_of(inside: str, top: str, padding: int) -> str:
    """Write a module; padding makes indices of names and constants, and distances of jumps, as large as it is."""
    padded = [f"x = x + {1000 + number} + v{number}" for number in range(padding)]
    names = "".join(f"v{number} = {number}\n" for number in range(padding))
    many = "\n".join(padded) or "pass"
    deep = _indented(inside, " " * 8)
    loop = f"for x in f(x):\n{_indented(many)}\n    if f(x):\n{deep}"
    body = _indented(f"global s\n{loop}\n{many}\nreturn x")
    return f"{_HEAD}{names}{top}\n\n\ndef outer(cls, x):\n{body}\n{_PROBE}"
