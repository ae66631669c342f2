"""What counts of a statement when the thing that it defines is not itself called: of a class, its *skeleton*."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from blockfreeze.versions.statements import digest, loaded, root_name, said

_METHOD_DECORATORS = frozenset(
    {"abstractmethod", "cached_property", "classmethod", "deleter", "getter", "override", "property", "setter"}
    | {"staticmethod"}
)


class Skeleton:
    """A part of a statement: its text, the names that it reads, and those of them that begin what it calls.

    A text is compared and never read, so it is a hash. Positions and comments do not count.
    """

    text: str
    reads: frozenset[str]
    calls: frozenset[str]

    def __init__(self, parts: Iterable[ast.AST], inside: Iterable[tuple[str, Skeleton]] = ()) -> None:
        found, inner = list(parts), list(inside)
        nodes = [node for part in found for node in ast.walk(part)]
        calls = frozenset(root_name(node.func) for node in nodes if isinstance(node, ast.Call))
        self.text = digest([*map(said, found), *(f"class {name}: {one.text}" for name, one in inner)])
        self.reads = loaded(nodes).union(*(one.reads for _, one in inner))
        self.calls = calls.union(*(one.calls for _, one in inner))


def skeleton_of_class(statement: ast.ClassDef) -> Skeleton:
    """Return the skeleton of a class statement, with those of the classes inside it."""
    nested: list[tuple[str, Skeleton]] = []
    parts: list[ast.AST] = [*statement.bases, *statement.keywords, *statement.decorator_list]
    for one in statement.body:
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            if not all(map(is_for_methods, one.decorator_list)):
                parts += [ast.Name(one.name, ast.Store()), *one.decorator_list, one.args]
        elif isinstance(one, ast.ClassDef):
            nested.append((one.name, skeleton_of_class(one)))
        elif not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)):
            parts.append(one)
    return Skeleton(parts, nested)


def is_for_methods(decorator: ast.expr) -> bool:
    """Tell whether a decorator is one that the language has for methods."""
    last = decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
    return last in _METHOD_DECORATORS
