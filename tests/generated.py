"""Hypothesis strategies for whole modules: definitions of every kind that call each other in random graphs.

Every generated callable takes a number and a depth, and calls others with the depth less one, so any graph of calls,
cycles included, ends. At depth 0 a callable answers without calling anything: that is what makes it safe to call
while the body is still running (in defaults, decorators and class bodies). Every answer is a small number into which
salts drawn for the version go, so a mixture of two versions shows. `probe` asks everything; `steps` does so as a
generator.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from hypothesis import strategies as st

Draw = Callable[..., object]

NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")

CALLS = {
    "function": ("{name}({n}, {d})",),
    "decorated": ("{name}({n}, {d})", "{name}.__wrapped__({n}, {d})"),
    "cached": ("{name}({n}, {d})", "{name}({n}, d={d})"),
    "partial": ("{name}({n}, {d})",),
    "lambda": ("{name}({n}, {d})",),
    "generator": ("sum({name}({n}, {d}))", "next({name}({n}, {d}))", "max([m for m in {name}({n}, {d})])"),
    "coroutine": ("drive({name}({n}, {d}))",),
    "class": (
        "{name}({n}).method({n}, {d})",
        "{name}.static({n}, {d})",
        "{name}.built({n}, {d})",
        "{name}({n}).inherited({n}, {d})",
        "{name}(1).value",
        "{name}.method({name}(2), {n}, {d})",
    ),
}

PROLOGUE = """\
import contextlib
import functools

TRAIL = []


def drive(coroutine):
    try:
        while True:
            coroutine.send(None)
    except StopIteration as done:
        return done.value


def adding(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs) + SALT

    return wrapper


def times(factor):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs) * factor

        return wrapper

    return decorate


class Odd(Exception):
    def __init__(self, n):
        super().__init__(n)
        self.n = n + SALT


class Base:
    def __init__(self, n):
        self.n = n

    def inherited(self, n, d):
        return self.method(n, d) + SALT if d > 0 else n + SALT


@contextlib.contextmanager
def entered(n):
    yield n + SALT
"""

EPILOGUE = """

TABLE = [{table}]
ALIASES = {{"first": TABLE[0], "last": TABLE[-1]}}


def asked(call, n):
    try:
        return call(n, 2)
    except Exception as error:
        return type(error).__name__, str(error)


def probe():
    return [asked(call, n) for call in [*TABLE, *ALIASES.values()] for n in (0, 1, 5)]


def steps():
    for call in [*TABLE, *ALIASES.values()]:
        yield [asked(call, n) for n in (0, 1, 5)]
