"""Functions, classes and tables made by `exec`, `eval`, `compile` and `type`."""

import types


def scale(n):
    return n * 10


exec("def made(n):\n    return ['v1', scale(n)]\n", globals())

_namespace = {"scale": scale}
exec(compile("def apart(n, factor=2):\n    return scale(n) * factor\n", "<generated>", "exec"), _namespace)
apart = _namespace["apart"]

evaluated = eval("lambda n: scale(n) + 1")


def build(expression):
    """Compile a function of one argument from text."""
    namespace = {}
    exec(f"def built(n):\n    return {expression}\n", globals(), namespace)
    return namespace["built"]


increase = build("scale(n) + 1")


def _speak(self, n=1):
    return made(n), scale(n)


Dynamic = type("Dynamic", (), {"speak": _speak, "__module__": __name__})
copied = types.FunctionType(scale.__code__, globals(), "copied", scale.__defaults__, scale.__closure__)
TABLE = {name: build(f"scale(n) {name} {3}") for name in ("+", "-")}


def locally(n):
    found = {}
    exec("answer = scale(n)", globals(), found | {"n": n, "found": found})
    return eval("scale(n) + 1", globals(), {"n": n})


def make():
    return {"dynamic": Dynamic()}


def use(held):
    answers = [made(1), apart(2), evaluated(3), increase(4), held["dynamic"].speak(), copied(5)]
    return [*answers, [TABLE[name](6) for name in sorted(TABLE)], locally(7), build("made(n)")(8)]
