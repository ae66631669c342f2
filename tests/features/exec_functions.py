"""Functions, classes and tables made by `exec`, `eval`, `compile` and `type`."""

import types


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


exec("def made(n):\n    return ['v1', scale(n)]\n", globals())  #v1
exec("def made(n):\n    return ['v2', scale(n)]\n", globals())  #v2

_namespace = {"scale": scale}
exec(compile("def apart(n, factor=2):\n    return scale(n) * factor\n", "<generated>", "exec"), _namespace)  #v1
exec(compile("def apart(n, factor=3):\n    return scale(n) * factor\n", "<generated>", "exec"), _namespace)  #v2
apart = _namespace["apart"]

evaluated = eval("lambda n: scale(n) + 1")  #v1
evaluated = eval("lambda n: scale(n) + 2")  #v2


def build(expression):
    """Compile a function of one argument from text."""
    namespace = {}
    exec(f"def built(n):\n    return {expression}\n", globals(), namespace)
    return namespace["built"]


increase = build("scale(n) + 1")  #v1
increase = build("scale(n) + 2")  #v2


def _speak(self, n=1):
    return made(n), scale(n)


Dynamic = type("Dynamic", (), {"speak": _speak, "__module__": __name__})
copied = types.FunctionType(scale.__code__, globals(), "copied", scale.__defaults__, scale.__closure__)
TABLE = {name: build(f"scale(n) {name} {3}") for name in ("+", "-")}  #v1
TABLE = {name: build(f"scale(n) {name} {5}") for name in ("+", "-")}  #v2


def locally(n):
    found = {}
    exec("answer = scale(n)", globals(), found | {"n": n, "found": found})
    return eval("scale(n) + 1", globals(), {"n": n})


def make():
    return {"dynamic": Dynamic()}


def use(held):
    answers = [made(1), apart(2), evaluated(3), increase(4), held["dynamic"].speak(), copied(5)]
    return [*answers, [TABLE[name](6) for name in sorted(TABLE)], locally(7), build("made(n)")(8)]