"""


class _Writer:
    """Write one module; `known` maps the names that are defined so far to their kinds, `kinds` maps all."""

    def __init__(self, draw: Draw, kinds: dict[str, str]) -> None:
        self.draw = draw
        self.kinds = kinds
        self.known: dict[str, str] = {}

    def pick(self, options: list[str] | tuple[str, ...]) -> str:
        return str(self.draw(st.sampled_from(options)))

    def chance(self) -> bool:
        return bool(self.draw(st.booleans()))

    def salt(self) -> int:
        drawn = self.draw(st.integers(1, 997))
        assert isinstance(drawn, int)
        return drawn

    def call(self, n: str) -> str:
        """Write a call of any definition, from inside a function."""
        name = self.pick([*self.kinds, "TABLE"])
        if name == "TABLE":
            return f"TABLE[{n} % len(TABLE)]({n}, d - 1)"
        return self.pick(CALLS[self.kinds[name]]).format(name=name, n=n, d="d - 1")

    def call_now(self) -> str:
        """Write what is safe while the body runs: a call of an earlier definition at depth 0."""
        if not self.known:
            return str(self.salt())
        name = self.pick(list(self.known))
        return self.pick(CALLS[self.known[name]]).format(name=name, n=self.salt(), d=0)

    def simple(self) -> str:
        return self.pick(["n", "x", "y", "d", str(self.salt()), "(n + x)", "(y * 3)", "len(TRAIL)"])

    def expression(self) -> str:
        other = self.pick(list(self.kinds))
        template = self.pick(
            [
                "{call}",
                "{call} + {simple}",
                "({call} if {simple} % 2 else {simple})",
                "sum([{call} + m for m in range(2)])",
                "sum(m for m in [{simple}, {call}])",
                "sum({{m: {call} for m in (1, 2)}}.values())",
                "(lambda q: {call} + q)({simple})",
                "sum(map(lambda q: {call} - q, (1, 2)))",
                "sorted([{simple}, {simple}], key=lambda q: {call} % 7)[0]",
                "functools.reduce(lambda p, q: p + q + {call}, [1, 2])",
                "len({{m for {other} in (1, 2) for m in ({other}, {simple})}})",
                "(z := {call}) + z",
                "len(f'{{{call}}}-{{{simple}!r:>4}}')",
                "max(*[{call}, {simple}], {simple})",
                "int({call} < {simple} <= {simple} or {simple} > 2 and not {simple})",
            ]
        )
        return template.format(call=self.call("(n + 1)"), simple=self.simple(), other=other)

    def statement(self) -> str:
        other = self.pick(list(self.kinds))
        template = self.pick(
            [
                "x = {expression}",
                "x, y = y, {expression}",
                "y += {expression}",
                "if {simple} % 2:|    x = {expression}|else:|    y = {simple}",
                "for i in range(2):|    x += i + {expression}|    if x % 3 == 0:|        break|else:|    y = {simple}",
                "while d > 1:|    x += {expression}|    break",
                "try:|    if {simple} % 2: raise Odd({expression})|except Odd as error: x = error.n|finally: x += 1",
                "try:|    x = {expression} // ({simple} % 2)|except ZeroDivisionError:|    x = {simple}",
                "def inner(q, r={expression}):|    return {expression} + q + r|x = inner({simple})",
                "def inner():|    nonlocal x|    x += {expression}|    return (lambda: x + {expression})()|y = inner()",
                "def shadowing({other}):|    return {other} + {simple}|x = shadowing({simple})",
                "class Local(Base):|    at = {unmarked}|    def show(self): return {expression}|x = Local(1).show()",
                "def drawn():|    yield {expression}|    yield from (m for m in [{simple}])|x = sum(drawn())",
                "with entered({simple}) as z:|    x = z + {expression}",
                "match {simple} % 3:|    case 0:|        x = {expression}|    case m:|        y = m",
                "held = {other}|x += held is {other}",
                "return {expression} % 1009",
            ]
        )
        expression = self.expression()
        # Where a local variable has a definition's name, class bodies reach the definition as a value, the entry, and
        # an attribute of that is the serving generation's (see "Functions" in the README).
        unmarked = expression.replace(".__wrapped__", "")
        text = template.replace("|", "\n").format(
            expression=expression, unmarked=unmarked, simple=self.simple(), other=other
        )
        return f"{text}\n"

    def statements(self) -> str:
        return "".join(self.statement() for _ in range(int(str(self.draw(st.integers(0, 3))))))

    def body(self) -> str:
        parts = f"if d <= 0:\n    return (n + {self.salt()}) % 1009\nx = y = n\n{self.statements()}"
        return textwrap.indent(f"{parts}return ({self.expression()}) % 1009\n", "    ")

    def parameters(self) -> str:
        return self.pick(["n, d", "n, d=1", "n, d, k={now}", "n, d=1, *rest, k={now}", "n, d, /, k={now}"]).format(
            now=self.call_now()
        )

    def definition(self, name: str, kind: str) -> str:
        """Write the definition of a name, or two of which the condition or the order chooses one."""
        text = getattr(self, f"_{kind}")(name)
        if kind in ("function", "decorated", "class") and self.draw(st.integers(0, 4)) == 0:
            once_more = getattr(self, f"_{kind}")(name)
            template = self.pick(["{a}\n\n{b}", "if {test} % 2:\n{ia}else:\n{ib}", "try:\n{ia}finally:\n    pass\n"])
            indented = {"ia": textwrap.indent(text, "    "), "ib": textwrap.indent(once_more, "    ")}
            text = template.format(a=text, b=once_more, test=self.salt(), **indented)
        self.known[name] = kind
        return text

    def _function(self, name: str) -> str:
        return f"def {name}({self.parameters()}):\n{self.body()}"

    def _decorated(self, name: str) -> str:
        decorators = [self.pick(["adding", f"times({self.salt()})", f"times({self.call_now()} % 5)"]) for _ in range(2)]
        count = self.draw(st.integers(1, 2))
        assert isinstance(count, int)
        return "".join(f"@{each}\n" for each in decorators[:count]) + self._function(name)

    def _cached(self, name: str) -> str:
        return f"@functools.lru_cache(maxsize={self.pick(['None', '8'])})\ndef {name}(n, d=1):\n{self.body()}"

    def _partial(self, name: str) -> str:
        function = f"def {name}_whole(extra, n, d):\n{self.body()}\n"
        return f"{function}{name} = functools.partial({name}_whole, {self.call_now()})\n"

    def _lambda(self, name: str) -> str:
        inner = self.call("n")
        return f"{name} = lambda n, d=1: {inner} % 1009 if d > 0 else n + {self.salt()}\n"

    def _generator(self, name: str) -> str:
        base = f"    if d <= 0:\n        yield (n + {self.salt()}) % 1009\n        return\n    x = y = n\n"
        statements = textwrap.indent(self.statements(), "    ")
        yields = "".join(f"    yield ({self.expression()}) % 1009\n" for _ in range(2))
        return f"def {name}({self.parameters()}):\n{base}{statements}{yields}"

    def _coroutine(self, name: str) -> str:
        return f"async def {name}({self.parameters()}):\n{self.body()}"

    def _class(self, name: str) -> str:
        bases = [known for known, kind in self.known.items() if kind == "class" and known != name]
        base = self.pick(["Base", *bases])
        other = self.pick(list(self.kinds))
        methods = [
            f"def method(self, {self.parameters()}):\n{self.body()}",
            f"@staticmethod\ndef static({self.parameters()}):\n{self.body()}",
            f"@classmethod\ndef built(cls, {self.parameters()}):\n    return cls(n).method(n, d - 1) if d > 0 else n\n",
            f"@property\ndef value(self):\n    return self.method(self.n, 0) + {self.call_now()}\n",
        ]
        extras = [
            "def inherited(self, n, d):\n    return super().inherited(n, d) + 1\n",
            f"at = {self.call_now()}\n",
            f"def __init__(self, n, k={self.call_now()}):\n    super().__init__(n + k)\n",
        ]
        # A class variable with the name of a definition hides it in the class body, and nowhere else.
        shadow = f"{other} = {self.salt()}\ncopied = {other} + 1\n" if self.chance() else ""
        count = self.draw(st.integers(0, len(extras)))
        assert isinstance(count, int)
        parts = [*extras[:count], *methods, shadow]
        return f"class {name}({base}):\n" + "\n".join(textwrap.indent(part, "    ") for part in parts)


@st.composite
def modules(draw: Draw) -> str:
    """Draw the source of a module that defines `probe` and `steps`."""
    kinds_drawn = draw(st.lists(st.sampled_from(sorted(CALLS)), min_size=1, max_size=len(NAMES)))
    assert isinstance(kinds_drawn, list)
    kinds = dict(zip(NAMES, kinds_drawn, strict=False))
    writer = _Writer(draw, kinds)
    parts = [PROLOGUE.replace("SALT", str(writer.salt()))]
    parts += [writer.definition(name, kind) for name, kind in kinds.items()]
    table = [
        name if kind in ("function", "decorated", "cached", "partial", "lambda") else f"lambda n, d: {call}"
        for name, kind in kinds.items()
        for call in [CALLS[kind][0].format(name=name, n="n", d="d")]
    ]
    return "\n\n".join(parts) + EPILOGUE.format(table=", ".join(table))
