"""What form a value has, as far as an expression tells: a tuple of so many, None, a list, an instance of a class."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from blockfreeze.advice.flow import first_argument, kind_of, leaves_results, reaches_end, stores
from blockfreeze.advice.known_calls import DECLARED, MADE_BY, OF_TEXT
from blockfreeze.advice.texts import Found, Function, Text, Version, decorator_names, dotted_name, own_nodes

Detail = int | str | frozenset[str] | None


@dataclass(frozen=True)
class Form:
    """The form of a value: its `kind`, and of a tuple how many, of a dictionary its keys, of an instance its class."""

    kind: str
    detail: Detail = None

    def __str__(self) -> str:
        if self.kind == "tuple" and self.detail is not None:
            return f"a tuple of {self.detail}"
        if self.kind == "dict" and isinstance(self.detail, frozenset):
            return f"a dictionary with {', '.join(sorted(self.detail))}" if self.detail else "a dictionary"
        if self.kind == "instance":
            return f"a {self.detail}"
        return _WORDS.get(self.kind, f"a {self.kind}")


_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "None": "None",
        "str": "text",
        "bytes": "bytes",
        "int": "an integer",
        "float": "a number",
        "bool": "True or False",
        "dict": "a dictionary",
        "iterator": "an iterator",
        "unknown": "anything",
        "async generator": "an asynchronous generator",
    }
)

UNKNOWN = Form("unknown")
NONE = Form("None")
Forms = frozenset[Form]
ANY: Forms = frozenset({UNKNOWN})

_NUMBERS = ("bool", "int", "float")

_DISPLAYS: Final[Mapping[type, str]] = MappingProxyType(
    {ast.List: "list", ast.ListComp: "list", ast.Set: "set", ast.SetComp: "set", ast.DictComp: "dict"}
    | {ast.GeneratorExp: "generator", ast.JoinedStr: "str", ast.Lambda: "function"}
)

_DEPTH = 6
"""Through how many names and calls an expression is followed."""


@dataclass(frozen=True)
class Scope:
    """Where an expression stands: in which module, which class, and which function, if in one."""

    text: Text
    cls: str = ""
    function: Function | None = None


class FormsOf:
    """Tells the forms of expressions of one version."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self._locals: dict[int, dict[str, list[ast.expr | None]]] = {}
        self._returned: dict[int, Forms] = {}
        self.declared: set[int] = set()  # the functions whose annotation tells what they return

    def of(self, node: ast.expr | None, scope: Scope, depth: int = _DEPTH) -> Forms:
        """Return the forms that an expression can have; `UNKNOWN` is among them if it may have others."""
        if node is None or depth == 0:
            return ANY
        if isinstance(node, ast.Constant):
            return frozenset({Form("None" if node.value is None else type(node.value).__name__)})
        if type(node) in _DISPLAYS:
            return frozenset({Form(_DISPLAYS[type(node)])})
        if isinstance(node, ast.Tuple):
            starred = any(isinstance(one, ast.Starred) for one in node.elts)
            return frozenset({Form("tuple", None if starred else len(node.elts))})
        if isinstance(node, ast.Dict):
            return frozenset({Form("dict", _keys(node))})
        if isinstance(node, ast.IfExp):
            return self.of(node.body, scope, depth - 1) | self.of(node.orelse, scope, depth - 1)
        if isinstance(node, ast.BoolOp):
            return self._of_choice(node, scope, depth)
        if isinstance(node, ast.Compare):
            return frozenset({Form("bool")}) if _is_plain_comparison(node) else ANY
        if isinstance(node, ast.UnaryOp):
            return (
                frozenset({Form("bool")}) if isinstance(node.op, ast.Not) else self.of(node.operand, scope, depth - 1)
            )
        if isinstance(node, ast.BinOp):
            return self._of_operation(node, scope, depth)
        if isinstance(node, ast.Call):
            return self._of_call(node, scope, depth)
        if isinstance(node, ast.Await):
            return self._of_awaited(node, scope, depth)
        return self._of_name(node, scope, depth) if isinstance(node, ast.Name) else ANY

    def _of_choice(self, node: ast.BoolOp, scope: Scope, depth: int) -> Forms:
        *before, last = (self.of(one, scope, depth - 1) for one in node.values)
        if isinstance(node.op, ast.Or):  # what is false gives way to the next one, and None is
            before = [one - {NONE} for one in before]
        return frozenset().union(*before, last)

    def _of_operation(self, node: ast.BinOp, scope: Scope, depth: int) -> Forms:
        left, right = self.of(node.left, scope, depth - 1), self.of(node.right, scope, depth - 1)
        kinds = {one.kind for one in left}
        if isinstance(node.op, ast.Mod) and kinds <= {"str", "bytes"}:
            return left
        if {one.kind for one in left | right} <= set(_NUMBERS):
            return frozenset({Form("float")}) if isinstance(node.op, ast.Div) else left | right
        if isinstance(node.op, ast.Add) and kinds == {one.kind for one in right} and kinds <= {"str", "bytes", "list"}:
            return left
        return ANY

    def _of_name(self, node: ast.Name, scope: Scope, depth: int) -> Forms:
        if scope.function is None:
            return ANY
        if scope.cls and node.id == first_argument(scope.function):
            is_instance = {"classmethod", "staticmethod"}.isdisjoint(decorator_names(scope.function))
            return frozenset({Form("instance", scope.cls)}) if is_instance else ANY
        values = self._locals_of(scope.function).get(node.id)
        if values is None or None in values:
            return ANY
        found = frozenset[Form]().union(*(self.of(one, scope, depth - 1) for one in values))
        # A name that is None at first need not be None where it is used.
        return ANY if NONE in found and len(values) > 1 else found

    def _locals_of(self, function: Function) -> dict[str, list[ast.expr | None]]:
        if id(function) not in self._locals:
            found = self._locals[id(function)] = {}
            for name, value in stores(function):
                found.setdefault(name, []).append(value)
        return self._locals[id(function)]

    def _of_call(self, node: ast.Call, scope: Scope, depth: int) -> Forms:
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Constant | ast.JoinedStr):
            if self.of(node.func.value, scope, depth - 1) == {Form("str")} and node.func.attr in OF_TEXT:
                return frozenset({Form(OF_TEXT[node.func.attr])})
        name = dotted_name(node.func)
        root = name.partition(".")[0]
        if not name or (scope.function is not None and root in self._locals_of(scope.function)):
            return self._of_method(name, scope, depth)
        found = self.version.find(scope.text.name, name)
        if found is not None:
            return self._of_found(found, depth)
        made = MADE_BY.get(self.version.dotted(scope.text, node.func))
        is_own = root in scope.text.values or root in scope.text.outline.variables
        return ANY if made is None or is_own else frozenset({Form(made)})

    def _of_method(self, name: str, scope: Scope, depth: int) -> Forms:
        """Return what calling a method of the first argument, or that itself if it is the class, returns."""
        first = first_argument(scope.function) if scope.cls and scope.function is not None else ""
        root, _, rest = name.partition(".")
        if not first or root != first or "." in rest:
            return ANY
        if not rest:
            assert scope.function is not None
            is_class = "classmethod" in decorator_names(scope.function)
            return frozenset({Form("instance", scope.cls)}) if is_class else ANY
        found = scope.text.functions.get(f"{scope.cls}.{rest}")
        # A sub-class may have another one.
        return ANY if found is None or not rest.startswith("_") else self._of_found(found, depth)

    def _of_found(self, found: Found, depth: int) -> Forms:
        if isinstance(found.node, ast.ClassDef):
            is_plain = not found.node.keywords and found.text.functions.get(f"{found.path}.__new__") is None
            return frozenset({Form("instance", found.path)}) if is_plain else ANY
        if isinstance(found.node, ast.expr) or not leaves_results(found.node):
            return ANY
        kind = kind_of(found.node)
        return self.returned(found, depth - 1) if kind == "function" else frozenset({Form(kind)})

    def _of_awaited(self, node: ast.Await, scope: Scope, depth: int) -> Forms:
        called = dotted_name(node.value.func) if isinstance(node.value, ast.Call) else ""
        found = self.version.find(scope.text.name, called) if called else None
        if found is None or not isinstance(found.node, ast.AsyncFunctionDef) or kind_of(found.node) != "coroutine":
            return ANY
        return self.returned(found, depth - 1) if leaves_results(found.node) else ANY

    def returned(self, function: Found, depth: int = _DEPTH) -> Forms:
        """Return the forms of what a function's ``return`` statements return, and None if its end is reached."""
        assert isinstance(function.node, Function)
        if id(function) in self._returned:
            return self._returned[id(function)]
        self._returned[id(function)] = ANY  # what it returns of itself tells nothing
        found = {NONE} if reaches_end(function.node.body) else set[Form]()
        scope = Scope(function.text, function.cls, function.node)
        for node in own_nodes(function.node):
            if isinstance(node, ast.Return):
                found |= {NONE} if node.value is None else self.of(node.value, scope, depth)
        if UNKNOWN in found and function.node.returns is not None:
            declared = self._declared(function.node.returns, function.text)
            if UNKNOWN not in declared:
                found = {*declared}
                self.declared.add(id(function))
        self._returned[id(function)] = frozenset(found)
        return self._returned[id(function)]

    def _declared(self, node: ast.expr, text: Text) -> Forms:
        """Return the forms that an annotation names."""
        if isinstance(node, ast.Constant):
            if node.value is None:
                return frozenset({NONE})
            with suppress(SyntaxError, ValueError):
                return self._declared(ast.parse(str(node.value), mode="eval").body, text)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._declared(node.left, text) | self._declared(node.right, text)
        inside = node.slice if isinstance(node, ast.Subscript) else None
        dotted = self.version.dotted(text, node.value if isinstance(node, ast.Subscript) else node)
        name = dotted.rpartition(".")[2]
        if name == "Optional" and inside is not None:
            return self._declared(inside, text) | {NONE}
        parts = inside.elts if isinstance(inside, ast.Tuple) else [inside] if inside is not None else []
        if name == "Union":
            return frozenset().union(*(self._declared(one, text) for one in parts))
        if name.lower() == "tuple" and parts and not any(isinstance(one, ast.Constant) for one in parts):
            return frozenset({Form("tuple", len(parts))})
        if name in DECLARED:
            return frozenset({Form(DECLARED[name])})
        found = self.version.find(text.name, dotted_name(node))
        return self._of_found(found, _DEPTH) if found is not None and isinstance(found.node, ast.ClassDef) else ANY

    def of_return(self, node: ast.Return, function: Found) -> Forms:
        """Return the forms of what one ``return`` statement of a function returns."""
        assert isinstance(function.node, Function)
        scope = Scope(function.text, function.cls, function.node)
        return frozenset({NONE}) if node.value is None else self.of(node.value, scope)

    def _is_renamed(self, was: str, now: Found) -> bool:
        """Tell whether a class has taken the place of one that is gone: its name is that one's, but for underscores."""
        is_gone = not any(was in text.classes for text in self.version.modules.values())
        return is_gone and was.strip("_") == now.path.strip("_")

    def fits(self, was: Form, now: Form) -> bool:
        """Tell whether who expects a value of the one form can do with the other, which this version has."""
        if UNKNOWN in (was, now):
            return True
        if now.kind == "instance" and was.kind != "None":
            return self._fits_instance(was, now)
        if was.kind in _NUMBERS and now.kind in _NUMBERS:
            return True
        if {was.kind, now.kind} <= {"iterator", "generator"} or (was.kind == "bool" and now == NONE):
            return True
        if was.kind != now.kind:
            return False
        if isinstance(was.detail, frozenset) and isinstance(now.detail, frozenset):
            return was.detail <= now.detail
        return was.detail is None or now.detail is None or was.detail == now.detail

    def _fits_instance(self, was: Form, now: Form) -> bool:
        for text in self.version.modules.values():
            older = text.classes.get(str(was.detail)) if was.kind == "instance" else None
            if older is not None and any(one.path == now.detail for one in self.version.ancestors(older)[0]):
                return True  # an annotation names a base, and any of its sub-classes may be meant
            found = text.classes.get(str(now.detail))
            if found is not None:
                if self._is_renamed(str(was.detail), found):
                    return True
                inside, others = self.version.ancestors(found)
                foreign = others - {"object", "abc.ABC", "typing.Generic", "typing.Protocol", "Generic", ""}
                if foreign or any(one.path == was.detail for one in inside):
                    return True
        return was == now


def _keys(node: ast.Dict) -> frozenset[str] | None:
    keys = [one.value for one in node.keys if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return frozenset(keys) if len(keys) == len(node.keys) and keys else None


def _is_plain_comparison(node: ast.Compare) -> bool:
    return all(isinstance(one, ast.In | ast.NotIn | ast.Is | ast.IsNot | ast.Eq | ast.NotEq) for one in node.ops)
